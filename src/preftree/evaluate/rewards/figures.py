"""Figures with their 95% intervals and counts: plain shares, and weighted means of shares.

In:  marks from 0 to 1, one a row. Out: a `Figure`. Pure.
Always true: a figure over no rows has no value, and its note says what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from preftree.statistics import mean_interval, ratio_interval, score_interval, wilson


@dataclass(frozen=True, slots=True)
class Figure:
    """A share from 0 to 1; None where there are no rows. `n` are the rows it was counted over."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    note: str = ""

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"figure": self.name, "value": self.value, "low": self.low, "high": self.high}
        return row | {"n": self.n} | ({"note": self.note} if self.note else {})


def share(name: str, marks: Sequence[float], note: str = "") -> Figure:
    """The mean of marks: Wilson's interval where each is 0 or 1."""
    if not marks:
        return Figure(name, None, None, None, 0, "no rows")
    whole = all(mark in (0, 1) for mark in marks)
    interval = wilson(round(sum(marks)), len(marks)) if whole else mean_interval(marks)
    return Figure(name, interval.value, interval.low, interval.high, interval.n, note)


def clustered(name: str, clusters: Sequence[Sequence[float]]) -> Figure:
    """The mean of all marks, with an interval over clusters: marks of one cluster are not independent."""
    rows = sum(map(len, clusters))
    if not rows:
        return Figure(name, None, None, None, 0, "no rows")
    interval = ratio_interval([sum(marks) for marks in clusters], [float(len(marks)) for marks in clusters])
    return Figure(name, interval.value, interval.low, interval.high, rows, f"interval over {len(clusters):,} pairs")


def weighted(name: str, parts: Sequence[tuple[float, Sequence[float]]], note: str = "") -> Figure:
    """The weighted mean of the parts' means. Each part is a weight and the marks of its rows; none may be empty.

    Its interval is Wilson's for as many rows as would give the mean the same variance if all parts were alike:
    1 / sum of weight² / rows. With weights in proportion to rows that is their number.
    """
    total = sum(weight for weight, _ in parts)
    if not parts or not total:
        return Figure(name, None, None, None, 0, "no rows")
    value = sum(weight * sum(marks) / len(marks) for weight, marks in parts) / total
    rows = 1 / sum((weight / total) ** 2 / len(marks) for weight, marks in parts)
    interval = score_interval(value, rows, sum(len(marks) for _, marks in parts))
    return Figure(name, value, interval.low, interval.high, interval.n, note)
