"""Intervals, unbiased pass@k, paired tests, rank correlation: plain functions that evaluation and report share.

In:  counts and sequences of numbers. Out: numbers. No randomness, no I/O.
Always true: an interval holds its own value; several samples of one item are one number of that item, so that every
interval and test is over items. Coverage and size are held by simulation (tests/test_statistics_simulated.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The 97.5% point of the standard normal: a 95% interval has 2.5% on either side.
_Z95 = 1.959963984540054
# Of Student's t for one and two degrees of freedom; from three on Fisher's expansion is within 0.004.
_T95 = {1: 12.706204736, 2: 4.302652730}
# Sign-flip tests count on a grid of at most so many steps for the largest difference, and so many additions in all
# (a second of work, where thousands of items differ by arbitrary amounts).
_GRID, _ADDITIONS = 4096, 3e8
# Fractions of a few samples are met exactly: the common denominators that are tried.
_DENOMINATORS = 128


@dataclass(frozen=True, slots=True)
class Interval:
    """A proportion with its 95% interval, all in [0, 1] (a difference of two: in [-1, 1])."""

    value: float
    low: float
    high: float
    n: int


# ---------------------------------------------------------------- intervals


def wilson(successes: int, n: int) -> Interval:
    """Wilson's score interval (1927): keeps its coverage near 0 and 1 and for small n, where the normal one fails."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Interval(math.nan, 0.0, 1.0, 0)
    return _score(successes / n, n, n, _Z95)


def score_interval(value: float, trials: float, n: int) -> Interval:
    """Wilson's interval of a share in so many trials, which need not be whole; `n` is the number that is shown."""
    return _score(value, trials, n, _Z95)


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of values in [0, 1], one an item, with a 95% interval over the items.

    For a score of an item that is itself a mean (several samples, random choice, pass@k). Zeros and ones alone get
    Wilson's interval; the others the same with as many items as would spread so (`ratio_interval`).
    """
    return ratio_interval(values, [1.0] * len(values))


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Interval:
    """The sum of `numerators` by the sum of `denominators`, in [0, 1], with a 95% interval over the items.

    An item's parts are not independent (instructions of one prompt), items are: the variance of r = sum x / sum y is
    that of the residuals x - r y over (sum y) squared (Cochran 1977, "Sampling Techniques", section 6.4). From it comes
    the number of independent trials that would be as sure, r (1 - r) / variance, and with that Wilson's interval, as
    survey statistics do for proportions (Korn and Graubard 1998; Franco et al. 2019, "Comparative study of confidence
    intervals for proportions in complex sample surveys"). Its quantile is Student's, for the variance is an estimate,
    and a poor one where few items carry it: the degrees of freedom follow from the residuals' kurtosis (Satterthwaite
    1946).
    """
    if len(numerators) != len(denominators):
        raise ValueError(f"{len(numerators)} numerators and {len(denominators)} denominators")
    x, y = np.asarray(numerators, float), np.asarray(denominators, float)
    n, below = len(x), float(y.sum())
    if n == 0 or below == 0.0:
        return Interval(math.nan, 0.0, 1.0, 0)
    if (x < 0).any() or (x > y + 1e-9).any():
        raise ValueError("each numerator must lie between 0 and its denominator")
    r = float(min(1.0, x.sum() / below))
    if (y == 1.0).all() and np.isin(x, (0.0, 1.0)).all():
        return wilson(int(x.sum()), n)
    residuals = x - r * y
    variance = n / (n - 1) * float((residuals**2).sum()) / below**2 if n > 1 else 0.0
    if r * (1.0 - r) <= 0.0 or variance <= 1e-15:
        # No spread seen says little of the spread there is: each item counts as one trial.
        return _score(r, n, n, _Z95)
    kurtosis = float((residuals**4).mean() / (residuals**2).mean() ** 2)
    degrees = max(1.0, 2 * n / (kurtosis - 1)) if kurtosis > 1 else math.inf
    return _score(r, r * (1.0 - r) / variance, n, _t95(min(degrees, n - 1.0)))


def difference_interval(differences: Sequence[float]) -> Interval:
    """The mean of paired differences in [-1, 1], one an item, with a 95% interval over the items.

    Two made-up items, one a difference up, one down, are added, of the size of the differences that are not zero
    (1 if there are none): for one sample an item this is the interval of Bonett and Price (2012, "Adjusted Wald
    confidence interval for a difference of binomial proportions based on paired data"), which Fagerland et al.
    (2014, "Recommended tests and confidence intervals for paired binomial proportions") recommend.
    """
    n = len(differences)
    if n == 0:
        return Interval(math.nan, -1.0, 1.0, 0)
    d = np.asarray(differences, float)
    squares = float((d**2).sum())
    nonzero = int((np.abs(d) > 1e-12).sum())
    size = squares / nonzero if nonzero else 1.0
    centre = float(d.sum()) / (n + 2)
    variance = max(0.0, (squares + 2 * size) / (n + 2) - centre**2)
    half = _Z95 * math.sqrt(variance / (n + 2))
    mean = float(d.mean())
    return Interval(mean, min(mean, max(-1.0, centre - half)), max(mean, min(1.0, centre + half)), n)


def average_interval(intervals: Sequence[Interval], weights: Sequence[float] | None = None) -> Interval:
    """The weighted mean (plain, unless weights are given) of independent figures, from their own intervals.

    How far each end lies from its value adds in squares, side by side, so an interval that is longer on one side stays
    so (Zou and Donner 2008, "Construction of confidence limits about effect measures"). `n` is the number of figures.
    """
    given = weights if weights is not None else [1.0] * len(intervals)
    if len(given) != len(intervals):
        raise ValueError(f"{len(given)} weights for {len(intervals)} figures")
    total = sum(given)
    if not intervals or not total:
        return Interval(math.nan, math.nan, math.nan, 0)
    shares = [weight / total for weight in given]
    value = sum(share * one.value for share, one in zip(shares, intervals, strict=True))
    low = math.hypot(*(share * (one.value - one.low) for share, one in zip(shares, intervals, strict=True)))
    high = math.hypot(*(share * (one.high - one.value) for share, one in zip(shares, intervals, strict=True)))
    return Interval(value, value - low, value + high, len(intervals))


def _score(p: float, trials: float, n: int, quantile: float) -> Interval:
    """Wilson's interval of p in so many trials; `n` is the number that is shown."""
    q2 = quantile**2
    centre = (p + q2 / (2 * trials)) / (1 + q2 / trials)
    half = quantile * math.sqrt(p * (1 - p) / trials + q2 / (4 * trials * trials)) / (1 + q2 / trials)
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)), n)


def _t95(degrees: float) -> float:
    """The 97.5% point of Student's t: under three degrees of freedom that of one or two, else Fisher's expansion."""
    z, v = _Z95, degrees
    if v < 3:
        return _T95[int(v)]
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * v**4)
    )


# ---------------------------------------------------------------- pass@k


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that k of n samples, drawn without replacement, hold a correct one: 1 - C(n-c, k) / C(n, k).

    Unbiased (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", section 2.1).
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {n} samples with {correct} correct")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


# ---------------------------------------------------------------- paired tests


def paired_p_value(a: Sequence[bool], b: Sequence[bool]) -> float:
    """Two-sided exact McNemar test: how likely so uneven a split of the problems that only one of two models solves."""
    if len(a) != len(b):
        raise ValueError(f"{len(a)} results against {len(b)}: a paired test needs the same problems")
    only_a = sum(bool(x and not y) for x, y in zip(a, b, strict=True))
    only_b = sum(bool(y and not x) for x, y in zip(a, b, strict=True))
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    return min(1.0, float(2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n))


def sign_flip_p_value(differences: Sequence[float]) -> float:
    """Two-sided exact sign-flip test of paired differences, one an item: if neither model is better, each item's
    difference is as likely as its opposite (Fisher 1935; for systems that are compared on the same items: Dror et al.
    2018, "The Hitchhiker's Guide to Testing Statistical Significance in NLP").

    The share of all 2^n ways to set the signs whose sum is as far from 0. They are counted, not drawn: differences of
    means over a few samples lie on a grid of fractions, and others are rounded to one, which keeps the test exact, as
    rounding knows no direction. With one sample an item it is McNemar's exact test.
    """
    signed = _steps(np.asarray(differences, float))
    observed, steps = abs(int(signed.sum())), np.sort(np.abs(signed))
    # chance[s]: that the items so far with a plus sum to s; the whole sum is then 2 s - total.
    chance = np.zeros(int(steps.sum()) + 1)
    chance[0], reach = 1.0, 0
    for step in steps.tolist():
        moved = chance[: reach + 1] * 0.5
        chance[: reach + 1] *= 0.5
        chance[step : step + reach + 1] += moved
        reach += step
    sums = 2 * np.arange(reach + 1) - reach
    return min(1.0, float(chance[np.abs(sums) >= observed].sum()))


def _steps(differences: NDArray[np.float64]) -> NDArray[np.int64]:
    """The differences that are not zero, as whole numbers of steps of a grid."""
    d = differences[np.abs(differences) > 1e-12]
    if len(d) == 0:
        return np.zeros(0, np.int64)
    largest = float(np.abs(d).max())
    common = (a for a in range(1, _DENOMINATORS + 1) if np.abs(d * a - np.rint(d * a)).max() < 1e-6)
    additions = len(d) * float(np.abs(d).sum()) / largest / 2  # of a grid of one step
    parts = next(common, min(_GRID, _ADDITIONS / additions) / largest)
    steps = np.rint(d * parts).astype(np.int64)
    return steps // max(1, int(np.gcd.reduce(steps)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family of tests (Holm 1979): none true is called false with more than the level's chance,
    whatever the tests have to do with each other."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


# ---------------------------------------------------------------- rank correlation


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
