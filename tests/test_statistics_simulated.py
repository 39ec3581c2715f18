"""Intervals hold the truth 95% of the time, and tests err 5% of the time: by simulation, seeded, and by enumeration.

An item's chance of being solved is drawn from a beta distribution; of small "spread" items are nearly all hopeless or
certain, of large spread alike. Bounds are 93% to 97%; where few items differ at all, an interval may be wider (a
binary figure can't be exact there), never narrower.
"""

import itertools
import math

import numpy as np
import pytest

from preftree.statistics import (
    Interval,
    average_interval,
    difference_interval,
    holm,
    mean_interval,
    paired_p_value,
    pass_at_k,
    ratio_interval,
    sign_flip_p_value,
    wilson,
)

REPEATS = 500


def _chances(rng, mean, spread, shape):
    return rng.beta(mean * spread, (1 - mean) * spread, shape)


def _coverage(intervals, truth):
    return float(np.mean([interval.low <= truth <= interval.high for interval in intervals]))


# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize("n", [30, 100, 300, 1000])
def test_wilson_covers_on_average_over_p(n):
    """No simulation: the binomial distribution itself, over a grid of p."""
    ends = [(one.low, one.high) for one in (wilson(k, n) for k in range(n + 1))]
    low, high = np.array(ends).T
    logs = np.array([math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(n + 1)])
    k = np.arange(n + 1)
    covered = []
    for p in np.linspace(0.02, 0.98, 97):
        weights = np.exp(logs + k * math.log(p) + (n - k) * math.log(1 - p))
        covered.append(weights[(low <= p) & (p <= high)].sum())
    assert 0.945 <= np.mean(covered) <= 0.96
    assert np.quantile(covered, 0.1) >= 0.93


MEANS = [(mean, spread) for mean in (0.1, 0.3, 0.9) for spread in (0.3, 2.0, 20.0)]


@pytest.mark.parametrize(("mean", "spread"), MEANS, ids=str)
def test_mean_over_items_with_several_samples(mean, spread):
    rng, covered = np.random.default_rng(1), []
    for n, samples in itertools.product((30, 100, 300), (4, 16)):
        shares = rng.binomial(samples, _chances(rng, mean, spread, (REPEATS, n))) / samples
        covered.append(_coverage([mean_interval(row) for row in shares], mean))
    assert 0.935 <= np.mean(covered) <= 0.97, covered
    assert min(covered) >= 0.92, covered  # of 500 repeats: 95% less 3 standard errors


@pytest.mark.parametrize(("mean", "spread"), [(0.02, 0.3), (0.02, 2.0), (0.98, 2.0), (0.05, 0.3)], ids=str)
def test_mean_where_few_items_carry_it(mean, spread):
    """Two to five solved items: a normal interval, and a Wilson interval with Student's t of n - 1, held 77% to 90%."""
    rng, covered = np.random.default_rng(2), []
    for n, samples in itertools.product((30, 100), (4, 16)):
        shares = rng.binomial(samples, _chances(rng, mean, spread, (REPEATS, n))) / samples
        covered.append(_coverage([mean_interval(row) for row in shares], mean))
    assert min(covered) >= 0.92, covered


@pytest.mark.parametrize("k", [1, 4, 8])
def test_pass_at_k_over_items(k):
    mean, spread, n, samples = 0.2, 2.0, 100, 16
    rng = np.random.default_rng(3)
    a, b = mean * spread, (1 - mean) * spread
    truth = 1 - math.prod((b + i) / (a + b + i) for i in range(k))  # of a beta distribution
    table = [pass_at_k(samples, c, k) for c in range(samples + 1)]
    counts = rng.binomial(samples, rng.beta(a, b, (REPEATS, n)))
    values = np.array(table)[counts]
    assert 0.93 <= _coverage([mean_interval(row) for row in values], truth) <= 0.97
    assert values.mean() == pytest.approx(truth, abs=0.01)


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [80, 200])
def test_ratio_over_items_of_different_size(mean, n):
    """Instructions followed of one to five in a prompt; prompts with more are harder."""
    rng = np.random.default_rng(4)
    sizes = rng.choice([1, 2, 3, 5], (REPEATS, n), p=[0.5, 0.3, 0.1, 0.1])
    harder = 1 - 0.1 * (sizes - 1)
    followed = rng.binomial(sizes, _chances(rng, mean, 2.0, (REPEATS, n)) * harder)
    weights = np.array([0.5, 0.3, 0.1, 0.1]) * np.array([1, 2, 3, 5])
    truth = mean * float(weights @ np.array([1.0, 0.9, 0.8, 0.6]) / weights.sum())
    intervals = [ratio_interval(x, y) for x, y in zip(followed, sizes, strict=True)]
    assert 0.93 <= _coverage(intervals, truth) <= 0.97


@pytest.mark.parametrize("spread", [0.5, 5.0])
@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize(("mean", "loss"), [(0.5, 0.1), (0.5, 0.0), (0.9, 0.05)], ids=str)
def test_paired_difference(mean, loss, samples, spread):
    """The second model solves each item less often by the share `loss`."""
    rng, covered = np.random.default_rng(5), []
    for n in (100, 400):
        first = _chances(rng, mean, spread, (REPEATS, n))
        gains = (rng.binomial(samples, first) - rng.binomial(samples, first * (1 - loss))) / samples
        covered.append(_coverage([difference_interval(row) for row in gains], mean * loss))
    assert 0.93 <= np.mean(covered) <= 0.97, covered
    assert min(covered) >= 0.92, covered


@pytest.mark.parametrize("n", [30, 100])
def test_difference_of_models_that_hardly_differ_is_rather_too_wide(n):
    rng = np.random.default_rng(6)
    gains = (rng.random((REPEATS, n)) < 0.02).astype(float) - (rng.random((REPEATS, n)) < 0.02)
    assert _coverage([difference_interval(row) for row in gains], 0.0) >= 0.95


def test_average_of_benchmarks():
    rng = np.random.default_rng(7)
    chances, sizes = (0.05, 0.4, 0.9), (136, 400, 80)
    drawn = [rng.binomial(n, p, REPEATS) for n, p in zip(sizes, chances, strict=True)]
    averages = [
        average_interval([wilson(int(k), n) for k, n in zip(row, sizes, strict=True)])
        for row in zip(*drawn, strict=True)
    ]
    assert 0.93 <= _coverage(averages, float(np.mean(chances))) <= 0.97
    weighted = average_interval([Interval(0.2, 0.1, 0.3, 9), Interval(0.8, 0.8, 0.8, 9)], [3, 1])
    assert (weighted.value, weighted.low, weighted.high) == pytest.approx((0.35, 0.275, 0.425))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.0] * 8, id="none"),
        pytest.param([1.0] * 8, id="all"),
        pytest.param([0.25] * 8, id="alike"),
        pytest.param([0.5], id="one"),
        pytest.param([0.5, 0.75, 1.0], id="three"),
        pytest.param([0.0] * 7 + [0.1], id="hardly-any"),
    ],
)
def test_intervals_hold_their_value_and_stay_inside(values):
    for interval, edge in ((mean_interval(values), 0.0), (difference_interval(values), -1.0)):
        assert edge <= interval.low <= interval.value == pytest.approx(np.mean(values))
        assert interval.value <= interval.high <= 1.0
        assert interval.high - interval.low > 0.01
        assert interval.n == len(values)


def test_zeros_and_ones_get_wilsons_interval():
    assert mean_interval([1.0] * 81 + [0.0] * 182) == wilson(81, 263)
    with pytest.raises(ValueError, match="between 0 and its denominator"):
        ratio_interval([2.0], [1.0])
    assert math.isnan(mean_interval([]).value)
    assert math.isnan(ratio_interval([0.0], [0.0]).value)


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(1, 7, 21), (0, 0, 30), (12, 5, 164)])
def test_difference_of_single_samples_is_bonett_and_prices(only_a, only_b, n):
    """Their formula: one more item of each kind of disagreement, then Wald's interval."""
    a, b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    half = 1.959964 * math.sqrt((a + b - (a - b) ** 2) / (n + 2))
    interval = difference_interval([1.0] * only_a + [-1.0] * only_b + [0.0] * (n - only_a - only_b))
    assert (interval.low, interval.high) == pytest.approx((a - b - half, a - b + half), abs=1e-6)


# ---------------------------------------------------------------- tests


def _errors(p_values):
    return float(np.mean([p <= 0.05 for p in p_values]))


@pytest.mark.parametrize("n", [40, 200])
def test_mcnemar_errs_at_most_five_per_cent(n):
    """Exact, so conservative: and not uselessly so."""
    rng = np.random.default_rng(8)
    chance = _chances(rng, 0.5, 2.0, (2000, n))
    a, b = rng.random((2000, n)) < chance, rng.random((2000, n)) < chance
    errors = _errors([paired_p_value(x, y) for x, y in zip(a, b, strict=True)])
    assert 0.01 <= errors <= 0.05


def test_sign_flips_err_five_per_cent():
    rng = np.random.default_rng(9)
    chance = _chances(rng, 0.4, 2.0, (3000, 60))
    gains = (rng.binomial(16, chance) - rng.binomial(16, chance)) / 16
    assert 0.04 <= _errors([sign_flip_p_value(row) for row in gains]) <= 0.06


def test_sign_flips_of_arbitrary_differences_err_five_per_cent():
    """Marks of a judge lie on no grid; they are rounded to one."""
    rng = np.random.default_rng(10)
    assert 0.035 <= _errors([sign_flip_p_value(row) for row in rng.standard_t(3, (1000, 10))]) <= 0.065


def test_tests_have_power():
    rng = np.random.default_rng(11)
    chance = _chances(rng, 0.5, 2.0, (120, 300))
    p_values = {}
    for gain in (0.0, 0.1, 0.2):
        better = np.minimum(1.0, chance + gain)
        a, b = rng.binomial(4, chance) / 4, rng.binomial(4, better) / 4
        p_values[gain] = _errors([sign_flip_p_value(row) for row in b - a])
    assert p_values[0.0] < 0.1 < 0.9 < p_values[0.1] <= p_values[0.2]


@pytest.mark.parametrize("seed", range(6))
def test_sign_flips_are_counted_rightly(seed):
    """Every way to set the signs, one after another."""
    rng = np.random.default_rng(seed)
    gains = rng.choice([-1.0, -0.5, -1 / 3, 0.0, 1 / 6, 0.25, 0.75], 11)
    ways = np.array(list(itertools.product((1, -1), repeat=11)))
    listed = np.mean(np.abs(ways @ gains) >= abs(gains.sum()) - 1e-9)
    assert sign_flip_p_value(gains) == pytest.approx(listed)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 6), (3, 3), (2, 9), (40, 71), (900, 1000)])
def test_with_one_sample_an_item_sign_flips_are_mcnemars(only_a, only_b):
    gains = [1.0] * only_a + [-1.0] * only_b + [0.0] * 17
    exact = paired_p_value([d > 0 for d in gains], [d < 0 for d in gains])
    assert sign_flip_p_value(gains) == pytest.approx(exact, rel=1e-9)


def test_no_difference_is_no_evidence():
    assert sign_flip_p_value([]) == sign_flip_p_value([0.0, 0.0]) == 1.0


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0.03], [0.03], id="one"),
        pytest.param([0.01, 0.04, 0.03], [0.03, 0.06, 0.06], id="three"),
        pytest.param([0.04, 0.01, 0.02, 0.005], [0.04, 0.03, 0.04, 0.02], id="never-falls"),
        pytest.param([0.6, 0.7], [1.0, 1.0], id="at-most-one"),
    ],
)
def test_holm(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


def test_holm_keeps_the_error_of_a_family():
    """Ten tests of models that do not differ: in at most 5% of the families is any called a difference."""
    rng = np.random.default_rng(12)
    families = rng.random((3000, 10))
    assert 0.035 <= np.mean([min(holm(list(family))) <= 0.05 for family in families]) <= 0.06


@pytest.mark.parametrize("n", range(1, 8))
def test_pass_at_k_is_the_share_of_all_subsets(n):
    for correct in range(n + 1):
        flags = [i < correct for i in range(n)]
        for k in range(1, n + 1):
            subsets = list(itertools.combinations(flags, k))
            assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
