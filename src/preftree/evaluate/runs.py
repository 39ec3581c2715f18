"""What `preftree compare` reads: result directories, whoever wrote them.

In:  directories of `preftree evaluate`, `score out=…`, `rerank` and of reward benchmarks. Out: results by model, and
figures that have no items of ours behind them, ready for the paper's columns.
Always true: a model that comes from several directories is told apart by theirs; what is no result directory is an
InputError that names it; figures of one column that were measured under other rules, or over other numbers of rows, are
refused unless that is asked for, and then said.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.paper import COLUMNS
from preftree.evaluate.rewards import REWARD_BENCHMARKS
from preftree.evaluate.runner import load_results
from preftree.records import Result


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row for the table alone: figures in per cent, by our names of columns; and by column what was measured."""

    name: str
    figures: dict[str, float]
    measured_by: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Runs:
    results: dict[str, list[Result]]  # by model, as it is called in tables
    rows: tuple[TableRow, ...]  # of rerank and of reward benchmarks
    notes: tuple[str, ...] = ()  # on these rows


def read_runs(directories: Sequence[str], *, any_protocol: bool = False) -> Runs:
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
    told = [row if twice[row.name] == 1 else replace(row, name=f"{directory}: {row.name}") for directory, row in rows]
    unlike = _unlike(told)
    if unlike and not any_protocol:
        raise InputError(f"{unlike[0]}; --any-protocol shows them all the same")
    notes = [f"{said}: a difference is not the rows' alone." for said in unlike] or _measured(told)
    return Runs(results, tuple(told), tuple(notes))


def _measured(rows: Sequence[TableRow]) -> list[str]:
    """Under which rules, and over how many rows, the figures of each column were measured."""
    columns: dict[str, dict[str, None]] = {}
    for row in rows:
        for column, by in row.measured_by.items():
            columns.setdefault(by, {})[column] = None
    return [f"{', '.join(of)}: {by}." for by, of in columns.items()]


def _unlike(rows: Sequence[TableRow]) -> list[str]:
    """The columns whose figures are not of one measurement."""
    found = []
    for column in dict.fromkeys(name for row in rows for name in row.figures):
        by = {row.name: row.measured_by.get(column, "unknown rules") for row in rows if column in row.figures}
        if len(set(by.values())) > 1:
            (a, of_a), *others = by.items()
            b, of_b = next((name, of) for name, of in others if of != of_a)
            found.append(f"{column}: measured otherwise ({a}: {of_a}; {b}: {of_b})")
    return found


def _reranking(directory: Path) -> list[TableRow]:
    """The rows of table 9: a ranker each, `humaneval@4` the accuracy of the best of 4."""
    stage = _json(directory / "stage.json")
    if stage is None or stage.get("kind") != "rerank":
        return []
    report = stage["report"]
    rules = report.get("measured_by", {})  # reports of before this was kept have none
    found: dict[str, TableRow] = {}
    for row in report["by_dataset"]:
        if row["value"] is not None:
            mine = found.setdefault(row["method"], TableRow(row["method"], {}))
            column = f"{row['dataset']}@{row['n']}"
            mine.figures[column] = 100 * row["value"]
            mine.measured_by[column] = f"{rules.get(row['dataset'], 'unknown rules')}, {row['problems']:,} problems"
    return list(found.values())


def _rewards(directory: Path) -> list[TableRow]:
    """The rows of table 4: a scorer each."""
    if not (directory / "rewards.jsonl").is_file():
        return []
    summary = _json(directory / "summary.json")
    if summary is None:
        raise InputError(f"{directory}: has rewards.jsonl, and no summary.json; run its command again to its end")
    found = []
    for row in summary["rows"]:
        figures = {
            COLUMNS.get(name, name): value for name, value in row.items() if name != "model" and value is not None
        }
        by = {
            COLUMNS.get(column, column): f"version {one['version']}, {one['scored']:,} rows"
            for one in summary["benchmarks"]
            if one["scorer"] == row["model"]
            for column in REWARD_BENCHMARKS[one["benchmark"]].row
        }
        found.append(TableRow(row["model"], figures, {column: by[column] for column in figures}))
    return found


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
