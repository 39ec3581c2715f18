"""`preftree decontaminate ROWS`: rows of any form, or a forest, without what overlaps with test sets."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show


def add(commands: Any) -> None:
    command = commands.add_parser(
        "decontaminate",
        help="rows or a forest without what overlaps with test sets",
        description="Leave out what overlaps with test sets: a text of LeetCode as an exact substring, for the others "
        "any 8 successive words shared with a test of the same task. Writes the cleaned rows (or a cleaned copy of "
        "the forest), and removed.jsonl: what went, and why.",
        examples=(
            "rows.jsonl tests=benchmarks/ out=clean",
            "runs/forest tests=[gsm8k_test.jsonl,math] out=runs/clean",
            "rows.parquet 'tests={mine: {path: tests.jsonl, task: Math, field: question}}'",
        ),
    )
    command.add_argument("rows", metavar="ROWS", help="a forest's directory; a file or folder of rows; a hub id")
    add_settings(command, "decontaminate")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_section, run_single

    name = Path(arguments.rows.rstrip("/"))
    default = str(name.with_name(name.name.partition(".")[0] + "-clean")) if name.exists() else f"{name.name}-clean"
    section = {"rows": arguments.rows, "out": default} | load_section(arguments.settings)
    report = run_single("decontaminate", section)["report"]
    if arguments.json:
        emit(report)
    else:
        _print(report)
    return 0


def _print(report: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("test set", "task", "rule", "texts", f"{report['what']} that overlap", title="Decontamination")
    for name, row in report["tests"].items():
        counts = (f"{row['texts']:,}", f"{row['overlapping']:,}")
        table.add_row(name, row["task"] or "any", row["rule"], *counts)
    show(table)
    told = f"{report['read']:,} {report['what']} read, {report['removed']:,} removed"
    told += f" ({report['removed_with_their_problem']:,} of them with another form of their problem)"
    told += f", {report['set_aside']:,} set aside, {report['kept']:,} kept"
    say(f"{told}.\nCleaned: {report['out']}")
