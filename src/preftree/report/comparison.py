"""Models side by side: sheets of plain cells, and how a terminal, Markdown and LaTeX show them.

In:  what `preftree compare` found, as plain values. Out: sheets; a rich table, Markdown or LaTeX (booktabs) of each.
Always true: a row of the paper's carries a mark and a note that names its source; text is escaped for where it goes;
shares are in per cent, marks as they are, a missing figure is an en dash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from preftree.report.text import MISSING, clean, p_value, signed

PAPER_MARK = "†"
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "†": r"\textdagger{}", "–": "--", "−": r"\textminus{}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text; the first `left` columns hold names, the others figures. Notes stand under it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    notes: tuple[str, ...] = ()


def comparison_sheets(found: Mapping[str, Any]) -> list[Sheet]:
    """Figures by model, with the paper's rows under them; paired differences; rows that have no items to pair."""
    sheets = []
    if found["models"]:
        sheets += [_figures(found), _pairs(found)]
    if found["rows"]:
        sheets.append(_rows(found))
    return sheets


def _figures(found: Mapping[str, Any]) -> Sheet:
    columns, averages = found["columns"], found["averages"]
    titles = ["model", *(column["name"] for column in columns), *(["average"] if averages else [])]
    rows = []
    for model in found["models"]:
        cells = [_cell(column["cells"].get(model), column["best"]) for column in columns]
        rows.append((model, *cells, *([_cell(averages[model], 1.0)] if averages else [])))
    items = [f"{next(iter(column['cells'].values()))['items']:,}" for column in columns]
    rows.append(("items", *items, *([""] if averages else [])))
    marked, notes = _paper_rows(found["paper"], titles[1:])
    samples = max(cell["samples"] for column in columns for cell in column["cells"].values())
    how = f"; the mean over up to {samples} samples of an item" if samples > 1 else ""
    intervals = f"In brackets: 95% intervals over items{how}."
    return Sheet("Figures", tuple(titles), (*rows, *marked), 1, (intervals, *found["notes"], *notes))


def _pairs(found: Mapping[str, Any]) -> Sheet:
    best = {column["name"]: column["best"] for column in found["columns"]}
    rows = []
    for pair in found["pairs"]:
        scale = best.get(pair["column"], 1.0)
        gain, low, high = (_signed(pair[name], scale) for name in ("difference", "low", "high"))
        tested = (
            f"{pair['n']:,}",
            *(p_value(pair[name]).removeprefix("p ").removeprefix("= ") for name in ("p_value", "p_holm")),
        )
        rows.append((pair["column"], f"{pair['b']} − {pair['a']}", f"{gain} [{low}, {high}]", *tested))
    tests = "; ".join(dict.fromkeys(pair["test"] for pair in found["pairs"]))
    titles = ("benchmark", "difference of", "difference", "items", "p", "p (Holm)")
    return Sheet("Paired differences", titles, tuple(rows), 2, (f"Two-sided tests on the same items: {tests}.",))


def _rows(found: Mapping[str, Any]) -> Sheet:
    names = found["row_columns"]
    rows = tuple((row["name"], *(_plain(row["figures"].get(name)) for name in names)) for row in found["rows"])
    marked, notes = _paper_rows(found["paper"], names)
    return Sheet("Reranking and reward models, in %", ("", *names), (*rows, *marked), 1, (*found["row_notes"], *notes))


def _paper_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    """The paper's rows that have one of these columns, marked, and the note on the mark."""
    mine = [row for row in rows if set(row["figures"]) & set(names)]
    if not mine:
        return [], []
    tables = ", ".join(dict.fromkeys(name for row in mine for name in row["table"].split(", ")))
    note = f"{PAPER_MARK} The paper's own figures ({mine[0]['source']}, tables {tables}), not measured here."
    shown = [(f"{row['model']} {PAPER_MARK}", *(_plain(row["figures"].get(name)) for name in names)) for row in mine]
    return shown, [note]


# ---------------------------------------------------------------- figures as text


def _cell(cell: Mapping[str, Any] | None, best: float) -> str:
    if cell is None:
        return MISSING
    mode = f" {cell['mode']}" if cell.get("mode") else ""
    value, low, high = (_figure(cell[name], best) for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]{mode}"


def _figure(share: float, best: float) -> str:
    return f"{100 * share:.1f}" if best == 1.0 else f"{best * share:.2f}"


def _signed(share: float, best: float) -> str:
    return signed(100 * share, 1) if best == 1.0 else signed(best * share, 2)


def _plain(figure: float | None) -> str:
    """One decimal, as the paper has them, and two where the figure has them (marks)."""
    return MISSING if figure is None else f"{figure:.1f}" if figure == round(figure, 1) else f"{figure:.2f}"


# ---------------------------------------------------------------- where sheets go


def rich_table(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for at, name in enumerate(sheet.columns):
        table.add_column(name, justify="left" if at < sheet.left else "right")
    for row in sheet.rows:
        table.add_row(*(Text(clean(cell)) for cell in row), style="dim" if row[0].endswith(PAPER_MARK) else None)
    return table


def markdown(sheets: Sequence[Sheet]) -> str:
    return "\n\n".join(map(sheet_markdown, sheets)) + "\n"


def sheet_markdown(sheet: Sheet, level: int = 2) -> str:
    head = "| " + " | ".join(map(markdown_text, sheet.columns)) + " |"
    rule = "|" + "|".join(["---"] * sheet.left + ["--:"] * (len(sheet.columns) - sheet.left)) + "|"
    rows = ["| " + " | ".join(map(markdown_text, row)) + " |" for row in sheet.rows]
    notes = "".join(f"\n{markdown_text(note)}  " for note in sheet.notes)
    return "\n".join([f"{'#' * level} {markdown_text(sheet.title)}", "", head, rule, *rows]) + (
        "\n" + notes if notes else ""
    )


def latex(sheets: Sequence[Sheet]) -> str:
    r"""Tables for `\usepackage{booktabs}`; the paper's rows stand under a rule of their own."""
    parts = ["% Needs \\usepackage{booktabs} and \\usepackage{textcomp}."]
    for sheet in sheets:
        spec = "l" * sheet.left + "r" * (len(sheet.columns) - sheet.left)
        lines = [f"\\begin{{tabular}}{{{spec}}}", "\\toprule", _latex_row(sheet.columns), "\\midrule"]
        ruled = False
        for row in sheet.rows:
            if row[0].endswith(PAPER_MARK) and not ruled:
                lines.append("\\midrule")
                ruled = True
            lines.append(_latex_row(row))
        lines += ["\\bottomrule", "\\end{tabular}", *(f"% {note}" for note in sheet.notes)]
        parts.append("\n".join([f"% {sheet.title}", *lines]))
    return "\n\n".join(parts) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    # A row that begins with a bracket would be read as the option of the line end before it.
    row = " & ".join(latex_text(cell) for cell in cells)
    return ("{}" if row.startswith("[") else "") + row + " \\\\"


def latex_text(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in clean(text))


def markdown_text(text: str) -> str:
    return re.sub(r"([\\|`*_<>\[\]])", r"\\\1", clean(text).replace("\n", " "))
