"""Rewards against averages: what the correlation is, and when it says nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from preftree.report.correlation import correlate, permutation_p_value
from preftree.report.runs_sections import say


def policy(name: str, reward: float, **figures: float) -> dict[str, Any]:
    return {
        "name": name,
        "objective": "nca",
        "chosen": {"value": reward, "low": reward - 0.1, "high": reward + 0.1, "steps": 3},
        "figures": {key: {"value": v, "low": v - 0.1, "high": v + 0.1, "n": 100} for key, v in figures.items()},
    }


# p: scipy 1.17's `permutation_test(…, permutation_type="pairings")` over all orders, of data without ties.
@pytest.mark.parametrize(
    ("x", "y", "p"),
    [
        pytest.param([1, 2, 3], [1, 2, 3], 2 / 6, id="three"),
        pytest.param([1, 2, 3, 4], [1, 2, 3, 4], 0.08333333333333333, id="four"),
        pytest.param([3, 1, 2, 5, 4], [2, 1, 1.5, 5, 4], 2 / 120, id="five-alike"),
        pytest.param([1, 2, 3, 4], [2, 1, 4, 3], 10 / 24, id="not-so-alike"),
        pytest.param([1, 1, 2], [1, 2, 3], 4 / 6, id="tied"),
    ],
)
def test_the_exact_p_value(x: list[float], y: list[float], p: float) -> None:
    assert permutation_p_value(x, y) == (pytest.approx(p), True)
    assert permutation_p_value(x, [-value for value in y])[0] == pytest.approx(p)


def test_drawn_orders_come_near_to_all_orders() -> None:
    """0.00647: over 400,000 other orders of scipy's ranks. (The t approximation, 0.0045, is too small here.)"""
    x = [2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35]
    y = [1.7, -3.36, -0.85, -1.04, 0.13, -0.51, -0.87, -0.47, -0.84, 5.17, 0.88, -0.96]
    p, exact = permutation_p_value(x, y)
    assert not exact
    assert p == pytest.approx(0.00647, abs=0.0012)
    assert permutation_p_value(x, y) == (p, False)


def test_the_average_is_over_what_all_have() -> None:
    found = correlate([policy("a", 0.4, gsm8k=0.6, math=0.2), policy("b", 0.2, gsm8k=0.5), policy("c", -1, gsm8k=0.4)])
    assert found.over == ("gsm8k",)
    assert [point.average for point in found.points] == pytest.approx([0.6, 0.5, 0.4])
    assert (found.rho, found.p_value) == pytest.approx((1, 2 / 6))
    assert found.points[0].low == pytest.approx(0.5)
    both = correlate([policy("a", 0.4, gsm8k=0.6, math=0.2), policy("b", 0.2, gsm8k=0.5, math=0.5)])
    assert [point.average for point in both.points] == pytest.approx([0.4, 0.5])
    # Two independent figures with a half width of 0.1 each.
    assert both.points[0].high - both.points[0].average == pytest.approx(0.1 / math.sqrt(2))


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        pytest.param([policy("a", 0.1, g=0.2)], "1 policy has both", id="one"),
        pytest.param([policy("a", 0.1, g=0.2), policy("b", 0.2, g=0.3)], "2 policies have both", id="two"),
        pytest.param(
            [policy(n, 0.1, g=v) for n, v in zip("abc", (0.1, 0.2, 0.3), strict=True)], "are equal", id="flat"
        ),
        pytest.param(
            [policy("a", 0.1, g=0.2), policy("b", 0.2, h=0.3)], "No benchmark was measured for all", id="apart"
        ),
        pytest.param([policy("a", 0.1), policy("b", 0.2, g=0.3)], "no benchmark was measured: a", id="not-measured"),
    ],
)
def test_what_says_nothing(policies: list[dict[str, Any]], said: str) -> None:
    found = correlate(policies)
    assert math.isnan(found.rho)
    assert math.isnan(found.p_value)
    assert said in " ".join(say(found))


@pytest.mark.parametrize(("n", "warned"), [(3, True), (4, True), (5, False)])
def test_a_test_that_cannot_succeed_says_so(n: int, warned: bool) -> None:
    found = correlate([policy(str(i), i / 10, g=i / 20) for i in range(n)])
    words = " ".join(say(found))
    assert f"n = {n}" in words
    assert ("not a test that could succeed" in words) == warned
