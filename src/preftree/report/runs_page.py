"""One page over several runs.

In:  results of several runs (results.json of such a page). Out: HTML text; or the files of a report.
Always true: as of the page over one run: it needs nothing else, and foreign text stays text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from preftree.report.comparison import rich_table
from preftree.report.files import Written, write_files
from preftree.report.page import style_sheet, template
from preftree.report.runs_sections import runs_sections
from preftree.report.sections import Section, figures_of, markdown_page, parts_of
from preftree.report.text import clean

# So many columns of figures with intervals stand in a terminal of 80 columns.
_TERMINAL = 4


def render_runs(results: Mapping[str, Any]) -> str:
    """The page over several runs as text: `results` is what `recipe.stages.report.compare` gives."""
    return _render(results, runs_sections(results))


def write_runs(results: Mapping[str, Any], out: Path) -> Written:
    """Its files in `out`: results.json, report.html, report.md, figures/NAME.svg and .csv."""
    sections = runs_sections(results)
    markdown = markdown_page(_title(results), [], sections)
    return write_files(out, results, _render(results, sections), markdown, figures_of(sections))


def runs_tables(results: Mapping[str, Any]) -> list[Table | str]:
    """What a terminal shows of it: the scores, and sentences on what is to be said of rewards and averages."""
    shown = [part for part in runs_sections(results) if part.id in ("benchmarks", "accuracy", "rewards")]
    found: list[Table | str] = []
    for part in shown:
        found += [rich_table(piece) for sheet in part.sheets for piece in parts_of(sheet, _TERMINAL)]
        found += [clean(said) for said in part.text]
    return found


def _title(results: Mapping[str, Any]) -> str:
    return f"{len(results['runs'])} runs compared"


def _render(results: Mapping[str, Any], sections: list[Section]) -> str:
    page: str = template("runs.html.jinja").render(
        css=style_sheet(), results=results, title=_title(results), sections=sections
    )
    return page
