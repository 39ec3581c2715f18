"""`preftree regrade FOREST`: judge the stored actions again, without one call."""

from __future__ import annotations

import argparse
from typing import Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit, say, show
from preftree.errors import InputError


def add(commands: Any) -> None:
    command = commands.add_parser(
        "regrade",
        help="judge the stored actions of a forest again, no call",
        description="Judge all stored actions of a forest again, with another verifier or other references, without "
        "one new call. Writes another forest into out; the source is only read.",
        examples=(
            "runs/forest verifier=number out=runs/regraded",
            "runs/forest problems=corrected.jsonl out=runs/regraded",
            "runs/forest rerun=true out=runs/regraded",
        ),
    )
    command.add_argument("forest", metavar="FOREST", help="a forest's directory")
    add_settings(command, "regrade")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.recipe import load_section, run_single

    section = {"forest": arguments.forest} | load_section(arguments.settings)
    if "out" not in section:
        raise InputError("regrade: out=DIRECTORY is missing; the forest itself is never changed")
    report = run_single("regrade", section)["report"]
    if arguments.json:
        emit(report)
    else:
        _print(report, str(section["out"]))
    return 0


def _print(report: dict[str, Any], out: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("data set", "outcome", "actions", title="Changed verdicts", title_justify="left")
    for dataset, changes in report["changes"].items():
        for change, number in changes.items():
            table.add_row(Text(dataset), change, f"{number:,}")
    if report["changes"]:
        show(table)
    changed = sum(sum(changes.values()) for changes in report["changes"].values())
    lines = [
        f"{report['actions']:,} actions of {report['trees']:,} trees: {changed:,} verdicts changed, "
        f"{report['not_judged']:,} could not be judged again and stay, {report['undecided']:,} undecided.",
        f"{report['cut_trees']:,} trees end earlier: the action that they went on with is not wrong any more.",
    ]
    for name in ("turns", "pairs", "correct"):
        before, after = report[name]
        lines.append(f"{name}: {before:,} before, {after:,} now")
    for example in report["examples"]:
        lines.append(
            f"  {example['change']}: {example['problem']}, turn {example['turn']}: {_short(example['answer'])} "
            f"against {_short(example['reference'])} ({_short(example['why'])})"
        )
    for line in (*lines, f"Regraded: {out}"):
        say(line)


def _short(text: str | None) -> str:
    line = " ".join((text or "nothing").split())
    return line if len(line) <= 60 else line[:57] + "..."
