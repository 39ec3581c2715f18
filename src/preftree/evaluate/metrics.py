"""From results to figures: accuracy by data set and group, paired tests. Pure functions.

In:  results. Out: plain rows for tables.
Always true: an undecided answer counts as not correct, and is counted apart; every figure has its 95% interval.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from preftree.records import Result
from preftree.statistics import Interval, difference_interval, mean_interval, paired_p_value, wilson


def accuracy_rows(
    results: Sequence[Result], turns: Sequence[int], groups: Mapping[str, Sequence[str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows a data set × model × number of turns, and rows a group (a name for several data sets) likewise."""
    models = list(dict.fromkeys(result.model for result in results))
    datasets = list(dict.fromkeys(result.dataset for result in results))

    def row(key: str, name: str, members: Sequence[str], model: str, k: int) -> dict[str, Any]:
        mine = [result for result in results if result.model == model and result.dataset in members]
        interval = _accuracy(mine, k)
        undecided = sum("undecided" in result.outcomes[:k] and not result.solved_by(k) for result in mine)
        return {key: name, "model": model, "turns": k, **_figures(interval), "undecided": undecided}

    by_dataset = [row("dataset", d, (d,), m, k) for d in datasets for m in models for k in turns]
    by_group = [row("group", g, ds, m, k) for g, ds in groups.items() for m in models for k in turns]
    return by_dataset, by_group


def compare_pairs(
    results: Sequence[Result],
    pairs: Sequence[tuple[str, str]],
    turns: Sequence[int],
    groups: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Paired differences (b minus a) on the same problems, with 95% intervals and McNemar's exact p-value."""
    by_model: dict[str, dict[tuple[str, int], Result]] = {}
    for r in results:
        by_model.setdefault(r.model, {})[r.problem, r.sample] = r
    rows = []
    for (a, b), (group, members), k in itertools.product(pairs, groups.items(), turns):
        mine = [r for r in results if r.model == a and r.dataset in members]
        ours = _by_problem(mine, k)
        theirs = _by_problem([by_model[b][r.problem, r.sample] for r in mine], k)
        gains = [theirs[problem] - ours[problem] for problem in ours]
        interval = difference_interval(gains)
        rows.append(
            {"a": a, "b": b, "group": group, "turns": k, "difference": interval.value}
            | {"low": interval.low, "high": interval.high, "n": interval.n}
            # With several samples of a problem: does b solve it more often, or a?
            | {"p_value": paired_p_value([gain < 0 for gain in gains], [gain > 0 for gain in gains])}
        )
    return rows


def _accuracy(results: Sequence[Result], k: int) -> Interval:
    """Over problems: several samples of one problem are not independent, so they count as one mean."""
    if len(results) == len({result.problem for result in results}):
        return wilson(sum(result.solved_by(k) for result in results), len(results))
    return mean_interval(list(_by_problem(results, k).values()))


def _by_problem(results: Sequence[Result], k: int) -> dict[str, float]:
    """Each problem's share of samples that are solved within k turns."""
    solved: dict[str, list[bool]] = {}
    for result in results:
        solved.setdefault(result.problem, []).append(result.solved_by(k))
    return {problem: sum(flags) / len(flags) for problem, flags in solved.items()}


def _figures(interval: Interval, count: str = "n") -> dict[str, Any]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, count: interval.n}
