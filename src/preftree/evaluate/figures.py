"""What an answer and an item count for, under a metric; pass@k. Pure functions (figures of sets: `summary.figure`).

In:  a metric; the results of one model on one benchmark in one form. Out: numbers, by item.
Always true: an undecided answer counts as not correct; several samples of an item are one value of that item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from preftree.evaluate.benchmark import Metric
from preftree.records import Result
from preftree.statistics import mean_interval, pass_at_k


def metric_parts(metric: Metric, result: Result) -> tuple[float, float] | None:
    """Numerator (as a share of the best) and denominator of one answer; None if it has no such score.

    A mean counts an answer without a score as 0 (a prompt that the model can't read has none), unless a judge that
    failed is why; a ratio can't, for nobody knows its denominator.
    """
    if not metric.numerator:
        return float(result.outcomes[-1] == "correct"), 1.0
    scores: dict[str, float] = result.metadata.get("scores", {})
    if metric.denominator:
        known = metric.numerator in scores and metric.denominator in scores
        return (scores[metric.numerator] / metric.best, scores[metric.denominator]) if known else None
    if metric.numerator not in scores and result.outcomes[-1] == "undecided":
        return None
    return scores.get(metric.numerator, 0.0) / metric.best, 1.0


def item_parts(metric: Metric, results: Iterable[Result]) -> dict[str, tuple[float, float]]:
    """Numerator and denominator of each item, the mean over its samples."""
    found: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        parts = metric_parts(metric, result)
        if parts is not None:
            found.setdefault(result.problem, []).append(parts)
    return {item: (fmean(x for x, _ in parts), fmean(y for _, y in parts)) for item, parts in found.items()}


def pass_at(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Unbiased pass@k for k = 1, 2, 4, … and the largest, up to the samples that every answered item has."""
    counts: dict[str, list[bool]] = {}
    for result in results:
        mine = counts.setdefault(result.problem, [])
        if result.responses:  # else: an item without a response, which no number of samples solves
            mine.append(result.outcomes[-1] == "correct")
    most = min((len(flags) for flags in counts.values() if flags), default=0)
    rows = []
    for k in sorted({2**i for i in range(most.bit_length())} | {most} if most > 1 else set()):
        values = [pass_at_k(len(flags), sum(flags), k) if flags else 0.0 for flags in counts.values()]
        interval = mean_interval(values)
        rows.append({"k": k, "value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n})
    return rows
