"""`preftree exec FILE` and `preftree verify KIND`: the jail and the verifiers that growing uses, by hand."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preftree.cli.parsing import add_settings
from preftree.cli.screen import emit
from preftree.errors import InputError, nearest

if TYPE_CHECKING:
    from preftree.environment import EnvironmentSettings

# Rows that are judged together; their verdicts come in the order of the rows.
_AT_ONCE = 256


def add(commands: Any) -> None:
    execute = commands.add_parser(
        "exec",
        help="run a program in the jail that growing uses",
        description="Run a Python program in the jail that growing uses, and print the observation.",
        examples=("program.py", "program.py --stdin input.txt --json", "program.py environment.limits.cpu_s=30"),
    )
    execute.add_argument("file", help="a Python file; - for standard input")
    add_settings(execute, "exec")
    execute.add_argument("--stdin", metavar="F", help="a text file that the program reads; - for standard input")
    execute.add_argument("--json", action="store_true", help="print the observation as JSON")
    execute.set_defaults(run=_execute)
    verify = commands.add_parser(
        "verify",
        help="judge answers against references",
        description='Judge rows {"answer": …, "reference": …} from standard input; prints a verdict a row.',
        epilog='Examples:\n  echo \'{"answer": "1/2", "reference": "0.5"}\' | preftree verify math\n'
        "  preftree verify choice < rows.jsonl",
    )
    verify.add_argument(
        "kind",
        help="math, number, exact, choice, boolean, short, table, theoremqa; the paper's own graders, for comparisons: "
        "paper-math, paper-math-2024-04, paper-theoremqa, paper-mint, paper-bbh; "
        "lm-evaluation-harness's: minerva-math",
    )
    verify.set_defaults(run=_verify)


def _execute(arguments: argparse.Namespace) -> int:
    from preftree.environment import UNJAILED, Interpreter
    from preftree.records import to_json

    settings = _environment(arguments.settings)
    if arguments.file == arguments.stdin == "-":
        raise InputError("exec: the program and what it reads can't both be standard input")
    limit_mb = settings.limits.file_mb
    code = _text(arguments.file, limit_mb).removeprefix("\ufeff")
    stdin = "" if arguments.stdin is None else _text(arguments.stdin, limit_mb)

    async def work() -> Any:
        async with Interpreter(settings) as interpreter:
            return await interpreter.run(code, stdin=stdin)

    observation = asyncio.run(work())
    unjailed = settings.isolation == "none"
    if arguments.json:
        # Said in the result itself: whoever reads it later did not see the warning.
        note = {"warnings": [UNJAILED]} if unjailed else {}
        emit(to_json(observation) | note)
    else:
        if unjailed:
            print(f"[{UNJAILED}]")
        print(observation.output)
    return 1 if observation.status == "broken" else 0


def _environment(words: list[str]) -> EnvironmentSettings:
    from preftree.environment import EnvironmentSettings
    from preftree.recipe.settings import load_section, typed

    section = load_section(words)
    for key in section:
        if key != "environment" or not isinstance(section[key], dict):
            raise InputError(f'exec: unknown setting "{key}"; expected environment.SETTING=value')
    return dataclasses.replace(typed(EnvironmentSettings, section.get("environment", {}), "exec"), workers=1)


def _text(name: str, limit_mb: int) -> str:
    """A file whole, with the line ends that it has."""
    limit = limit_mb << 20
    try:
        if name == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(limit + 1)
    except OSError as fault:
        raise InputError(f"{name}: can't be read ({fault.strerror})") from fault
    if len(data) > limit:
        raise InputError(f"{name}: longer than environment.limits.file_mb ({limit_mb} MiB)")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise InputError(f"{name}: not UTF-8 (byte {fault.start} is {data[fault.start]:#04x})") from fault


def _verify(arguments: argparse.Namespace) -> int:
    from preftree.verify import VERIFIERS, Judge

    if arguments.kind not in VERIFIERS:
        raise InputError(f'verify: kind "{arguments.kind}" is unknown{nearest(arguments.kind, VERIFIERS)}')
    rows = [_row(number, line) for number, line in enumerate(sys.stdin, start=1) if line.strip()]

    async def work() -> None:
        async with Judge() as judge:
            for start in range(0, len(rows), _AT_ONCE):
                asked = (judge.judge(arguments.kind, *row) for row in rows[start : start + _AT_ONCE])
                for verdict in await asyncio.gather(*asked):
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
