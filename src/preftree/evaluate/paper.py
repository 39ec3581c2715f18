"""The paper's tables of evaluation, as published, and which of our figures stands in which column.

In:  nothing but packaged data (data/README.md names its source). Out: rows as (model, {column: figure}).
Always true: figures are the paper's own, in per cent (MT-Bench in marks), and are never mixed with ours.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.benchmark import PROTOCOL_NAMES
from preftree.evaluate.items import packaged

SOURCE = "arXiv 2404.02078"
# Table 5 is table 10 grouped, so it has no rows of its own.
TABLES = ("3", "4", "8", "9", "10")

# Our name of a column, by the paper's; what is the same in several tables has one name.
COLUMNS = {
    "HumanEval": "humaneval",
    "MBPP": "mbpp",
    "LeetCode": "leetcode",
    "GSM-Plus": "gsm_plus",
    "GSM8K": "gsm8k",
    "MATH": "math",
    "TheoremQA": "theoremqa",
    "SVAMP": "svamp",
    "ASDiv": "asdiv",
    "BBH": "bbh",
    "IFEval": "ifeval",
    "MINT-code": "mint code",
    "MINT-math": "mint math",
    "MMLU": "mmlu",
    "MT-Bench": "mt_bench",
    # Of table 4, and of our rows for it: agreement with people, not the marks of table 8.
    "mt_bench": "mt_bench_human",
    "average": "average",
}


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of one of the paper's tables; `figures` are by our names of columns, and leave empty cells out."""

    table: str
    model: str
    figures: dict[str, float]


@functools.cache
def paper_table(name: str) -> tuple[PaperRow, ...]:
    """All rows of a table ("3", "4", "8", "9", "10")."""
    titles, *rows = csv.reader(packaged(f"data/table{name}.csv").splitlines())
    columns = [_column(title) for title in titles[1:]]
    return tuple(
        PaperRow(name, row[0], {column: float(cell) for column, cell in zip(columns, row[1:], strict=True) if cell})
        for row in rows
    )


def paper_rows(columns: Collection[str], tables: Collection[str] = ()) -> list[PaperRow]:
    """The rows of these tables that share columns with ours, with the shared columns only.

    With no tables named, of all but the ablation of table 10, whose first row is one of table 3. A model's rows of
    tables 3 and 8 are one. An average is kept only where every column that it is the mean of is among ours: beside
    fewer it would be another figure.
    """
    unknown = [name for name in tables if name not in TABLES]
    if unknown:
        raise InputError(f'--paper-tables: no table "{unknown[0]}"; there are {", ".join(TABLES)}')
    found: dict[tuple[str, str], PaperRow] = {}
    for name in tables or [table for table in TABLES if table != "10"]:
        every = {column for row in paper_table(name) for column in row.figures} - {"average"}
        shown = every & set(columns) | ({"average"} if every <= set(columns) else set())
        for row in paper_table(name):
            figures = {column: figure for column, figure in row.figures.items() if column in shown}
            key = ("3, 8" if name in ("3", "8") else name, row.model)
            before = found.get(key)
            if before is not None:
                found[key] = PaperRow(f"{before.table}, {name}", row.model, before.figures | figures)
            elif figures:
                found[key] = PaperRow(name, row.model, figures)
    return list(found.values())


def paper_notes(rows: Sequence[PaperRow], columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which of our columns stand above the paper's figures and were asked under another protocol than the paper's."""
    shown = {column for row in rows for column in row.figures}
    others = [column for column in columns if column["name"] in shown and column["protocol"] != PROTOCOL_NAMES["eurus"]]
    if not others:
        return []
    said = ", ".join(f"{column['name']} ({column['protocol'] or 'none'})" for column in others)
    return [
        f"The paper's figures are of its own protocol, eurus; asked otherwise here, so another measurement: {said}."
    ]


def _column(title: str) -> str:
    """ "HumanEval@4" of table 9 is humaneval@4; table 4 has names of its own, which ours repeat."""
    name, at, number = title.partition("@")
    return f"{COLUMNS.get(name, name)}{at}{number}"
