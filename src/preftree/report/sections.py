"""A page as sections of sentences, figures and tables, and the same as Markdown.

In:  sections. Out: Markdown text. The HTML templates take sections as they are.
Always true: foreign text is escaped; a figure stands in Markdown as the file that is written beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from preftree.report.charts import Figure
from preftree.report.comparison import Sheet, markdown_text, sheet_markdown

# More columns of figures than this fit no sheet of paper; where they stand with their intervals, fewer do.
_WIDEST, _WIDEST_WITH_INTERVALS = 10, 6


@dataclass(frozen=True, slots=True)
class Section:
    """`id` is its place in the page; `folded` are tables that a reader opens."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    folded: tuple[Sheet, ...] = ()


def markdown_page(title: str, lead: Sequence[str], sections: Sequence[Section]) -> str:
    parts = [f"# {markdown_text(title)}", *map(markdown_text, lead)]
    for section in sections:
        parts += [f"## {markdown_text(section.title)}", *map(markdown_text, section.text)]
        for figure in section.figures:
            parts.append(f"![{markdown_text(figure.title)}](figures/{figure.file}.svg)")
            if figure.caption:
                parts.append(f"{markdown_text(figure.title)}. {markdown_text(figure.caption)}")
        parts += [sheet_markdown(sheet, 3) for sheet in (*section.sheets, *section.folded)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def present(sections: Iterable[Section | None]) -> list[Section]:
    """Those that hold anything."""
    return [s for s in sections if s is not None and (s.text or s.figures or s.sheets or s.folded)]


def figures_of(sections: Iterable[Section]) -> list[Figure]:
    """All figures, each under a file name of its own."""
    found: dict[str, Figure] = {}
    for figure in (figure for section in sections for figure in section.figures):
        if figure.file in found and found[figure.file] is not figure:
            raise ValueError(f'two figures are called "{figure.file}"')
        found[figure.file] = figure
    return list(found.values())


def own_files(figures: Sequence[Figure]) -> tuple[Figure, ...]:
    """Figures of foreign names, which may be one name once they are written as files: numbered where they are."""
    seen: dict[str, int] = {}
    named = []
    for figure in figures:
        seen[figure.file] = seen.get(figure.file, 0) + 1
        number = seen[figure.file]
        named.append(figure if number == 1 else replace(figure, file=f"{figure.file}_{number}"))
    return tuple(named)


def parts_of(sheet: Sheet, widest: int | None = None) -> list[Sheet]:
    """A sheet with more columns of figures than fit, as several with the same names at the left."""
    figures = len(sheet.columns) - sheet.left
    if widest is None:
        intervals = any(" [" in cell for row in sheet.rows for cell in row[sheet.left :])
        widest = _WIDEST_WITH_INTERVALS if intervals else _WIDEST
    if figures <= widest:
        return [sheet]
    count = -(-figures // widest)
    each = -(-figures // count)
    parts = []
    for number in range(count):
        first = sheet.left + number * each
        places = [*range(sheet.left), *range(first, min(first + each, len(sheet.columns)))]
        parts.append(
            Sheet(
                f"{sheet.title} ({number + 1} of {count})",
                tuple(sheet.columns[i] for i in places),
                tuple(tuple(row[i] for i in places) for row in sheet.rows),
                sheet.left,
                sheet.notes if number == count - 1 else (),
            )
        )
    return parts
