"""What there is to evaluate on: the benchmarks and suites, and those of reward models, for whoever chooses.

In:  nothing. Out: plain rows.
"""

from __future__ import annotations

from typing import Any

from preftree.evaluate.benchmark import PROTOCOLS, Published
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.rewards import REWARD_BENCHMARKS
from preftree.evaluate.suites import SUITES
from preftree.problems import licence_of


def listing() -> dict[str, Any]:
    """Benchmarks in the order of the registry, suites, protocols, benchmarks of reward models."""
    return {
        "benchmarks": [
            {
                "benchmark": benchmark.name,
                "rows": benchmark.rows,
                "modes": list(benchmark.modes),
                "shots": {protocol: benchmark.shots.get(protocol, 0) for protocol in PROTOCOLS},
                "metrics": [metric.name for metric in benchmark.metrics],
                "groups": list(benchmark.groups),
                "needs_judge": benchmark.needs_judge,
                **_place(benchmark.name, benchmark.published),
                "version": benchmark.version,
            }
            for benchmark in BENCHMARKS.values()
        ],
        "suites": [
            {
                "suite": name,
                "table": suite.table,
                "protocol": suite.protocol,
                "columns": [column.title for column in suite.columns],
                "benchmarks": list(suite.benchmarks),
            }
            for name, suite in SUITES.items()
        ],
        "protocols": list(PROTOCOLS),
        "reward_benchmarks": [
            {
                "benchmark": benchmark.name,
                "rows": benchmark.rows,
                "columns": list(benchmark.row),
                **_place(benchmark.name, benchmark.published),
                "version": benchmark.version,
            }
            for benchmark in REWARD_BENCHMARKS.values()
        ],
    }


def _place(name: str, published: Published) -> dict[str, Any]:
    """Where its rows are, and under which terms."""
    return {
        "hub": published.hub or None,
        "files": [f"{folder}/{file}" for folder in published.folders for file in published.files],
        "licence": licence_of(name).name,
        "licence_note": licence_of(name).note or None,
    }
