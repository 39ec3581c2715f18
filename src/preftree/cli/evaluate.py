"""`preftree evaluate`: models on benchmarks, on a suite, or on problems of one's own."""

from __future__ import annotations

import argparse
from typing import Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show, stdout

_DESCRIPTION = """Models on benchmarks by name, on a suite (eurus: the twelve columns of the paper's table 3), or on
problems of your own.

  benchmarks=[gsm8k,math]   by name; --list shows them     suite=eurus     a table's benchmarks
  data=FOLDER               files of data sets; else $PREFTREE_DATA, else the hub
  protocol=eurus            or eurus-2024-04, eurus-2024-09, standard; protocol.samples=4 protocol.temperature=0.7
                            protocol.max_tokens=… set what stands in the place of the protocol's own
  modes=[text]              text, program, choice; without it, those of each benchmark
  limit=50                  the first items only
  models.NAME.model=…       embedded, a folder, a hub id; with models.NAME.kind=endpoint, its name at a server
  judge.model=…             the model that grades, where a benchmark needs one
  problems=FILE             problems of your own: protocol.turns=3 gives feedback after a wrong answer"""
_EXAMPLES = (
    "--list",
    "benchmarks=[gsm8k] models.bare.model=embedded limit=50 out=runs/gsm8k",
    "suite=eurus data=data models.mine.model=runs/sft out=runs/table-3",
    "benchmarks=[gsm8k] models.mine.model=runs/sft protocol.samples=4 protocol.temperature=0.7 out=runs/4",
    "problems=mine.jsonl models.bare.model=embedded protocol.turns=3 out=runs/evaluation",
)


def add(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="models on benchmarks, or on problems of your own",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    add_settings(command, "evaluate")
    command.add_argument("--list", action="store_true", help="what there is: benchmarks, suites, protocols")
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list:
        return _list(as_json=arguments.json)
    from preftree.cli.stages import observer, print_report
    from preftree.recipe import load_section, run_single

    section = load_section(arguments.settings)
    report = run_single("evaluate", section, observer())["report"]
    if arguments.json:
        emit(report)
    elif report.get("kind") == "benchmarks":
        _print(report, str(section["out"]))
    else:
        print_report(report)
    return 0


def _print(report: dict[str, Any], out: str) -> None:
    from preftree.report import benchmark_table, group_table, suite_markdown, suite_table

    for model in report["models"]:
        for table in (benchmark_table(report, model), group_table(report, model)):
            if table is not None:
                show(table)
    if report["suites"]:
        show(suite_table(report))
        if not stdout().is_terminal:
            print(suite_markdown(report) + "\n")  # to be pasted: not filled, so not for a terminal
    for note in report["notes"]:
        say(f"Note: {note}.")
    for warning in report.get("warnings", []):
        say(f"Warning: {warning}")
    say(f"Results: {out}/summary.json")


def _list(*, as_json: bool) -> int:
    from preftree.evaluate.listing import listing

    found = listing()
    if as_json:
        emit(found)
        return 0
    from rich.table import Table

    table = Table("benchmark", "rows", "modes", "shots", "hub id", "licence", box=None, pad_edge=False)
    for row in found["benchmarks"]:
        name = row["benchmark"] + (" (judge)" if row["needs_judge"] else "")
        shots = "/".join(str(number) for number in dict.fromkeys(row["shots"].values()))
        place = row["hub"] or f"none; {', '.join(row['files'][:1])}"
        table.add_row(name, f"{row['rows']:,}", ", ".join(row["modes"]), shots, place, row["licence"])
    show(table)
    for suite in found["suites"]:
        said = f"suite={suite['suite']} ({suite['table']}, {suite['protocol']}): {', '.join(suite['columns'])}"
        say(said)
    say(f"protocols: {', '.join(found['protocols'])}")
    rewards = ", ".join(f"{row['benchmark']} ({row['rows']:,} rows)" for row in found["reward_benchmarks"])
    say(f"of reward models (preftree rewards): {rewards}")
    return 0
