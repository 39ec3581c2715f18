"""The command line: parses arguments, prints tables; knows nothing else. One file a group of commands.

In:  words. Out: tables or JSON on stdout, progress on stderr, an exit status:
0 done; 1 the run failed; 2 the input or the settings are wrong; 3 stopped cleanly and can be resumed; 141 whoever read
the output has gone (`| head`). A failure is one line on stderr that begins with `preftree: `.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import preftree
from preftree.cli import (
    compare,
    completing,
    completion,
    decontaminate,
    doctor,
    evaluate,
    importing,
    interrupts,
    judging,
    regrade,
    rewards,
    schema,
    score,
    settings,
    stages,
    stats,
    view,
)
from preftree.cli.parsing import Parser, refuse
from preftree.cli.screen import reader_has_gone, silence
from preftree.errors import InputError, PreftreeError, Stopped

# What a shell reports of a program that its reader has left (128 + SIGPIPE): `cat` and `grep` end so too.
_PIPE = 141

_EXAMPLES = ("run quickstart", "run quickstart objective=kto out=runs/kto", "settings grow", "doctor")
_NOTES = """Each command has examples of its own: preftree COMMAND --help. Tab completes commands, options, recipes and
settings once the shell is told to: preftree completion --help."""


def parser() -> argparse.ArgumentParser:
    """All commands. Heavy libraries are imported by the commands that need them, not here."""
    root = Parser(prog="preftree", description=preftree.__doc__, examples=_EXAMPLES, notes=_NOTES)
    root.add_argument("--version", action="version", version=f"preftree {preftree.__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    for module in (
        stages, evaluate, rewards, score, compare, importing, decontaminate, stats, view, regrade, judging, settings,
        schema, completion, doctor,
    ):  # fmt: skip
        module.add(commands)
    completing.attach(commands.choices)
    return root


def main(words: Sequence[str] | None = None) -> int:
    """Entry point of `preftree`. Returns the exit status."""
    # Before torch loads: threads that spin while they wait take the cores from whatever else runs on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root = parser()
    completing.answer(root)
    try:
        interrupts.arm()
        return _done(root, words)
    except PreftreeError as failure:
        _complain(failure)
        return failure.exit_status
    except KeyboardInterrupt:
        _complain("interrupted; run the same command again to go on")
        return Stopped.exit_status
    except OSError as failure:
        if isinstance(failure, BrokenPipeError) and reader_has_gone():
            silence()
            return _PIPE
        # A full disk or a lost permission: what was committed stays.
        where = f"{failure.filename}: " if failure.filename else ""
        _complain(f"{where}{failure.strerror or failure}; what was committed is kept, mend it and run it again")
        return 1


def _done(root: argparse.ArgumentParser, words: Sequence[str] | None) -> int:
    try:
        arguments = _parsed(root, words)
        if arguments.command is None:
            root.print_help(sys.stderr)
            return InputError.exit_status
        status: int = arguments.run(arguments)
        return status
    finally:
        interrupts.disarm()
        sys.stdout.flush()  # here, where a reader that has gone is still told from a failure; after --help too


def _parsed(root: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    arguments, rest = root.parse_known_args(words)
    if rest and (not hasattr(arguments, "settings") or any(word.startswith("-") for word in rest)):
        refuse(root, arguments.command, rest)
    if rest:
        arguments.settings = [*arguments.settings, *rest]  # settings that stand after an option
    return arguments


def _complain(failure: object) -> None:
    """One line, whatever the failure quotes."""
    lines = (line.strip() for line in str(failure).splitlines())
    print(f"preftree: {'; '.join(line for line in lines if line)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
