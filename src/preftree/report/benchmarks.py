"""Tables of an evaluation on benchmarks: a row a benchmark and mode, the better of two modes, a suite's row.

In:  what `summary.json` holds. Out: rich tables that fit a terminal of 80 columns, as far as names let them.
Always true: shares are in per cent, marks (a metric whose best is more than 1) as they are; a figure stands with its
95% interval and its n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from preftree.report.terminal import plain_table
from preftree.report.text import MISSING, clean, count, interval, missing, percent

# A label with more values than this (BBH's tasks, MMLU's subjects) would hide the rest; summary.json has it.
_SHOWN_VALUES = 10


def benchmark_table(summary: Mapping[str, Any], model: str) -> Table:
    """One model's figures: a row a benchmark, mode and metric; the counts stand in a benchmark's first row."""
    title = f"{model}: protocol {summary['protocol']}, figures in % with 95% intervals"
    figures = ("value", "interval", "n", "cut", "undecided")
    table = plain_table(title, "benchmark", names=("mode", "metric"), right=figures)
    better = {row["benchmark"]: row for row in summary["better_of_modes"] if row["model"] == model}
    rows = [row for row in summary["rows"] if row["model"] == model]
    for place, row in enumerate(rows):
        for number, figure in enumerate(row["metrics"]):
            counts = (str(row["truncated"]), str(row["undecided"])) if number == 0 else ("", "")
            names = (row["benchmark"], row["mode"]) if number == 0 else ("", "")
            table.add_row(*map(Text, map(clean, names)), Text(clean(figure["name"])), *shown(figure), *counts)
        last = place + 1 == len(rows) or rows[place + 1]["benchmark"] != row["benchmark"]
        if last and row["benchmark"] in better:
            best = better[row["benchmark"]]
            which = Text(clean(f"of two: {best['mode']}"))
            table.add_row("", Text("better"), which, *shown(best), "", "", style="bold")
    return table


def group_table(summary: Mapping[str, Any], model: str) -> Table | None:
    """The first metric by label, where a label has few values."""
    table = plain_table(f"{model}: by group", "benchmark", right=("value", "interval", "n"))
    for row in summary["rows"]:
        for label, groups in row["groups"].items() if row["model"] == model else ():
            for value, figures in groups.items() if len(groups) <= _SHOWN_VALUES else ():
                name = f"{row['benchmark']} ({row['mode']}), {label} {value}"
                table.add_row(Text(clean(name)), *shown(figures[0]))
    return table if table.row_count else None


def suite_table(summary: Mapping[str, Any]) -> Table:
    """A suite's columns, downwards so that they fit; a column a model."""
    rows = summary["suites"]
    table = plain_table(f"suite {summary['suite']}, in %", "column", right=[row["model"] for row in rows])
    for place, column in enumerate(rows[0]["columns"]):
        cells = [_cell(row["columns"][place]["figure"]) for row in rows]
        table.add_row(Text(clean(column["title"])), *cells)
    if any(row["average"] is not None for row in rows):
        table.add_section()
        table.add_row("average", *(_cell(row["average"]) for row in rows), style="bold")
    return table


def suite_markdown(summary: Mapping[str, Any]) -> str:
    """The rows as the paper's table has them, in Markdown."""
    titles = [column["title"] for column in summary["suites"][0]["columns"]]
    average = any(row["average"] is not None for row in summary["suites"])
    lines = [["model", *titles, *(["average"] if average else [])]]
    lines.append(["---", *["---:"] * (len(lines[0]) - 1)])
    for row in summary["suites"]:
        figures = [column["figure"] for column in row["columns"]] + ([row["average"]] if average else [])
        lines.append([row["model"], *(MISSING if figure is None else shown(figure)[0] for figure in figures)])
    return "\n".join(f"| {' | '.join(clean(cell) for cell in line)} |" for line in lines)


def _cell(figure: Mapping[str, Any] | None) -> Text:
    if figure is None:
        return Text(MISSING)
    value, between, _ = shown(figure)
    return Text.assemble(value, (f" {between}", "not bold dim"))


def shown(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, interval and n as words."""
    low, high, n = figure["low"], figure["high"], count(figure["n"])
    if missing(figure["value"]):
        return MISSING, MISSING, n
    if figure.get("best", 1.0) == 1.0:
        return percent(figure["value"]), interval(low, high), n
    return f"{figure['value']:.2f}", f"{low:.2f}–{high:.2f}", n
