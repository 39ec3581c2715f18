"""`preftree exec FILE` and `preftree verify KIND`: the jail and the verifiers that growing uses, by hand."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from preftree.errors import InputError


def add(commands: Any) -> None:
    execute = commands.add_parser(
        "exec",
        help="run a program in the jail that growing uses",
        description="Run a Python program in the jail that growing uses, and print the observation.",
        epilog="Examples:\n  preftree exec program.py\n  preftree exec program.py --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    execute.add_argument("file", help="a Python file; - for standard input")
    execute.add_argument("--json", action="store_true", help="print the observation as JSON")
    execute.set_defaults(run=_execute)
    verify = commands.add_parser(
        "verify",
        help="judge answers against references",
        description='Judge rows {"answer": …, "reference": …} from standard input; prints a verdict a row.',
        epilog='Examples:\n  echo \'{"answer": "1/2", "reference": "0.5"}\' | preftree verify math',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument("kind", help="math, number, exact, choice, boolean")
    verify.set_defaults(run=_verify)


def _execute(arguments: argparse.Namespace) -> int:
    from preftree.environment import Interpreter
    from preftree.records import to_json

    try:
        code = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{arguments.file}: can't be read ({fault})") from fault

    async def work() -> Any:
        async with Interpreter() as interpreter:
            return await interpreter.run(code)

    observation = asyncio.run(work())
    if arguments.json:
        print(json.dumps(to_json(observation), ensure_ascii=False))
    else:
        print(observation.output)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from preftree.verify import VERIFIERS, Judge

    if arguments.kind not in VERIFIERS:
        raise InputError(f'verify: kind "{arguments.kind}" is unknown; expected one of {", ".join(VERIFIERS)}')
    rows = [_row(number, line) for number, line in enumerate(sys.stdin, start=1) if line.strip()]

    async def work() -> None:
        async with Judge() as judge:
            for answer, reference in rows:
                verdict = await judge.judge(arguments.kind, answer, reference)
                print(json.dumps({"verdict": verdict.outcome, "why": verdict.why}, ensure_ascii=False), flush=True)

    asyncio.run(work())
    return 0


def _row(number: int, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except ValueError as fault:
        raise InputError(f"standard input row {number}: not valid JSON ({fault})") from fault
    for field in ("answer", "reference"):
        if not isinstance(row, dict) or not isinstance(row.get(field), str):
            raise InputError(f'standard input row {number}, field "{field}": expected text')
    return row["answer"], row["reference"]
