"""Statistics against closed forms, brute force and simulation."""

import itertools
import math
import random

import pytest

from preftree.statistics import mean_interval, paired_p_value, pass_at_k, spearman, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
        pytest.param(81, 263, 0.2553, 0.3662, id="81-of-263"),
        pytest.param(15, 148, 0.0624, 0.1605, id="15-of-148"),
        pytest.param(0, 20, 0.0, 0.1611, id="0-of-20"),
        pytest.param(1, 29, 0.0061, 0.1718, id="1-of-29"),
    ],
)
def test_wilson_agrees_with_published_values(successes, n, low, high):
    interval = wilson(successes, n)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_wilson_covers(p):
    """Averaged over the binomial distribution, close to 95% of intervals hold the true value."""
    n = 60
    covered = sum(
        math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if wilson(k, n).low <= p <= wilson(k, n).high
    )
    assert 0.93 <= covered <= 0.98


def test_mean_interval_covers():
    draw = random.Random(0)
    inside = 0
    for _ in range(2000):
        interval = mean_interval([draw.choice([0.0, 0.25, 0.5, 1.0]) for _ in range(80)])
        inside += interval.low <= 0.4375 <= interval.high
    assert 0.93 <= inside / 2000 <= 0.97


@pytest.mark.parametrize(("n", "c"), [(4, 0), (4, 1), (5, 3), (6, 6)])
def test_pass_at_k_is_the_share_of_subsets(n, c):
    flags = [i < c for i in range(n)]
    for k in range(1, n + 1):
        subsets = list(itertools.combinations(flags, k))
        assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        pytest.param([True, False], [True, False], 1.0, id="equal"),
        pytest.param([False] * 6, [True] * 6, 2 / 64, id="all-one-way"),
        pytest.param([True, False] * 3, [False, True] * 3, 1.0, id="balanced"),
    ],
)
def test_paired(a, b, p):
    assert paired_p_value(a, b) == pytest.approx(p)


def test_paired_needs_the_same_problems():
    with pytest.raises(ValueError, match="same problems"):
        paired_p_value([True], [])


@pytest.mark.parametrize(
    ("x", "y", "rho"),
    [
        pytest.param([1, 2, 3], [10, 20, 25], 1.0, id="same-order"),
        pytest.param([1, 2, 3], [3, 2, 1], -1.0, id="reversed"),
        pytest.param([1, 2, 2, 4], [1, 3, 2, 4], 0.9486832980505138, id="ties"),
    ],
)
def test_spearman(x, y, rho):
    assert spearman(x, y) == pytest.approx(rho)


def test_spearman_of_a_constant_is_nan():
    assert math.isnan(spearman([1, 1], [1, 2]))
