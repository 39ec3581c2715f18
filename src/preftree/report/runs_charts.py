"""Figures over several runs: one colour and pattern a run, wherever it is drawn.

In:  named results. Out: figures with their data; none where fewer than two points can be drawn.
Always true: a run is told by its name at its line or dot, and by colour and pattern beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from preftree.report.charts import (
    Figure,
    line_rows,
    rerank_line,
    rerank_plate,
    reward_line,
    slug,
    smoothing,
    steady,
)
from preftree.report.correlation import Correlation
from preftree.report.figures import Cross, Dot, crosses, curves, dots
from preftree.report.measures import Runs, named, style_of
from preftree.report.summary import reward_trend
from preftree.report.text import missing

_TRENDS = (("chosen", "rewards/chosen"), ("rejected", "rewards/rejected"), ("margin", "margin, chosen − rejected"))


def trend_figures(runs: Runs) -> list[Figure]:
    """Rewards of chosen and of rejected answers and their margin, a line a training; reward models apart."""
    figures = []
    for heads, words in ((False, "Implicit rewards"), (True, "Reward models")):
        found: list[tuple[str, int, list[tuple[int, float, float]]]] = []
        for place, (run, results) in enumerate(runs):
            mine = [entry for entry in results.get("training") or [] if (entry["objective"] == "reward") is heads]
            drawn = [(entry, trend) for entry in mine if len(trend := reward_trend(entry)) > 1]
            for entry, trend in drawn:
                name = run if len(drawn) == 1 else named(run, entry["name"])
                found.append((name, place if len(drawn) == 1 else len(found), trend))
        if not found:
            continue
        window = steady(max(len(trend) for _, _, trend in found))
        for which, title in _TRENDS:
            lines = [
                reward_line(name, [(step, _of(which, c, r)) for step, c, r in trend], style_of(place), window)
                for name, place, trend in found
            ]
            svg = Markup(curves(f"{words}: {title} by step", lines, x_label="optimizer step", y_label="reward"))
            file = slug("reward-model" if heads else "rewards", which)
            data = line_rows(lines, "step", "reward")
            caption = f"{words} over the steps of each run{smoothing(window)}."
            figures.append(Figure(file, f"{words}: {title}", svg, *data, caption))
    return figures


def _of(which: str, chosen: float, rejected: float) -> float:
    return {"chosen": chosen, "rejected": rejected, "margin": chosen - rejected}[which]


def rerank_figures(runs: Runs) -> list[Figure]:
    """A figure a way to choose, a line a run."""
    curves_of = [(run, (results.get("rerank") or {}).get("curves") or []) for run, results in runs]
    methods = dict.fromkeys(row["method"] for _, rows in curves_of for row in rows)
    figures = []
    for method in methods:
        lines = [
            line
            for place, (run, rows) in enumerate(curves_of)
            if (line := rerank_line(run, [row for row in rows if row["method"] == method], style_of(place)))
        ]
        if lines:
            figures.append(rerank_plate(slug("reranking", method), f"Best of N: {method}", lines))
    return figures


def accuracy_dots(rows: Sequence[tuple[str, Sequence[tuple[str, int, Mapping[str, Any]]]]]) -> list[Figure]:
    """A figure a benchmark or group; of each model of each run its figure with the interval: (name, place, figure)."""
    figures = []
    for title, found in rows:
        known = [
            Dot(name, figure["value"], figure["low"], figure["high"], style_of(place).split()[0])
            for name, place, figure in found
            if not any(missing(figure[key]) for key in ("value", "low", "high")) and figure.get("best", 1.0) == 1.0
        ]
        if known:
            svg = Markup(dots(f"{title}, with 95% intervals", known))
            data = tuple((dot.name, dot.value, dot.low, dot.high) for dot in known)
            figures.append(
                Figure(slug("accuracy", title), title, svg, ("model", "accuracy", "low", "high"), data, small=True)
            )
    return figures


def correlation_figure(found: Correlation) -> Figure | None:
    """The final chosen reward against the average, as far as there are points."""
    if not found.points:
        return None
    points = [
        Cross(p.name, (p.reward, p.reward_low, p.reward_high), (p.average, p.low, p.high), style_of(place).split()[0])
        for place, p in enumerate(found.points)
    ]
    x_label, y_label = "final rewards/chosen", "benchmark average, %"
    svg = Markup(
        crosses("Final reward of chosen answers against the average", points, x_label=x_label, y_label=y_label)
    )
    columns = ("policy", "objective", "reward", "lowest step", "highest step", "average", "low", "high")
    data = tuple(
        (p.name, p.objective, p.reward, p.reward_low, p.reward_high, p.average, p.low, p.high) for p in found.points
    )
    caption = (
        "Upright lines: 95% intervals of the averages. Level lines: the lowest and the highest of the logged steps "
        "that the final reward averages, which is no interval."
    )
    return Figure("reward-and-average", "Final reward and benchmark average", svg, columns, data, caption)
