"""`preftree view FOREST…`: the tree viewer."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from preftree.cli.screen import emit, say

_TREES = 50


def add(commands: Any) -> None:
    command = commands.add_parser(
        "view",
        help="look through a forest in a browser",
        description="A local page over one forest, or two side by side: filters, search, each tree as a tree, the "
        "pairs that training sees, rewards beside each action. It listens on this machine only; the address holds a "
        "token.",
        examples=(
            "runs/quickstart/forest-2",
            "runs/quickstart/forest-2 tokenizer=embedded reward_model=runs/quickstart/reward",
            "runs/forest reward_model=[runs/reward,runs/reward-2]",
            "runs/forest policy=runs/dpo reference_model=runs/sft",
            "runs/a runs/b --port 8765",
            "runs/forest --static trees.html --trees 3f2a… 9c41…",
        ),
    )
    command.add_argument(
        "settings",  # the command line adds to these what stands after an option
        nargs="+",
        metavar="FOREST | key=value",
        help="one or two forests; tokenizer=NAME and template=NAME show pairs as tokens; reward_model=DIR (or a list), "
        "policy=DIR and reference_model=DIR score them",
    )
    command.add_argument("--port", type=int, default=0, help="the port; 0, the default, takes a free one")
    command.add_argument("--no-open", action="store_true", help="print the address, open no browser")
    command.add_argument("--static", metavar="FILE", help="write one self-contained file instead")
    command.add_argument("--trees", nargs="+", metavar="ID", default=[], help="the trees of that file")
    command.add_argument(
        "--limit", type=int, default=_TREES, help=f"without --trees, so many of each forest (default {_TREES})"
    )
    command.add_argument("--json", action="store_true", help="print the address, or what was written, as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import webbrowser

    from preftree.errors import InputError
    from preftree.recipe import load_section
    from preftree.recipe.viewing import open_library
    from preftree.report.viewer import serve, write_static

    if not 0 <= arguments.port <= 65535:
        raise InputError(f"view: --port {arguments.port}: expected 0 (a free one) to 65535")
    if arguments.trees and not arguments.static:
        raise InputError("view: --trees names the trees of a file: name it with --static FILE")
    # A folder may be called lr=0.1, but not in the first part of its path.
    settings = [word for word in arguments.settings if re.match(r"[a-z_]+=", word)]
    forests = [word for word in arguments.settings if word not in settings]
    if not 1 <= len(forests) <= 2:
        raise InputError(f"view: expected one forest or two, got {len(forests)}")
    library = open_library(forests, load_section(settings))
    try:
        if arguments.static:
            try:
                count = write_static(library, Path(arguments.static), arguments.trees, arguments.limit)
            except OSError as fault:
                said = f"{arguments.static}: can't be written ({fault.strerror}); name another file"
                raise InputError(said) from fault
            if arguments.json:
                emit({"file": arguments.static, "trees": count})
            else:
                say(f"{arguments.static}: {count} tree{'' if count == 1 else 's'}")
            return 0

        def opened(address: str, once: str) -> None:
            if arguments.json:
                emit({"address": address})
            else:
                print(f"{address}\nThe address is the key to this page; Ctrl-C ends it.")
            sys.stdout.flush()
            if not arguments.no_open and sys.stdout.isatty():
                webbrowser.open(once)

        try:
            serve(library, arguments.port, opened)
        except KeyboardInterrupt:
            print()
        return 0
    finally:
        library.close()
