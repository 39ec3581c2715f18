"""Which figure shows which results: from sections of the results dict to drawn figures with their data.

In:  sections of results.json. Out: figures as markup and as rows, or nothing where there is too little to draw.
Always true: the same model or method has the same colour class wherever it is drawn; a figure's rows hold every
number that it shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from preftree.report.figures import Bar, Box, Dot, Line, bars, boxes, curves, dots
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
_TURN_STYLES = ("hue1", "hue4", "hue2", "hue5")
QUANTILES = ("10%", "25%", "50%", "75%", "90%")


@dataclass(frozen=True, slots=True)
class Figure:
    """`file` names its files, `title` stands above it; `columns` and `rows` are its data."""

    file: str
    title: str
    svg: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    caption: str = ""
    legend: tuple[tuple[str, str], ...] = ()  # colour class, words
    small: bool = False  # three fit side by side


def slug(*parts: object) -> str:
    """A file's name from foreign words."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(map(str, parts)).lower()).strip("-")[:60] or "figure"


def line_rows(lines: Sequence[Line], x: str, y: str) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """The data of curves: what is drawn, its band, and the single steps behind a running mean."""
    columns = ("line", x, y, "low", "high", "single")
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        bands: Sequence[Any] = line.band or [(None, None)] * len(line.points)
        single: Sequence[Any] = [value for _, value in line.faint] or [None] * len(line.points)
        for (at, value), (low, high), one in zip(line.points, bands, single, strict=True):
            rows.append((line.name, at, value, low, high, one))
    # A column that is empty throughout says nothing.
    kept = [i for i in range(len(columns)) if i < 3 or any(row[i] is not None for row in rows)]
    return tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)


def accuracy_figures(evaluation: Mapping[str, Any]) -> list[Figure]:
    """A figure a group: each model's accuracy, with few turns as full dots and with more as hollow ones."""
    models, numbers = evaluation.get("models") or [], evaluation.get("turns") or []
    rows = [row for row in evaluation.get("groups") or [] if not missing(row["value"])]
    figures = []
    for group in dict.fromkeys(row["group"] for row in rows):
        at = {(row["model"], row["turns"]): row for row in rows if row["group"] == group}
        found = [
            (k, model, Dot(name, row["value"], row["low"], row["high"], f"hue{1 + i % 5}", hollow=place > 0))
            for i, model in enumerate(models)
            for place, k in enumerate(numbers)
            if (row := at.get((model, k)))
            for name in [model if place == 0 else f"in {turns(k)}"]
        ]
        if found:
            svg = Markup(dots(f"Accuracy over {group}, with 95% intervals", [dot for _, _, dot in found]))
            data = tuple((model, k, dot.value, dot.low, dot.high) for k, model, dot in found)
            columns = ("model", "turns", "accuracy", "low", "high")
            figures.append(Figure(slug("accuracy", group), str(group).capitalize(), svg, columns, data, small=True))
    return figures


def rerank_figure(
    rows: Sequence[Mapping[str, Any]], title: str = "Accuracy of one answer chosen from N samples"
) -> Figure | None:
    lines = []
    methods = list(dict.fromkeys(row["method"] for row in rows))
    others = [method for method in methods if method not in _METHOD_STYLES]
    # Rewards of any name; each hue's plain line is another method's.
    styles = _METHOD_STYLES | {method: f"hue{(1, 2, 4)[i % 3]} dashed" for i, method in enumerate(others)}
    for method in methods:
        line = rerank_line(method, [row for row in rows if row["method"] == method], styles[method])
        if line is not None:
            lines.append(line)
    return rerank_plate("reranking", title, lines) if lines else None


def rerank_line(name: str, rows: Sequence[Mapping[str, Any]], style: str) -> Line | None:
    mine = sorted((row for row in rows if not missing(row["value"])), key=lambda row: row["n"])
    if len(mine) < 2:
        return None
    points = [(row["n"], row["value"]) for row in mine]
    return Line(name, points, style, band=[(row["low"], row["high"]) for row in mine])


def rerank_plate(file: str, title: str, lines: Sequence[Line]) -> Figure:
    labels = {"x_label": "N, samples a problem", "y_label": "accuracy, %"}
    svg = Markup(curves(title, lines, **labels, log2=True, as_percent=True))
    caption = "Accuracy over N; bands are 95% intervals over problems."
    return Figure(file, title, svg, *line_rows(lines, "N", "accuracy"), caption)


def reward_figures(training: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """One figure for each run that logged rewards of chosen and rejected answers."""
    figures = []
    for run in training:
        trend = reward_trend(run)
        if len(trend) < 2:
            continue
        window = steady(len(trend))
        lines = [
            reward_line("chosen", [(step, chosen) for step, chosen, _ in trend], "good", window),
            reward_line("rejected", [(step, rejected) for step, _, rejected in trend], "bad dashed", window),
        ]
        name = clean(run.get("name"))
        title = f"Rewards of chosen and rejected answers while training {name}"
        svg = Markup(curves(title, lines, x_label="optimizer step", y_label="reward"))
        of_head = run.get("objective") == "reward"
        caption = "Rewards of the head" if of_head else "Implicit rewards, β (log π − log π of the reference),"
        caption += f" of chosen and rejected answers over training{smoothing(window)}."
        data = line_rows(lines, "step", "reward")
        figures.append(Figure(slug("rewards", name), name, svg, *data, caption))
    return figures


def steady(steps: int) -> int:
    """Over so many logged steps a curve is averaged."""
    return max(1, steps // 12) if steps > _STEADY else 1


def smoothing(window: int) -> str:
    return f": running mean of {window} logged steps, single steps faint" if window > 1 else ""


def reward_line(name: str, points: list[tuple[float, float]], style: str, window: int) -> Line:
    """The running mean over `window` steps, with the single steps behind it."""
    if window == 1:
        return Line(name, points, style)
    means = []
    for i, (step, _) in enumerate(points):
        near = points[max(0, i - window + 1) : i + 1]
        means.append((step, sum(value for _, value in near) / len(near)))
    return Line(name, means, style, faint=points)


def sharing_figure(training: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Two bars a run: the tokens of its rows, and those that the trie left to compute."""
    rows: list[Bar] = []
    for run in training:
        report = run.get("report") or {}
        if missing(report.get("tokens_rows")) or missing(report.get("tokens_trie")):
            continue
        rows.append((f"{run['name']}, rows", [("tokens row by row", float(report["tokens_rows"]), "hue3")]))
        rows.append(("trie", [("tokens over the trie", float(report["tokens_trie"]), "hue1")]))
    if not rows:
        return None
    data = tuple(
        (run["name"], (run.get("report") or {}).get("tokens_rows"), (run.get("report") or {}).get("tokens_trie"))
        for run in training
    )
    return Figure(
        "token-sharing",
        "Token sharing",
        Markup(bars("Tokens computed row by row and over the trie", rows)),
        ("training", "tokens row by row", "tokens over the trie"),
        data,
        "Sequences of one problem share prefixes; over a trie each token is computed once.",
    )


def yield_figure(forests: Sequence[Mapping[str, Any]]) -> Figure | None:
    """Where the first correct action of each turn came from."""
    rows: list[Bar] = []
    for forest in forests:
        counts = (forest.get("report") or {}).get("stages") or {}
        parts = [
            (stage_name(s), float(counts[s]), stage_style(s)) for s in stages_of([{"stages": counts}]) if counts[s]
        ]
        if parts:
            rows.append((forest["name"], parts))
    title = "Turns by where their first correct action came from"
    caption = "Turns of each forest by where their first correct action came from."
    return bar_plate("yield", "Yield by stage", title, rows, ("forest", "stage", "turns"), caption)


def bar_plate(
    file: str, label: str, title: str, rows: Sequence[Bar], columns: tuple[str, str, str], caption: str
) -> Figure | None:
    """Stacked bars with a legend of their parts; None where there are none."""
    if not rows:
        return None
    data = tuple((name, part, int(amount)) for name, parts in rows for part, amount, _ in parts)
    legend = tuple(dict.fromkeys((style, part) for _, parts in rows for part, _, style in parts))
    return Figure(file, label, Markup(bars(title, rows)), columns, data, caption, legend)


def length_figure(file: str, label: str, rows: Sequence[tuple[str, Mapping[str, float], str]]) -> Figure | None:
    """Distributions of tokens: (name, quantiles, colour class)."""
    known = [(name, tokens, style) for name, tokens, style in rows if tokens]
    if not known:
        return None
    found = [Box(name, tuple(tokens[q] for q in QUANTILES), style) for name, tokens, style in known]  # type: ignore[arg-type]
    svg = Markup(boxes(f"{label}: distribution", found, "output tokens"))
    data = tuple((box.name, *box.spread) for box in found)
    caption = "Lines reach from the 10% to the 90% point, boxes hold the middle half, and the number is the median."
    return Figure(file, label, svg, ("of", *QUANTILES), data, caption)


def turn_figure(rows: Sequence[tuple[str, Mapping[str, int]]]) -> Figure | None:
    """In which turn conversations were solved; (name, {"1": n, …, "unsolved": n})."""
    found: list[Bar] = []
    for name, counts in rows:
        solved = sorted(int(turn) for turn in counts if turn != "unsolved")
        parts = [(f"solved in turn {k}", float(counts[str(k)]), _TURN_STYLES[(k - 1) % 4]) for k in solved]
        parts.append(("not solved", float(counts.get("unsolved", 0)), "hue3"))
        found.append((name, [part for part in parts if part[1]]))
    title = "Conversations by the turn that solved them"
    return bar_plate("turns-of-answers", "Turns", title, found, ("model", "turn", "conversations"), f"{title}.")


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
