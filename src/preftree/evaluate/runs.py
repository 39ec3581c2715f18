"""What `preftree compare` reads: result directories, whoever wrote them.

In:  directories of `preftree evaluate`, `score out=…`, `rerank` and of reward benchmarks. Out: results by model, and
figures that have no items of ours behind them, ready for the paper's columns.
Always true: a model that comes from several directories is told apart by theirs; what is no result directory is an
InputError that names it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.paper import COLUMNS
from preftree.evaluate.runner import load_results
from preftree.records import Result


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row for the table alone: figures in per cent, by our names of columns."""

    name: str
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Runs:
    results: dict[str, list[Result]]  # by model, as it is called in tables
    rows: tuple[TableRow, ...]  # of rerank and of reward benchmarks


def read_runs(directories: Sequence[str]) -> Runs:
    """All of them together."""
    found: list[tuple[Path, str, list[Result]]] = []
    rows: list[tuple[Path, TableRow]] = []
    for name in directories:
        directory = Path(name)
        if not directory.is_dir():
            raise InputError(f"{name}: no such directory; expected one that preftree evaluate has written")
        figures = _reranking(directory) or _rewards(directory)
        rows += [(directory, row) for row in figures]
        if not figures:
            by_model: dict[str, list[Result]] = {}
            for result in load_results(directory / "results.jsonl"):
                by_model.setdefault(result.model, []).append(result)
            found += [(directory, model, mine) for model, mine in by_model.items()]
    often = Counter(model for _, model, _ in found)
    results: dict[str, list[Result]] = {}
    for directory, model, mine in found:
        label = model if often[model] == 1 else f"{directory}: {model}"
        if label in results:
            raise InputError(f"{directory}: named twice")
        results[label] = mine
    twice = Counter(row.name for _, row in rows)
    return Runs(results, tuple(row if twice[row.name] == 1 else _apart(directory, row) for directory, row in rows))


def _apart(directory: Path, row: TableRow) -> TableRow:
    return TableRow(f"{directory}: {row.name}", row.figures)


def _reranking(directory: Path) -> list[TableRow]:
    """The rows of table 9: a ranker each, `humaneval@4` the accuracy of the best of 4."""
    stage = _json(directory / "stage.json")
    if stage is None or stage.get("kind") != "rerank":
        return []
    by_method: dict[str, dict[str, float]] = {}
    for row in stage["report"]["by_dataset"]:
        if row["value"] is not None:
            by_method.setdefault(row["method"], {})[f"{row['dataset']}@{row['n']}"] = 100 * row["value"]
    return [TableRow(method, figures) for method, figures in by_method.items()]


def _rewards(directory: Path) -> list[TableRow]:
    """The rows of table 4: a scorer each."""
    if not (directory / "rewards.jsonl").is_file():
        return []
    summary = _json(directory / "summary.json")
    if summary is None:
        raise InputError(f"{directory}: has rewards.jsonl, and no summary.json; run its command again to its end")
    return [
        TableRow(row["model"], {name: value for name, value in row.items() if name != "model" and value is not None})
        for row in summary["rows"]
    ]


def _json(file: Path) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    try:
        value = json.loads(file.read_text("utf-8"))
    except ValueError as fault:
        raise InputError(f"{file}: not valid JSON ({fault})") from fault
    if not isinstance(value, dict):
        raise InputError(f"{file}: expected a JSON object")
    return value


def table_columns(runs: Runs) -> list[str]:
    """The columns of the rows that stand in the table alone: the paper's first, in its order."""
    names = dict.fromkeys(name for row in runs.rows for name in row.figures)
    order = {name: at for at, name in enumerate(COLUMNS.values())}
    return sorted(names, key=lambda name: order.get(name.partition("@")[0], len(order)))
