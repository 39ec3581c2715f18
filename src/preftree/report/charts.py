"""Which figure shows which results: from sections of the results dict to drawn figures.

In:  sections of results.json. Out: figures as markup, or nothing where there is too little to draw.
Always true: the same model or method has the same colour class wherever it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from preftree.report.figures import Dot, Line, bars, curves, dots
from preftree.report.summary import reward_trend
from preftree.report.text import clean, missing, turns

# A curve of more logged steps than this is drawn as a running mean over faint single steps.
_STEADY = 24
_METHOD_STYLES = {
    "pass@N": "hue4",
    "reward model": "hue1",
    "self-consistency": "hue2",
    "random": "hue3",
    "greedy": "hue3 dashed",
    "logprob-sum": "hue5",
    "logprob-mean": "hue5 dashed",
}
_STAGE_STYLES = {"sample": "hue1", "reference": "hue2", "none": "hue5"}


def accuracy_figures(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A figure a group: each model's accuracy, with few turns as full dots and with more as hollow ones."""
    models, numbers = evaluation.get("models") or [], evaluation.get("turns") or []
    rows = [row for row in evaluation.get("groups") or [] if not missing(row["value"])]
    figures = []
    for group in dict.fromkeys(row["group"] for row in rows):
        at = {(row["model"], row["turns"]): row for row in rows if row["group"] == group}
        found = [
            Dot(
                model if place == 0 else f"in {turns(k)}",
                row["value"],
                row["low"],
                row["high"],
                f"hue{1 + i % 5}",
                hollow=place > 0,
            )
            for i, model in enumerate(models)
            for place, k in enumerate(numbers)
            if (row := at.get((model, k)))
        ]
        if found:
            svg = _markup(dots(f"Accuracy over {group}, with 95% intervals", found))
            figures.append({"name": group, "svg": svg})
    return figures


def rerank_figure(
    rows: Sequence[Mapping[str, Any]], title: str = "Accuracy of one answer chosen from N samples"
) -> Markup | None:
    lines = []
    methods = list(dict.fromkeys(row["method"] for row in rows))
    others = [method for method in methods if method not in _METHOD_STYLES]
    # Rewards of any name; each hue's plain line is another method's.
    styles = _METHOD_STYLES | {method: f"hue{(1, 2, 4)[i % 3]} dashed" for i, method in enumerate(others)}
    for method in methods:
        mine = sorted((row for row in rows if row["method"] == method), key=lambda row: row["n"])
        mine = [row for row in mine if not missing(row["value"])]
        if len(mine) > 1:
            lines.append(
                Line(
                    method,
                    [(row["n"], row["value"]) for row in mine],
                    styles[method],
                    band=[(row["low"], row["high"]) for row in mine],
                )
            )
    if not lines:
        return None
    drawn = curves(
        title,
        lines,
        x_label="N, samples a problem",
        y_label="accuracy, %",
        log2=True,
        as_percent=True,
    )
    return _markup(drawn)


def reward_figures(training: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One figure for each run that logged rewards of chosen and rejected answers."""
    figures = []
    for run in training:
        trend = reward_trend(run)
        if len(trend) < 2:
            continue
        window = max(1, len(trend) // 12) if len(trend) > _STEADY else 1
        lines = [
            _reward_line("chosen", [(step, chosen) for step, chosen, _ in trend], "good", window),
            _reward_line("rejected", [(step, rejected) for step, _, rejected in trend], "bad", window),
        ]
        title = f"Rewards of chosen and rejected answers while training {run.get('name')}"
        drawn = curves(title, lines, x_label="optimizer step", y_label="reward")
        figures.append(
            {"name": run.get("name"), "objective": run.get("objective"), "window": window, "svg": _markup(drawn)}
        )
    return figures


def sharing_figure(training: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Two bars a run: the tokens of its rows, and those that the trie left to compute."""
    rows = []
    for run in training:
        report = run.get("report") or {}
        if missing(report.get("tokens_rows")) or missing(report.get("tokens_trie")):
            continue
        rows.append((f"{run['name']}, rows", [("tokens row by row", float(report["tokens_rows"]), "hue3")]))
        rows.append(("trie", [("tokens over the trie", float(report["tokens_trie"]), "hue1")]))
    return _markup(bars("Tokens computed row by row and over the trie", rows)) if rows else None


def yield_figure(forests: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Where the first correct action of each turn came from."""
    rows = []
    for forest in forests:
        counts = (forest.get("report") or {}).get("stages") or {}
        parts = [
            (stage_name(s), float(counts[s]), stage_style(s)) for s in stages_of([{"stages": counts}]) if counts[s]
        ]
        if parts:
            rows.append((forest["name"], parts))
    return _markup(bars("Turns by where their first correct action came from", rows)) if rows else None


def stages_of(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """The stages that occur, in the order in which they are tried; "none" last."""
    found = {stage for report in reports for stage in report.get("stages") or {}}
    return sorted(found, key=lambda stage: (stage == "none", stage == "reference", stage != "sample", stage))


def stage_name(stage: str) -> str:
    known = {
        "sample": "Turns solved by the actor",
        "reference": "Turns solved with the reference",
        "none": "Turns without a correct action",
    }
    return known.get(stage) or f"Turns solved at stage {clean(stage)}"


def stage_style(stage: str) -> str:
    return _STAGE_STYLES.get(stage, "hue4")


def _reward_line(name: str, points: list[tuple[float, float]], style: str, window: int) -> Line:
    """The running mean over `window` steps, with the single steps behind it."""
    if window == 1:
        return Line(name, points, style)
    means = []
    for i, (step, _) in enumerate(points):
        near = points[max(0, i - window + 1) : i + 1]
        means.append((step, sum(value for _, value in near) / len(near)))
    return Line(name, means, style, faint=points)


def _markup(svg: str) -> Markup:
    return Markup(svg)
