"""The tables and figures of one run as sections, for its Markdown and its figures' files.

In:  a results dict. Out: sections, in the order of the page.
Always true: the figures are those of the page; a section without results is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from preftree.report.benchmarks import shown
from preftree.report.comparison import Sheet
from preftree.report.measures import lengths_section, score, sharing_parts, training_sheet, yield_section
from preftree.report.sections import Section, present
from preftree.report.summary import reading, summary
from preftree.report.text import MISSING, clean, count, duration, flat, p_value, points, turns
from preftree.report.views import (
    benchmarks_view,
    evaluation_view,
    made_view,
    problems_view,
    rerank_view,
    training_view,
)


def run_sections(results: Mapping[str, Any]) -> list[Section]:
    runs = [("", results)]
    found = summary(results)
    view = training_view(results.get("training") or [])
    shared_figures, shared_sheets = sharing_parts(runs)
    warnings = tuple(f"Warning. {clean(said)}." for said in results.get("warnings") or [])
    return present(
        [
            Section("found", "What was found", (*warnings, *found.lead, *found.more)),
            _accuracy(results.get("evaluation") or {}),
            _benchmarks(results.get("benchmarks") or []),
            _rerank(results.get("rerank") or {}),
            Section(
                "training",
                "Training",
                figures=(*(view["trends"] if view else ()), *shared_figures),
                sheets=tuple(sheet for sheet in (training_sheet(runs), *shared_sheets) if sheet.rows),
            ),
            yield_section(runs),
            lengths_section(runs),
            _made(results),
        ]
    )


def _accuracy(evaluation: Mapping[str, Any]) -> Section | None:
    view = evaluation_view(evaluation)
    if view is None:
        return None
    titles = ("family", "problems", *(f"{model}, {turns(k)}" for k in view["turns"] for model in view["models"]))
    lines = [(clean(r["name"]), r["n"], *map(score, r["cells"])) for _, rows in view["bodies"] for r in rows]
    note = "In per cent with 95% intervals; in k turns an answer counts if one of the first k is right."
    sheets = [Sheet("Accuracy by family and group", titles, tuple(lines), 1, (note,))]
    if view["paired"]:
        sheets.append(_paired(view["paired"]))
    return Section("accuracy", "Accuracy", figures=view["figures"], sheets=tuple(sheets))


def _paired(rows: Sequence[Mapping[str, Any]]) -> Sheet:
    lines = []
    for row in rows:
        bounds = f" [{points(row['low'])} to {points(row['high'])}]" if "low" in row else ""
        p = p_value(row["p_value"]).removeprefix("p ").removeprefix("= ")
        names = (f"{clean(row['b'])} against {clean(row['a'])}", clean(row["group"]), turns(row["turns"]))
        lines.append((*names, points(row["difference"]) + bounds, p, reading(row)))
    titles = ("comparison", "over", "turns", "difference, points", "p-value", "reading")
    note = "McNemar's exact test on the same problems, two-sided."
    return Sheet("Paired comparisons", titles, tuple(lines), 3, (note,))


def _benchmarks(summaries: Sequence[Mapping[str, Any]]) -> Section:
    sheets = []
    for view in benchmarks_view(summaries):
        models = tuple(map(clean, view["models"]))
        rows = tuple((*map(clean, names), *map(_shown, figures)) for *names, figures in view["lines"])
        title = f"{clean(view['name'])}: protocol {clean(view['protocol'])}"
        notes = tuple(f"{clean(note)}." for note in view["notes"])
        sheets.append(Sheet(title, ("benchmark", "mode", "metric", *models), rows, 3, notes))
        suite = tuple((clean(name), *map(_shown, figures)) for name, figures in view["columns"].items())
        if suite:
            sheets.append(Sheet(f"Suite {clean(view['suite'])}", ("column", *models), suite))
    return Section("benchmarks", "Benchmarks", sheets=tuple(sheets))


def _shown(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return MISSING
    value, between, _ = shown(figure)
    return f"{value} [{between}]"


def _rerank(rerank: Mapping[str, Any]) -> Section | None:
    view = rerank_view(rerank)
    if view is None:
        return None
    lines = tuple((clean(line["name"]), *map(score, line["cells"])) for line in view["methods"])
    families = tuple((clean(line["name"]), *map(score, line["cells"])) for line in view["families"])
    sheets = [
        Sheet("Accuracy of one answer out of N", ("chosen by", *(f"N = {n}" for n in view["numbers"])), lines),
        Sheet("The same by family", ("family", *(f"{clean(m)}, N = {n}" for n, m in view["columns"])), families),
    ]
    figures = (view["figure"],) if view["figure"] else ()
    return Section("rerank", "Best of N", figures=figures, sheets=tuple(sheet for sheet in sheets if sheet.rows))


def _made(results: Mapping[str, Any]) -> Section:
    stages = tuple(
        (
            clean(stage["name"]),
            clean(stage.get("kind", "")),
            duration(stage.get("seconds")),
            *(count(stage.get(key)) for key in ("peak_memory_mb", "calls", "input_tokens", "output_tokens")),
        )
        for stage in results.get("stages") or []
    )
    titles = ("stage", "kind", "time", "peak memory, MB", "calls", "input tokens", "output tokens")
    problems = problems_view(results.get("problems") or [])
    sizes = () if problems is None else tuple((clean(name), *map(count, row)) for name, row in problems["lines"])
    facts = tuple((f"{name}: {key}", value) for name, rows in made_view(results) for key, value in rows)
    sheets = [
        Sheet("Stages", titles, stages, 2),
        Sheet("Problems by family and split", ("family", *map(clean, problems["splits"] if problems else ())), sizes),
        Sheet("Provenance", ("", "value"), facts, 2),
        Sheet("Settings", ("setting", "value"), tuple(flat(results.get("settings") or {})), 2),
    ]
    deviations = tuple(f"Differs from the paper: {clean(said)}" for said in results.get("deviations") or [])
    return Section("made", "How it was made", deviations, sheets=tuple(sheet for sheet in sheets if sheet.rows))
