"""Does the final reward of chosen answers rank runs as their benchmarks do? (The paper's figure 5 says so.)

In:  for each trained policy its final `rewards/chosen` and its figures by benchmark. Out: points, a rank correlation
with a permutation p-value.
Always true: points are compared over the benchmarks that all of them have; fewer than three points give no
correlation; the p-value is exact up to eight points, and above drawn with a fixed seed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from preftree.statistics import Interval, average_interval, spearman

FEWEST = 3
# 8! orders are counted; of more points so many are drawn.
_COUNTED, _DRAWN = 8, 20_000
PAPER = (
    "The paper's claim (figure 5): under KTO and NCA the rewards of chosen answers end above zero (0.4 and 0.16), "
    "under DPO below (−1.26), and the final chosen reward ranks the three as their benchmark averages do: "
    "KTO > NCA > DPO."
)


@dataclass(frozen=True, slots=True)
class Point:
    """A policy: its final reward (with the lowest and highest of the averaged steps) and its average."""

    name: str
    objective: str
    reward: float
    reward_low: float
    reward_high: float
    average: float
    low: float
    high: float
    steps: int = 1  # logged steps that the final reward averages


@dataclass(frozen=True, slots=True)
class Correlation:
    """`rho` and `p_value` are NaN where fewer than three points, or one side without variation, say nothing."""

    points: tuple[Point, ...]
    over: tuple[str, ...]  # the benchmarks that all points have
    left_out: tuple[str, ...]  # policies without a figure, or without a benchmark that the others have
    rho: float
    p_value: float
    exact: bool

    @property
    def smallest_p(self) -> float:
        """What the exact test can reach with so few points."""
        return 2 / math.factorial(len(self.points)) if self.points else math.nan


def correlate(policies: Sequence[Mapping[str, Any]]) -> Correlation:
    """`policies`: name, objective, chosen {value, low, high, steps}, figures {benchmark: {value, low, high, n}}."""
    usable = [policy for policy in policies if policy["figures"]]
    over = _common([list(policy["figures"]) for policy in usable])
    points = tuple(_point(policy, over) for policy in usable) if over else ()
    left_out = tuple(policy["name"] for policy in policies if not policy["figures"] or not over)
    rewards, averages = [point.reward for point in points], [point.average for point in points]
    if len(points) < FEWEST or math.isnan(rho := spearman(rewards, averages)):
        return Correlation(points, over, left_out, math.nan, math.nan, True)
    p_value, exact = permutation_p_value(rewards, averages)
    return Correlation(points, over, left_out, rho, p_value, exact)


def permutation_p_value(x: Sequence[float], y: Sequence[float]) -> tuple[float, bool]:
    """Two-sided: the share of all orders of `y` whose rank correlation with `x` is as far from 0; and if it is exact.

    Where orders are drawn, the order at hand is one of them, so that the value is never too small (Phipson and Smyth
    2010, "Permutation p-values should never be zero").
    """
    observed = abs(spearman(x, y)) - 1e-9
    if len(x) <= _COUNTED:
        found = [abs(spearman(x, order)) >= observed for order in itertools.permutations(y)]
        return sum(found) / len(found), True
    draw = np.random.default_rng(0)
    ranks = [_centred(values) for values in (x, y)]
    orders = np.array([draw.permutation(ranks[1]) for _ in range(_DRAWN)])
    scale = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    extreme = int((np.abs(orders @ ranks[0]) / scale >= observed).sum())
    return (extreme + 1) / (_DRAWN + 1), False


def _centred(values: Sequence[float]) -> Any:
    """Mean ranks less their mean."""
    given = np.asarray(values, float)
    ranks = np.array([(given < value).sum() + ((given == value).sum() - 1) / 2 for value in given])
    return ranks - ranks.mean()


def _common(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """In the order of the first."""
    if not names:
        return ()
    shared = set(names[0]).intersection(*names[1:])
    return tuple(name for name in names[0] if name in shared)


def _point(policy: Mapping[str, Any], over: Sequence[str]) -> Point:
    figures = [policy["figures"][name] for name in over]
    average = average_interval([Interval(f["value"], f["low"], f["high"], f["n"]) for f in figures])
    chosen = policy["chosen"]
    return Point(
        policy["name"], policy["objective"], chosen["value"], chosen["low"], chosen["high"],
        average.value, average.low, average.high, chosen["steps"],
    )  # fmt: skip
