"""`preftree compare RUN RUN…`: models on the same items, with paired tests; the paper's rows beside them on request."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from preftree.cli.screen import emit, say, show
from preftree.errors import InputError


def add(commands: Any) -> None:
    command = commands.add_parser(
        "compare",
        help="paired tests between evaluated models",
        description="Models of one run or several on the same items: figures with 95% intervals, paired differences, "
        "exact paired tests, Holm's correction; averages over benchmarks. RUN is a directory that evaluate, "
        "score out=…, or rerank has written.",
        examples=(
            "runs/sft runs/dpo runs/kto",
            "runs/all --against sft --latex table.tex",
            "runs/eurus runs/mine --paper --markdown table.md",
        ),
    )
    command.add_argument("runs", nargs="+", metavar="RUN", help="a result directory")
    command.add_argument("--against", metavar="MODEL", help="only the differences from this model")
    command.add_argument(
        "--any-protocol",
        action="store_true",
        help="compare what was measured under different protocols, versions or judges, or on other rows",
    )
    command.add_argument("--paper", action="store_true", help="the paper's rows beside these, marked")
    command.add_argument(
        "--paper-tables", metavar="3,8", help="of its tables 3, 4, 8, 9, 10; else all but 10 that have these columns"
    )
    command.add_argument("--markdown", metavar="FILE", help="also write the tables as Markdown")
    command.add_argument("--latex", metavar="FILE", help="also write the tables as LaTeX (booktabs)")
    command.add_argument("--json", action="store_true", help="print all figures as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.report.comparison import comparison_sheets, latex, markdown

    found = _found(arguments)
    sheets = comparison_sheets(found)
    for name, write in ((arguments.markdown, markdown), (arguments.latex, latex)):
        if name:
            _write(Path(name), write(sheets))
    if arguments.json:
        emit(found)
    else:
        _print(sheets)
    return 0


def _found(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as plain values: what --json prints."""
    import dataclasses

    from preftree.evaluate.compare import compare
    from preftree.evaluate.paper import SOURCE, paper_notes, paper_rows
    from preftree.evaluate.runs import read_runs, table_columns

    runs = read_runs(arguments.runs, any_protocol=arguments.any_protocol)
    found: dict[str, Any] = {"models": [], "columns": [], "averages": {}, "pairs": [], "notes": []}
    if runs.results or not runs.rows:
        compared = compare(runs.results, against=arguments.against, any_protocol=arguments.any_protocol)
        found = dataclasses.asdict(compared)
    found["rows"] = [dataclasses.asdict(row) for row in runs.rows]
    found["row_columns"] = table_columns(runs)
    found["row_notes"] = list(runs.notes)
    found["paper"] = []
    if arguments.paper or arguments.paper_tables:
        columns = [column["name"] for column in found["columns"]] + found["row_columns"]
        rows = paper_rows(columns, arguments.paper_tables.split(",") if arguments.paper_tables else ())
        found["paper"] = [dataclasses.asdict(row) | {"source": SOURCE} for row in rows]
        found["notes"] = [*found["notes"], *paper_notes(rows, found["columns"])]
        if not rows:
            found["notes"] = [*found["notes"], "No column of these is one of the paper's tables."]
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise InputError(f"{path}: can't be written ({fault.strerror}); name another file") from fault


def _print(sheets: Any) -> None:
    from preftree.report.comparison import rich_table
    from preftree.report.text import clean

    for sheet in sheets:
        show(rich_table(sheet))
        for note in sheet.notes:
            say(clean(note))
        if sheet.notes:
            say("")
