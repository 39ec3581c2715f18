"""From results to the figures of a run: each benchmark and mode with its metrics, groups and counts; a suite's row.

In:  results, what was found of each benchmark's rows, what each cost. Out: `summary.json` as plain values. Pure.
Always true: an undecided answer counts as not correct, and is counted apart; several answers to an item are one figure
of that item, so intervals are over items; a figure names its n, and a figure of none is null; whatever makes a figure
another than the published one (fewer rows, a limit, answers without a score) is said in `notes`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import stdev
from typing import Any

from preftree.evaluate.benchmark import Benchmark, Metric
from preftree.evaluate.figures import metric_parts
from preftree.evaluate.suites import Choice, Column
from preftree.records import Result
from preftree.statistics import Interval, average_interval, ratio_interval

BETTER_NOTE = (
    "the better of two modes is the larger of their accuracies, as the paper takes it, never a union by problem; "
    "as the larger of two it is high by chance"
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found of a benchmark's rows."""

    benchmark: Benchmark
    found: int  # rows that can be used
    used: int  # of these, asked
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spent:
    """What a benchmark in a mode cost, a grading model's calls included, over all restarts."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    price_usd: float = 0.0
    seconds: float = 0.0  # in which at least one of its calls was in flight


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric over results with its 95% interval over items. All null where there are none."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    stderr: float | None
    n: int  # items
    best: float = 1.0  # what a perfect answer has
    unscored: int = 0  # answers that have no score of this name, and don't count
    sd_over_samples: float | None = None  # of the whole set's figure, between the first samples, the second ones, …


def summarize(
    results: Sequence[Result],
    rows: Sequence[Rows],
    choice: Choice,
    spent: Mapping[tuple[str, str, str], Spent] | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """What `summary.json` holds. `spent` is by model, benchmark and mode."""
    parts: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        parts.setdefault((result.model, result.dataset, str(result.metadata["mode"])), []).append(result)
    by_name = {found.benchmark.name: found for found in rows}
    models = list(dict.fromkeys(result.model for result in results))
    table = [
        _row(key, mine, by_name[key[1]], choice.protocol) | {"spent": asdict(spent[key]) if spent else None}
        for key, mine in parts.items()
    ]
    suites = [_suite_row(model, choice, parts, by_name) for model in models] if choice.suite else []
    return {
        "protocol": choice.protocol,
        "suite": choice.suite or None,
        "limit": limit,
        "models": models,
        "rows": table,
        "better_of_modes": [row for model in models for row in _better(model, parts, by_name)],
        "suites": suites,
        "notes": _notes(rows, table, limit) + _gaps(suites),
    }


# ---------------------------------------------------------------- metrics


def figure(metric: Metric, results: Sequence[Result]) -> Figure:
    """The metric over these results, which are one model's on one benchmark in one mode."""
    scored = [(result, parts) for result in results if (parts := metric_parts(metric, result)) is not None]
    interval, stderr = _interval(metric, _by_item(scored))
    samples: dict[int, list[tuple[Result, tuple[float, float]]]] = {}
    for result, parts in scored:
        samples.setdefault(result.sample, []).append((result, parts))
    values = [_interval(metric, _by_item(mine))[0].value * metric.best for mine in samples.values()]
    known = interval.n > 0 and not math.isnan(interval.value)
    return Figure(
        name=metric.name,
        value=interval.value * metric.best if known else None,
        low=interval.low * metric.best if known else None,
        high=interval.high * metric.best if known else None,
        stderr=stderr * metric.best if known else None,
        n=interval.n,
        best=metric.best,
        unscored=len(results) - len(scored),
        sd_over_samples=stdev(values) if known and len(values) > 1 else None,
    )


def _by_item(scored: Sequence[tuple[Result, tuple[float, float]]]) -> list[list[tuple[float, float]]]:
    items: dict[str, list[tuple[float, float]]] = {}
    for result, parts in scored:
        items.setdefault(result.problem, []).append(parts)
    return list(items.values())


def _interval(metric: Metric, items: Sequence[Sequence[tuple[float, float]]]) -> tuple[Interval, float]:
    """The value in [0, 1] with its interval, and its standard error, both over items: an item's parts and samples are
    not independent."""
    above = [sum(part[0] for part in parts) for parts in items]
    below = [sum(part[1] for part in parts) for parts in items]
    if not metric.denominator:
        # Every item counts the same, however many of its samples have a score.
        above, below = [y / x for y, x in zip(above, below, strict=True)], [1.0] * len(items)
    n, total = len(items), sum(below)
    interval = ratio_interval(above, below)
    if n < 2 or not total:
        return interval, 0.0
    # The error of a ratio of sums (Cochran, 1977, section 6.4); of a mean it is the usual one.
    residuals = sum((y - interval.value * x) ** 2 for y, x in zip(above, below, strict=True))
    return interval, math.sqrt(residuals * n / (n - 1)) / total


# ---------------------------------------------------------------- rows


def _row(key: tuple[str, str, str], results: Sequence[Result], rows: Rows, protocol: str) -> dict[str, Any]:
    model, name, mode = key
    benchmark = rows.benchmark
    return {
        "model": model,
        "benchmark": name,
        "mode": mode,
        "protocol": protocol,
        "version": benchmark.version,
        "rows_in_full": benchmark.rows,
        "rows_found": rows.found,
        "set_aside": len(rows.set_aside),
        "items": len({result.problem for result in results}),
        "samples": len({result.sample for result in results}),
        "metrics": [asdict(figure(metric, results)) for metric in benchmark.metrics],
        "groups": {label: figures_by(label, benchmark, results) for label in benchmark.groups},
        "undecided": sum(result.outcomes[-1] == "undecided" for result in results),
        "truncated": sum(result.truncated for result in results),
        "thoughts": sum(int(result.metadata.get("thoughts", 0)) for result in results),
        "refused": sum("refused" in result.metadata for result in results),
    }


def figures_by(label: str, benchmark: Benchmark, results: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """All metrics of each value of a label, in the order of the values."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        if label in result.metadata["labels"]:
            groups.setdefault(str(result.metadata["labels"][label]), []).append(result)
    return {
        value: [asdict(figure(metric, mine)) for metric in benchmark.metrics] for value, mine in sorted(groups.items())
    }


def _better(
    model: str, parts: Mapping[tuple[str, str, str], Sequence[Result]], rows: Mapping[str, Rows]
) -> list[dict[str, Any]]:
    """Where a benchmark was asked in text and with a program: the better one, both beside it."""
    found = []
    for name in rows:
        column = _column(model, Column(name, name), parts, rows)
        if column is not None and len(column["of"]) > 1:
            found.append({"model": model, "benchmark": name} | column)
    return found


def _column(
    model: str,
    column: Column,
    parts: Mapping[tuple[str, str, str], Sequence[Result]],
    rows: Mapping[str, Rows],
) -> dict[str, Any] | None:
    """The figure of a column in its better mode; `of` holds the figure of each mode."""
    benchmark = rows[column.benchmark].benchmark
    metric = benchmark.metrics[0]
    of: dict[str, Figure] = {}
    for (whose, name, mode), results in parts.items():
        if whose != model or name != column.benchmark:
            continue
        mine = [r for r in results if not column.label or r.metadata["labels"].get(column.label) == column.value]
        made = figure(metric, mine)
        if made.value is not None:
            of[mode] = made
    if not of:
        return None
    first = {mode: of[mode] for mode in benchmark.modes if mode in of}
    if not benchmark.better_of_modes:
        first = dict([next(iter(first.items()))])
    mode, best = max(first.items(), key=lambda entry: entry[1].value or 0.0)
    return {"mode": mode, **asdict(best), "of": {name: made.value for name, made in first.items()}}


def _suite_row(
    model: str,
    choice: Choice,
    parts: Mapping[tuple[str, str, str], Sequence[Result]],
    rows: Mapping[str, Rows],
) -> dict[str, Any]:
    """The row of the paper's table: a figure a column, and their plain mean."""
    found = {column.title: _column(model, column, parts, rows) for column in choice.columns}
    columns = [{"title": title, "figure": made} for title, made in found.items()]
    figures = [made for made in found.values() if made is not None]
    average = None
    # A mean over some of the columns would look like one over all.
    if choice.average and len(figures) == len(columns):
        # Columns are of different items, so their errors are independent.
        average = asdict(average_interval([Interval(f["value"], f["low"], f["high"], f["n"]) for f in figures]))
    return {"model": model, "suite": choice.suite, "columns": columns, "average": average}


# ---------------------------------------------------------------- what a reader must know


def _notes(rows: Sequence[Rows], table: Sequence[Mapping[str, Any]], limit: int | None) -> list[str]:
    notes = []
    for found in rows:
        name, full = found.benchmark.name, found.benchmark.rows
        if found.set_aside:
            notes.append(f"{name}: {len(found.set_aside)} rows were set aside, for one {found.set_aside[0]}")
        if found.found != full:
            notes.append(f"{name}: {found.found:,} rows were there; the published set has {full:,}")
        if found.used < found.found:
            which = "those of the suite's columns" if limit is None else "the first ones (limit)"
            notes.append(f"{name}: {found.used:,} of {found.found:,} rows were asked, {which}")
    for row in table:
        for made in row["metrics"]:
            if made["unscored"]:
                where = f"{row['model']}, {row['benchmark']} ({row['mode']})"
                notes.append(f"{where}: {made['unscored']} answers have no {made['name']}, and don't count in it")
    for found in rows:
        modes = {row["mode"] for row in table if row["benchmark"] == found.benchmark.name}
        if len(modes) > 1 and found.benchmark.better_of_modes:
            notes.append(BETTER_NOTE)
            break
    return notes


def _gaps(suites: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"suite {row['suite']}: {row['model']} has no figure in column {column['title']}, so none is averaged"
        for row in suites
        for column in row["columns"]
        if column["figure"] is None
    ]


def busy_seconds(calls: Sequence[tuple[float, float]]) -> float:
    """The length of the union of these intervals, each from sending a call to its answer."""
    total, until = 0.0, -math.inf
    for sent, answered in sorted(calls):
        total += max(0.0, answered - max(sent, until))
        until = max(until, answered)
    return total
