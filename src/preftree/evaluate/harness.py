"""The same figures in the form of lm-evaluation-harness's results JSON, for tools that read that.

In:  a summary, the benchmarks, what is known of a run. Out: plain values, one model's. Pure.
Always true: a task is a benchmark, with its mode where it was asked in several; a group's figure is a subtask of it, as
the harness shows the subjects of MMLU; accuracy is called `acc`, other metrics keep their names; the filter is `none`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from preftree.evaluate.benchmark import Benchmark


def harness_form(
    summary: Mapping[str, Any],
    model: str,
    benchmarks: Mapping[str, Benchmark],
    *,
    date: float,
    config: Mapping[str, Any],
    version: str,
    seconds: float,
) -> dict[str, Any]:
    """One model's results. `config` is what the run was told; `date` in seconds since 1970; `seconds` for all of it, in
    which benchmarks that ran side by side count once."""
    made: dict[str, dict[str, Any]] = {
        name: {}
        for name in ("results", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples")
    }
    rows = [row for row in summary["rows"] if row["model"] == model]
    for row in rows:
        benchmark = benchmarks[row["benchmark"]]
        several = sum(other["benchmark"] == row["benchmark"] for other in rows) > 1
        task = f"{row['benchmark']}_{row['mode']}" if several else row["benchmark"]
        made["results"][task] = {"alias": task, **_metrics(row["metrics"])}
        made["group_subtasks"][task] = []
        _describe(made, task, row, benchmark, benchmark.rows, row["items"])
        for label, groups in row["groups"].items():
            for value, figures in groups.items():
                inner = re.sub(r"\W+", "_", f"{task}_{label}_{value}")
                made["results"][inner] = {"alias": f" - {value}", **_metrics(figures)}
                made["group_subtasks"][task].append(inner)
                _describe(made, inner, row, benchmark, figures[0]["n"], figures[0]["n"])  # its full number is unknown
    return made | {
        "config": dict(config),
        "git_hash": None,
        "date": date,
        "pretty_env_info": "",
        "preftree_version": version,
        "model_source": config.get("model"),
        "model_name": model,
        "model_name_sanitized": re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model),
        "total_evaluation_time_seconds": str(round(seconds, 3)),
    }


def _metrics(figures: list[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for figure in figures:
        name = "acc" if figure["name"] == "accuracy" else figure["name"]
        found[f"{name},none"] = figure["value"]
        # The harness writes this word where it has no error.
        found[f"{name}_stderr,none"] = "N/A" if figure["stderr"] is None else figure["stderr"]
    return found


def _describe(
    made: dict[str, dict[str, Any]], task: str, row: Mapping[str, Any], benchmark: Benchmark, full: int, n: int
) -> None:
    published = benchmark.published
    made["versions"][task] = benchmark.version
    made["n-shot"][task] = benchmark.shots.get(row["protocol"], 0)
    names = ["acc" if metric.name == "accuracy" else metric.name for metric in benchmark.metrics]
    made["higher_is_better"][task] = dict.fromkeys(names, True)
    made["n-samples"][task] = {"original": full, "effective": n}
    made["configs"][task] = {
        "task": task,
        "dataset_path": published.hub or None,
        "dataset_name": (published.configs or ("",))[0] or None,
        "test_split": published.split,
        "output_type": "multiple_choice" if row["mode"] == "choice" else "generate_until",
        "num_fewshot": made["n-shot"][task],
        "repeats": row["samples"],
        "metadata": {"version": benchmark.version, "protocol": row["protocol"], "mode": row["mode"]},
    }
