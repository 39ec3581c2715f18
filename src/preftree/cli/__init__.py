"""The command line: parses arguments, prints tables; knows nothing else. One file a group of commands.

In:  words. Out: tables or JSON on stdout, progress on stderr, an exit status:
0 done; 1 the run failed; 2 the input or the settings are wrong; 3 stopped cleanly and can be resumed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import preftree
from preftree.cli import (
    compare,
    decontaminate,
    doctor,
    evaluate,
    importing,
    judging,
    regrade,
    rewards,
    schema,
    score,
    stages,
    stats,
    view,
)
from preftree.errors import PreftreeError

_EXAMPLES = """Examples:
  preftree run quickstart
  preftree run quickstart objective=kto out=runs/kto
  preftree doctor"""


def parser() -> argparse.ArgumentParser:
    """All commands. Heavy libraries are imported by the commands that need them, not here."""
    root = argparse.ArgumentParser(
        prog="preftree",
        description=preftree.__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"preftree {preftree.__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (
        stages, evaluate, rewards, score, compare, importing, decontaminate, stats, view, regrade, judging, schema,
        doctor,
    ):  # fmt: skip
        module.add(commands)
    return root


def main(words: Sequence[str] | None = None) -> int:
    """Entry point of `preftree`. Returns the exit status."""
    # Before torch loads: threads that spin while they wait take the cores from whatever else runs on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root = parser()
    arguments, rest = root.parse_known_args(words)
    if rest and (not hasattr(arguments, "settings") or any(word.startswith("-") for word in rest)):
        root.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.settings += rest  # settings that stand after an option
    try:
        status: int = arguments.run(arguments)
        return status
    except PreftreeError as failure:
        print(f"preftree: {failure}", file=sys.stderr)
        return failure.exit_status
    except KeyboardInterrupt:
        print("preftree: interrupted; run the same command again to go on", file=sys.stderr)
        return 3
    except OSError as failure:
        # A full disk or a lost permission: what was committed stays.
        where = f"{failure.filename}: " if failure.filename else ""
        print(f"preftree: {where}{failure.strerror or failure}; what was committed is kept", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
