"""`preftree import ROWS…`: published rows back into a forest."""

from __future__ import annotations

import argparse
from typing import Any

from preftree.cli.screen import emit


def add(commands: Any) -> None:
    command = commands.add_parser(
        "import",
        help="published UltraInteract rows back into a forest",
        description="Read rows in UltraInteract's columns (SFT rows, pairs, or both) back into a forest.",
        examples=(
            "openbmb/UltraInteract_sft openbmb/UltraInteract_pair out=runs/ultrainteract",
            "runs/rows/sft.jsonl runs/rows/pairs.jsonl out=runs/again",
        ),
    )
    command.add_argument(
        "words", nargs="+", metavar="ROWS | key=value", help="a file, a directory or a hub id; out=DIRECTORY"
    )
    command.add_argument("--json", action="store_true", help="print the result as JSON")
    command.set_defaults(run=_import)


def _import(arguments: argparse.Namespace) -> int:
    from preftree.cli.stages import print_report
    from preftree.recipe import load_section, run_single

    rows = [word for word in arguments.words if "=" not in word]
    section = load_section([word for word in arguments.words if "=" in word])
    stage = run_single("import", ({"rows": rows} if rows else {}) | section)
    if arguments.json:
        emit(stage["report"])
    else:
        print_report(stage["report"])
    return 0
