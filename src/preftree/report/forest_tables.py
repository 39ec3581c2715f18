"""The tables of `preftree stats`: a forest's rows with the paper's beneath them, where both count the same source.

In:  `ForestStats`. Out: rich tables, and the paper's rows as plain dicts.
Always true: a figure of the paper is never mixed with one of the forest; a missing one is an en dash.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from preftree.report.forest_stats import ForestStats, Table1Row, Table7Row
from preftree.report.text import MISSING, clean, count, interval, percent

_SHOWN_WRITERS = 12


def paper_table(number: int) -> list[dict[str, str]]:
    """The rows of the paper's table 1 or 7 (report/paper/README.md)."""
    text = (resources.files("preftree.report") / "paper" / f"table{number}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def paper_row(row: Table1Row | Table7Row) -> dict[str, str] | None:
    """The paper's row of the same kind of trees, or of the same data set; None if it has none."""
    if isinstance(row, Table1Row):
        wanted = (row.task, "yes" if row.interaction else "no", row.tool)
        found = [one for one in _paper(1) if (one["task"], one["interaction"], one["tool"]) == wanted]
    else:
        source, tool = _source(row.dataset), row.tool
        found = [one for one in _paper(7) if _source(one["dataset"]) == source and one["tool"] == tool]
    return found[0] if found else None


def table1(stats: ForestStats) -> Table:
    columns = ("instr.", "t1", "t2", "t3", "t4", "t5", f"{stats.unit}/traj.", "traj./instr.", "pairs", "correct")
    table = _table("Table 1: trajectories (the paper counts tokens)", ("trees", ""), columns)
    for row in stats.table1:
        turns = [count(number) for number in row.turns] + [MISSING] * (5 - len(row.turns))
        lengths = (f"{row.length_per_trajectory:,.1f}", f"{row.trajectories_per_instruction:.1f}")
        kind = f"{row.task}, {'turns' if row.interaction else 'one turn'}{_tool(row.tool)}"
        table.add_row(
            kind, "forest", count(row.instructions), *turns, *lengths, count(row.pairs), count(row.correct_answers)
        )
        theirs = paper_row(row)
        if theirs is not None:
            cells = [theirs[name] for name in ("instructions", "t1", "t2", "t3", "t4", "t5")]
            cells += [f"{float(theirs['tokens_per_trajectory']):,.1f}", theirs["trajectories_per_instruction"]]
            cells += [theirs["pairs"], theirs["correct_answers"]]
            table.add_row("", "paper", *map(_number, cells), style="dim")
    return table


def table7(stats: ForestStats) -> Table:
    columns = ("prompts", "pairs", "correct", f"avg. {stats.unit}", "answer", "rationale")
    table = _table("Table 7: data sets (the paper counts tokens)", ("data set", ""), columns)
    for row in stats.table7:
        table.add_row(
            Text(clean(f"{row.dataset} ({row.task}{_tool(row.tool)})")), "forest", count(row.prompts), count(row.pairs),
            count(row.correct_answers), f"{row.average_length:,.1f}", _yes(row.has_answer), _yes(row.has_rationale),
        )  # fmt: skip
        theirs = paper_row(row)
        if theirs is not None:
            cells = [theirs[name] for name in ("prompts", "pairs", "correct_answers")]
            cells += [f"{float(theirs['average_length']):,.1f}", theirs["has_answer"], theirs["has_rationale"]]
            table.add_row("", "paper", *map(_number, cells), style="dim")
    return table


def pass_table(stats: ForestStats) -> Table:
    """Pass@k in per cent with its 95% interval over problems."""
    rows = stats.pass_at.rows
    numbers = sorted({row.k for row in rows})
    title = f"Pass@k of the first turn in %, unbiased (from {stats.pass_at.estimator} of up to {stats.pass_at.cap})"
    table = _table(title, ("data set",), ("problems", *(f"k = {k}" for k in numbers)))
    for name in dict.fromkeys(row.dataset for row in rows):
        at = {row.k: row for row in rows if row.dataset == name}
        cells = [f"{percent(at[k].value)} ({interval(at[k].low, at[k].high)})" if k in at else MISSING for k in numbers]
        table.add_row(Text(clean(name)), count(next(iter(at.values())).problems), *cells)
    return table


def stage_table(stats: ForestStats) -> Table:
    columns = ("actions", "correct", "wrong", "undecided", "turns that it solved")
    table = _table("Yield by stage", ("stage",), columns)
    for row in stats.stages:
        figures = (row.actions, row.correct, row.wrong, row.undecided, row.turns)
        table.add_row(Text(clean(row.stage)), *map(count, figures))
    table.add_row("none", *[MISSING] * 4, count(stats.turns_without_correct))
    return table


def writers_table(stats: ForestStats) -> Table:
    """Pairs by who wrote chosen and rejected, the most frequent first."""
    table = _table("Pairs by actors", ("chosen over rejected",), ("pairs",))
    rows = sorted(stats.pairs_by_actors.items(), key=lambda entry: -entry[1])
    for name, pairs in rows[:_SHOWN_WRITERS]:
        table.add_row(Text(clean(name)), count(pairs))
    if len(rows) > _SHOWN_WRITERS:
        table.caption = f"and {len(rows) - _SHOWN_WRITERS} others; --json gives all"
    return table


@functools.cache
def _paper(number: int) -> tuple[dict[str, str], ...]:
    return tuple(paper_table(number))


def _source(name: str) -> str:
    """A data set's name without case and marks; the published rows call CodeContests codecontest."""
    bare = re.sub(r"[^a-z0-9]", "", name.casefold())
    return {"codecontest": "codecontests", "magicoder": "magicoderevolinstruct"}.get(bare, bare)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _number(cell: Any) -> str:
    text = str(cell)
    return count(int(text)) if text.isdigit() else text or MISSING


def _tool(tool: str) -> str:
    return {"yes": ", tool", "no": ", no tool"}.get(tool, "")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
