"""Intervals, unbiased pass@k, paired tests, rank correlation: plain functions that evaluation and report share.

In:  counts and sequences of numbers. Out: numbers. No randomness, no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# The 97.5% point of the standard normal: a 95% interval has 2.5% on either side.
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A proportion with its 95% interval, all in [0, 1] (a difference of two: in [-1, 1])."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int) -> Interval:
    """Wilson's score interval (1927): keeps its coverage near 0 and 1 and for small n, where the normal one fails."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    p, z2 = successes / n, _Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)), n)


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of values in [0, 1] with a 95% interval over the items (normal, clipped to [0, 1]).

    For one score an item that is itself a mean (random choice, pass@k). With no spread at all, Wilson's is used.
    """
    n = len(values)
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    mean = sum(values) / n
    variance = sum((value - mean) ** 2 for value in values) / (n - 1) if n > 1 else 0.0
    if variance == 0.0:
        edges = wilson(round(mean * n), n)
        return Interval(mean, min(mean, edges.low), max(mean, edges.high), n)
    half = _Z95 * math.sqrt(variance / n)
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half), n)


def difference_interval(differences: Sequence[float]) -> Interval:
    """The mean of paired differences in [-1, 1] with a 95% interval over the items (normal, clipped to [-1, 1]).

    Where all are equal, each side reaches as far as Wilson's interval does for no success: 3.84 / (n + 3.84).
    """
    n = len(differences)
    if n == 0:
        return Interval(math.nan, -1.0, 1.0, 0)
    mean = sum(differences) / n
    variance = sum((value - mean) ** 2 for value in differences) / (n - 1) if n > 1 else 0.0
    half = _Z95 * math.sqrt(variance / n) if variance else wilson(0, n).high
    return Interval(mean, max(-1.0, mean - half), min(1.0, mean + half), n)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that k of n samples, drawn without replacement, hold a correct one: 1 - C(n-c, k) / C(n, k).

    Unbiased (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1).
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} samples with {correct} correct")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def paired_p_value(a: Sequence[bool], b: Sequence[bool]) -> float:
    """Two-sided exact McNemar test: how likely so uneven a split of the problems that only one of two models solves."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} results against {len(b)}: a paired test needs the same problems")
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    return min(1.0, float(2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n))


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Rank correlation, with the mean rank for ties. NaN where one side does not vary."""
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values against {len(y)}")
    rx, ry = _ranks(x), _ranks(y)
    mx, my = sum(rx) / len(rx), sum(ry) / len(ry)
    covariance = sum((a - mx) * (b - my) for a, b in zip(rx, ry, strict=True))
    spread = math.sqrt(sum((a - mx) ** 2 for a in rx) * sum((b - my) ** 2 for b in ry))
    return covariance / spread if spread else math.nan


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for i in range(start, end + 1):
            ranks[order[i]] = (start + end) / 2
        start = end + 1
    return ranks
