"""Unbiased pass@k of the first turn's samples, whether all were drawn or sampling stopped early.

In:  for each problem how many samples were drawn, how many were correct, and the first that was.
Out: the mean over problems with its interval, for k = 1, 2, 4, …, 64, 100, as far as samples were drawn.
Always true: each figure's expectation is the chance that k fresh samples hold a correct one.

Where every problem was sampled equally often whatever came of it, the estimator is that of Chen et al. 2021 over all
samples. Staged sampling draws fewer of what is solved at once, and that estimator over what was drawn would be biased.
But it stops early only once a correct sample is there, so whether the first k samples hold one is known for every k up
to the cap: that (0 or 1 a problem) is unbiased too, and noisier. The first is used only where it may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from preftree.statistics import mean_interval, pass_at_k

ALL = "all data sets"
_KS = (1, 2, 4, 8, 16, 20, 32, 64, 100)


@dataclass(frozen=True, slots=True)
class Draws:
    """A problem's samples by the first actor in its first turn; `first` is the index of the first correct one."""

    id: str
    dataset: str
    task: str
    drawn: int
    correct: int
    first: int | None


@dataclass(frozen=True, slots=True)
class PassAtRow:
    """The mean over `problems` problems, with its 95% interval."""

    dataset: str  # or `ALL`
    k: int
    problems: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PassAt:
    """`estimator`: "all samples" or "first k". `left_out`: problems with fewer samples than any stop explains."""

    estimator: Literal["all samples", "first k"]
    cap: int
    left_out: int
    rows: tuple[PassAtRow, ...]


def pass_at_table(draws: Sequence[Draws], batches: Sequence[int] | None = None) -> PassAt:
    """`batches` are those of growing, where they are known; else equal numbers of samples mean that none was staged."""
    cap = sum(batches) if batches else max((draw.drawn for draw in draws), default=0)
    usable = [draw for draw in draws if draw.drawn == cap or (draw.drawn and draw.first is not None)]
    fixed = all(draw.drawn == cap for draw in usable) and (batches is None or len(batches) == 1)
    groups: dict[str, list[Draws]] = {}
    for draw in usable:
        groups.setdefault(draw.dataset, []).append(draw)
    if len(groups) > 1:
        groups[ALL] = usable
    rows = [
        _row(name, k, [_estimate(draw, k, fixed) for draw in group]) for name, group in groups.items() for k in ks(cap)
    ]
    return PassAt("all samples" if fixed else "first k", cap, len(draws) - len(usable), tuple(rows))


def by_problem(draw: Draws, table: PassAt) -> dict[str, float] | None:
    """One problem's estimates by k (as text); None where its samples ended without a reason that is known."""
    if draw.drawn != table.cap and (not draw.drawn or draw.first is None):
        return None
    return {str(k): _estimate(draw, k, table.estimator == "all samples") for k in ks(table.cap)}


def ks(cap: int) -> list[int]:
    return [k for k in _KS if k <= cap]


def _estimate(draw: Draws, k: int, fixed: bool) -> float:
    if fixed:
        return pass_at_k(draw.drawn, draw.correct, k)
    return float(draw.first is not None and draw.first < k)


def _row(name: str, k: int, values: Sequence[float]) -> PassAtRow:
    interval = mean_interval(values)
    return PassAtRow(name, k, len(values), interval.value, interval.low, interval.high)
