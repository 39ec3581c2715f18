"""Models against each other on the same items: paired differences, tests, averages. Pure functions.

In:  results by model. Out: a `Comparison`: a column a benchmark (and mode), what each model has there, a row a pair.
Always true: only items that every model of a column has are counted, and how many were left out is said; several
samples of an item are one mean; every p-value stands beside what Holm's method makes of it over its family; what is
not one measurement (`likeness`: another protocol, version, judge, other rows) is refused unless it is asked for, and
then its column is named after all its protocols, so that no table shows it as one.

The test is exact: McNemar's for one sample an item, the sign-flip test of item means for several (they are the same
test there; `statistics.sign_flip_p_value`). Where a benchmark was asked in text and with a program, the better of the
two counts for each model (FACTS section 3) in a column of its own, and in the average.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

from preftree.errors import InputError
from preftree.evaluate.benchmark import ACCURACY, Metric
from preftree.evaluate.figures import item_parts
from preftree.evaluate.likeness import breaches, manners
from preftree.evaluate.registry import BENCHMARKS
from preftree.records import Result
from preftree.statistics import (
    Interval,
    average_interval,
    difference_interval,
    holm,
    mean_interval,
    paired_p_value,
    sign_flip_p_value,
)

AVERAGE = "average"
# Benchmarks of which tables show parts, by the label that tells them apart.
PARTS = {"mint": "group"}


@dataclass(frozen=True, slots=True)
class Cell:
    """What a model has in a column: the metric with its interval (as a share of the best), and counts."""

    value: float
    low: float
    high: float
    items: int
    samples: int  # the most of an item
    undecided: int
    mode: str = ""  # the better one, in a column of the better of two


@dataclass(frozen=True, slots=True)
class Column:
    """A benchmark in a mode, or the better of its modes. `best`: what a perfect answer has, 1 or marks."""

    name: str
    benchmark: str
    mode: str
    protocol: str
    metric: str
    best: float
    cells: dict[str, Cell]  # by model
    left_out: int  # items that some model of the column lacks
    averaged: bool
    unlike: tuple[str, ...] = ()  # in what it is not one measurement


@dataclass(frozen=True, slots=True)
class Pairing:
    """b minus a on the items of a column, or of the average over columns (`column` is "average")."""

    a: str
    b: str
    column: str
    difference: float
    low: float
    high: float
    n: int  # items
    test: str
    p_value: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Comparison:
    models: tuple[str, ...]
    columns: tuple[Column, ...]
    averages: dict[str, Interval]  # by model, over the columns that all models have; `n` is their number
    pairs: tuple[Pairing, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Values:
    """A column's numbers: by model, the mean of each of the common items."""

    column: Column
    by_model: dict[str, dict[str, float]]
    seen: frozenset[str]  # the items that any model has


def compare(
    results: Mapping[str, Sequence[Result]], *, against: str | None = None, any_protocol: bool = False
) -> Comparison:
    """All pairs of models, or those with `against`. Raises InputError where nothing can be compared."""
    models = tuple(results)
    if len(models) < 2:
        raise InputError(f"compare: needs two models, got {', '.join(models) or 'none'}")
    if against is not None and against not in models:
        raise InputError(f'compare: no model is named "{against}"; there are {", ".join(models)}')
    values = _columns(results, any_protocol)
    if not any(len(one.by_model) > 1 for one in values):
        raise InputError("compare: no benchmark was run with two of these models")
    chosen = [pair for pair in itertools.combinations(models, 2) if against is None or against in pair]
    chosen = [(a, b) if b != against else (b, a) for a, b in chosen]
    averaged = [one for one in values if one.column.averaged]
    pairs = _with_holm(
        [_pair(one, a, b) for a, b in chosen for one in values if a in one.by_model and b in one.by_model]
    )
    if len(averaged) > 1:
        pairs += _with_holm([_average_pair(averaged, a, b) for a, b in chosen])
    return Comparison(
        models,
        tuple(one.column for one in values),
        {model: _average(averaged, model) for model in models} if len(averaged) > 1 else {},
        tuple(pairs),
        tuple(_notes(models, values, averaged, pairs)),
    )


# ---------------------------------------------------------------- columns


_Key = tuple[str, str, str]  # benchmark, part, mode
_Of = TypeVar("_Of")


def _columns(results: Mapping[str, Sequence[Result]], any_protocol: bool) -> list[_Values]:
    """Each benchmark and mode, in the order in which they come, and behind two modes the better of them."""
    parts: dict[tuple[str, str], dict[str, dict[str, list[Result]]]] = {}
    for model, answers in results.items():
        for result in answers:
            benchmark, part, mode = _key(result)
            parts.setdefault((benchmark, part), {}).setdefault(mode, {}).setdefault(model, []).append(result)
    found: list[_Values] = []
    for (benchmark, part), by_mode in parts.items():
        counting = counting_modes(benchmark, list(by_mode))
        mine = {
            mode: _column(
                (benchmark, part, mode), by_model, any_protocol, len(by_mode) > 1, [mode] == counting, results
            )
            for mode, by_model in by_mode.items()
        }
        found += mine.values()
        if len(counting) > 1:
            found.append(_better([mine[mode] for mode in counting], list(results)))
    return found


def counting_modes(benchmark: str, modes: Sequence[str]) -> list[str]:
    """Of the modes that there are, the one that stands for the benchmark, or those of which the better one does."""
    known = BENCHMARKS.get(_base(benchmark))
    if known is None:
        return list(modes)[:1]
    there = [mode for mode in known.modes if mode in modes] or list(modes)
    return there if known.better_of_modes else there[:1]


def _key(result: Result) -> _Key:
    label = PARTS.get(_base(result.dataset))
    part = str(result.metadata.get("labels", {}).get(label, "")) if label else ""
    return result.dataset, part, str(result.metadata.get("mode", ""))


def metric_of(dataset: str) -> Metric:
    """The first metric of a benchmark; problems of one's own are counted by verdicts."""
    base = _base(dataset)
    return BENCHMARKS[base].metrics[0] if base in BENCHMARKS else ACCURACY


def _base(dataset: str) -> str:
    """A benchmark's name without settings of its own ("mint:k=3")."""
    return dataset.partition(":")[0]


def _column(
    key: _Key, results: Mapping[str, list[Result]], any_protocol: bool, named: bool, counts: bool, models: Iterable[str]
) -> _Values:
    benchmark, part, mode = key
    name = f"{benchmark} {part}".strip() + (f" ({mode})" if named else "")
    unlike = breaches(results)
    if unlike and not any_protocol:
        raise InputError(f"{name}: {'; '.join(unlike)}; --any-protocol compares them all the same")
    protocols = dict.fromkeys(str(result.metadata.get("protocol", "")) for mine in results.values() for result in mine)
    if len(protocols) > 1:
        name += f" [{' or '.join(protocols)}]"
    if not unlike:
        unlike = manners(results)
    metric = metric_of(benchmark)
    values = {model: _item_values(metric, mine) for model, mine in results.items()}
    common = _common(values)
    if not common:
        raise InputError(f"{name}: {', '.join(values)} have no item in common")
    cells = {model: _cell(common[model], mine) for model, mine in results.items()}
    seen = frozenset().union(*values.values())
    protocol = " or ".join(protocols)
    averaged = counts and set(values) == set(models) and metric.best == 1.0
    left_out = len(seen) - len(next(iter(common.values())))
    column = Column(name, benchmark, mode, protocol, metric.name, metric.best, cells, left_out, averaged, tuple(unlike))
    return _Values(column, common, seen)


def _item_values(metric: Metric, results: Sequence[Result]) -> dict[str, float]:
    return {item: x / y for item, (x, y) in item_parts(metric, results).items() if y}


def _common(values: Mapping[_Of, dict[str, float]]) -> dict[_Of, dict[str, float]]:
    """The values of the items that all have, in the order of the first; empty where there are none."""
    items = [item for item in next(iter(values.values())) if all(item in mine for mine in values.values())]
    return {key: {item: mine[item] for item in items} for key, mine in values.items()} if items else {}


def _cell(values: Mapping[str, float], results: Sequence[Result], mode: str = "") -> Cell:
    interval = mean_interval(list(values.values()))
    mine = [result for result in results if result.problem in values]
    samples = max(Counter(result.problem for result in mine).values())
    undecided = sum(result.outcomes[-1] == "undecided" for result in mine)
    return Cell(interval.value, interval.low, interval.high, interval.n, samples, undecided, mode)


def _better(modes: Sequence[_Values], models: Sequence[str]) -> _Values:
    """Each model in the mode in which it has the larger figure, over the items that all have in all modes."""
    name = modes[0].column.name.replace(f" ({modes[0].column.mode})", "")
    values = {(one.column.mode, model): mine for one in modes for model, mine in one.by_model.items()}
    common = _common(values)
    if not common:
        raise InputError(f"{name}: the modes {' and '.join(one.column.mode for one in modes)} have no item in common")
    cells = {one.column.mode: one.column.cells for one in modes}
    by_model: dict[str, dict[str, float]] = {}
    chosen: dict[str, Cell] = {}
    for model in models:
        mine = {mode: common[mode, model] for mode, whose in common if whose == model}
        if mine:
            mode = max(mine, key=lambda one: fmean(mine[one].values()))
            by_model[model] = mine[mode]
            of = mean_interval(list(mine[mode].values()))
            chosen[model] = replace(cells[mode][model], value=of.value, low=of.low, high=of.high, items=of.n, mode=mode)
    first, seen = modes[0].column, frozenset().union(*(one.seen for one in modes))
    column = replace(
        first,
        name=name,
        mode="better",
        cells=chosen,
        left_out=len(seen) - len(next(iter(by_model.values()))),
        averaged=len(chosen) == len(models) and first.best == 1.0,
    )
    return _Values(column, by_model, seen)


# ---------------------------------------------------------------- pairs and averages


def _pair(values: _Values, a: str, b: str) -> Pairing:
    first, second = list(values.by_model[a].values()), list(values.by_model[b].values())
    gains = [y - x for x, y in zip(first, second, strict=True)]
    interval = difference_interval(gains)
    if all(value in (0.0, 1.0) for value in (*first, *second)):
        test, p = "exact McNemar", paired_p_value([x == 1.0 for x in first], [y == 1.0 for y in second])
    else:
        test, p = "exact sign flips of item means", sign_flip_p_value(gains)
    return Pairing(a, b, values.column.name, interval.value, interval.low, interval.high, interval.n, test, p, p)


def _average_pair(averaged: Sequence[_Values], a: str, b: str) -> Pairing:
    """The mean of the columns' differences; each item weighs as it does in that mean."""
    intervals, gains = [], []
    for one in averaged:
        mine = [y - x for x, y in zip(one.by_model[a].values(), one.by_model[b].values(), strict=True)]
        intervals.append(difference_interval(mine))
        gains += [gain / len(mine) for gain in mine]
    interval = average_interval(intervals)
    test = "exact sign flips of weighted items"
    p = sign_flip_p_value(gains)
    return Pairing(a, b, AVERAGE, interval.value, interval.low, interval.high, len(gains), test, p, p)


def _with_holm(pairs: Sequence[Pairing]) -> list[Pairing]:
    adjusted = holm([pair.p_value for pair in pairs])
    return [replace(pair, p_holm=p_holm) for pair, p_holm in zip(pairs, adjusted, strict=True)]


def _average(averaged: Sequence[_Values], model: str) -> Interval:
    cells = [one.column.cells[model] for one in averaged]
    return average_interval([Interval(cell.value, cell.low, cell.high, cell.items) for cell in cells])


def _notes(
    models: Sequence[str], values: Sequence[_Values], averaged: Sequence[_Values], pairs: Sequence[Pairing]
) -> list[str]:
    notes = []
    for one in values:
        column = one.column
        if column.left_out:
            notes.append(f"{column.name}: {column.left_out:,} items that not all models have were left out.")
        lacking = [model for model in models if model not in column.cells]
        if lacking:
            notes.append(f"{column.name}: no results of {', '.join(lacking)}.")
        undecided = {model: cell.undecided for model, cell in column.cells.items() if cell.undecided}
        if undecided and column.mode != "better":
            said = ", ".join(f"{count:,} of {model}" for model, count in undecided.items())
            notes.append(f"{column.name}: undecided, counted as not correct: {said}.")
    unlike: dict[str, list[str]] = {}
    for one in values:
        for said in one.column.unlike if one.column.mode != "better" else ():
            unlike.setdefault(said, []).append(one.column.name)
    notes += [f"{', '.join(of)}: {said}: a difference is not the models' alone." for said, of in unlike.items()]
    for one in (one for one in values if one.column.mode == "better"):
        tried = Counter(
            model for other in values if other.column.benchmark == one.column.benchmark and other is not one
            for model in other.by_model
        )  # fmt: skip
        if len(set(tried.values())) > 1:
            asked = ", ".join(f"{model} in {count}" for model, count in tried.items())
            notes.append(
                f"{one.column.name}: not all models were asked in all modes ({asked}); the better of several is higher "
                "by chance than one alone, so this column and its differences favour who was asked in more."
            )
    if any(one.column.mode == "better" for one in values):
        notes.append(
            "Of two modes each model's better one counts, in a column of its own and in the average; as the larger of "
            "two it is high by chance."
        )
    under = {one.column.name: one.column.protocol for one in averaged}
    if len(set(under.values())) > 1:
        said = ", ".join(f"{name} under {protocol}" for name, protocol in under.items())
        notes.append(f"The average is over benchmarks of several protocols: {said}.")
    if 1 < len(averaged) < len(values):
        notes.append(f"The average is over {', '.join(one.column.name for one in averaged)}.")
    several = sum(pair.column != AVERAGE for pair in pairs)
    if several > 1:
        notes.append(
            f"Holm's method holds the error of the family of {several} tests (the averages' apart) at its level."
        )
    return notes
