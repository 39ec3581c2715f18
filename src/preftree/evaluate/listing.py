"""What there is to evaluate on: the benchmarks and suites, for whoever chooses.

In:  nothing. Out: plain rows.
"""

from __future__ import annotations

from typing import Any

from preftree.evaluate.benchmark import PROTOCOLS
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.suites import SUITES
from preftree.problems import licence_of


def listing() -> dict[str, Any]:
    """Benchmarks in the order of the registry, suites, protocols."""
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
                "hub": benchmark.published.hub or None,
                "files": [
                    f"{folder}/{file}" for folder in benchmark.published.folders for file in benchmark.published.files
                ],
                "licence": licence_of(benchmark.name).name,
                "licence_note": licence_of(benchmark.name).note or None,
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
    }
