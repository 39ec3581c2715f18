"""The page: results and trees into one HTML file that needs nothing else.

In:  a results dict (its schema is that of results.json), sample trees. Out: HTML text; or the files of a report.
Always true: a section whose results are absent is left out; the template escapes everything but what `figures`
and `trees` built as markup.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from preftree.records import Tree
from preftree.report import text
from preftree.report.benchmarks import shown
from preftree.report.files import Written, write_files
from preftree.report.measures import cost_sheet, lengths_section
from preftree.report.one_run import run_sections
from preftree.report.sections import figures_of, markdown_page, parts_of
from preftree.report.summary import reading, summary
from preftree.report.trees import tree_view
from preftree.report.views import (
    benchmarks_view,
    evaluation_view,
    forests_view,
    made_view,
    problems_view,
    rerank_view,
    stages_view,
    training_view,
)

_HERE = Path(__file__).parent


def render_page(results: Mapping[str, Any], trees: Sequence[Tree]) -> str:
    """The whole page as text."""
    page: str = template("page.html.jinja").render(
        css=style_sheet(),
        results=results,
        recipe=text.clean(results.get("recipe") or "run"),
        summary=summary(results),
        evaluation=evaluation_view(results.get("evaluation") or {}),
        benchmarks=benchmarks_view(results.get("benchmarks") or []),
        rerank=rerank_view(results.get("rerank") or {}),
        training=training_view(results.get("training") or []),
        forests=forests_view(results.get("forests") or []),
        costs=cost_sheet([("", results)]),
        lengths=lengths_section([("", results)]),
        trees=[tree_view(tree) for tree in trees],
        stages=stages_view(results.get("stages") or []),
        made=made_view(results),
        settings=text.flat(results.get("settings") or {}),
        problems=problems_view(results.get("problems") or []),
    )
    return page


def write_report(results: Mapping[str, Any], trees: Sequence[Tree], out: Path) -> Written:
    """Write the page, its Markdown, results.json and the figures into `out`."""
    sections = run_sections(results)
    title = f"{text.clean(results.get('recipe') or 'run')}: report of a run"
    markdown = markdown_page(title, [], sections)
    return write_files(out, results, render_page(results, trees), markdown, figures_of(sections))


def style_sheet() -> Markup:
    return Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # our own file


@functools.cache
def template(name: str) -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = ("clean", "count", "decimal", "duration", "interval", "p_value", "percent", "points", "turns")
    environment.filters.update({name: getattr(text, name) for name in words})
    environment.filters.update(reading=reading, shown=shown, parts=parts_of, figure_and_interval=figure_and_interval)
    return environment.get_template(name)


def figure_and_interval(cell: str) -> tuple[str, str]:
    """ "57.5 [50.0–65.0]" as its two parts."""
    found = re.fullmatch(r"([^\s\[]+) \[([^\[\]]+)\]", cell)
    return (found[1], found[2]) if found else (cell, "")
