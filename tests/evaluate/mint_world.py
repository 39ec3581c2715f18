"""What the tests of MINT share: an engine, a made set, scripted models; and, as a program, a run that is killed.

A scripted model is a mock: it says what a test has it say.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from preftree.actors.scripted import ScriptedActor
from preftree.engine import run_all
from preftree.environment import EnvironmentSettings, Limits
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Attempt, Bench, Benchmark, Form, Item
from preftree.evaluate.converse import hold
from preftree.evaluate.registry import find_benchmark
from preftree.evaluate.runner import write_results
from preftree.records import Message, Result

ROWS: dict[str, list[dict[str, Any]]] = {
    "humaneval": [
        {
            "id": 0,
            "prompt": 'def double(x):\n    """Twice x."""',
            "canonical_solution": "    return 2 * x\n",
            "entry_point": "double",
            "reference": "\n\ndef check(candidate):\n    assert candidate(4) == 8\n\ncheck(double)",
        }
    ],
    "mbpp": [
        {
            "id": 0,
            "prompt": '"""\nWrite a function to halve a number.\nassert halve(4) == 2\n"""\n',
            "code": "import math\r\ndef halve(x):\r\n    return x / 2",
            "reference": "assert halve(4) == 2\nassert math.isclose(halve(1), 0.5)",
        }
    ],
    "math": [{"id": 0, "prompt": "What is 6 times 7?", "reference": "42.0"}],
    "theoremqa": [{"id": 1, "prompt": "Which path?", "reference": [0, 5], "answer_type": "list of integer"}],
    "mmlu": [{"id": 0, "prompt": "Which?\nOptions: A ) 6 , B ) 121 , C ) 18107 , D ) 54,320", "reference": "c"}],
    "gsm8k": [{"id": 0, "prompt": "How many? ", "reference": "6"}],
    "hotpotqa": [{"id": 0, "prompt": "Who?", "reference": "George Harrison"}],
}


def write_rows(folder: Path) -> Path:
    """A made set in the published form (JSON Lines; the blank line tells a file of one row from a JSON list)."""
    for task, rows in ROWS.items():
        (folder / task).mkdir(parents=True)
        (folder / task / "test_prompts.json").write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    return folder


def items_of(folder: Path, benchmark: str = "mint") -> dict[str, Item]:
    found = find_benchmark(benchmark)
    return {item.id: item for item in found.read(str(folder), found.published).items}


def actor(*said: str, name: str = "model") -> ScriptedActor:
    """Says these, one a turn."""
    return ScriptedActor(lambda messages, index: said[sum(m.role == "assistant" for m in messages)], name=name)


def attempt(bench: Bench, benchmark: str | Benchmark, item: Item, model: ScriptedActor, **more: Any) -> Attempt:
    found = find_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    return Attempt(bench, found, Form(), model, model.name, item, **more)


async def in_bench(out: Path, work: Callable[[Bench], Awaitable[Any]], judge: ScriptedActor | None = None) -> Any:
    """The outcome of work that has an engine."""
    settings = EnvironmentSettings(workers=1, preload=(), limits=Limits(cpu_s=2))
    async with open_bench(out, judge, settings) as bench:
        return await work(bench)


# ---------------------------------------------------------------- the run that is killed

STEPS = (
    "<execute>\nx = 6\n</execute>",
    "I wonder.",
    "<solution> 1 </solution>",
    "<execute>\nx * 7\n</execute>",
    "<solution> 42 </solution>",
)


def _said(messages: tuple[Message, ...], index: int) -> str:
    return STEPS[sum(message.role == "assistant" for message in messages)]


def run(out: Path, rows: Path, log: Path, kill_after: int) -> None:
    """All rows with feedback; the process kills itself before it would answer call number `kill_after` (0: never)."""
    calls = len(log.read_text().split()) if log.exists() else 0
    begun = calls

    def counted(name: str, script: Callable[[tuple[Message, ...], int], str]) -> ScriptedActor:
        def answer(messages: tuple[Message, ...], index: int) -> str:
            nonlocal calls
            if kill_after and calls - begun >= kill_after:
                os.kill(os.getpid(), signal.SIGKILL)
            calls += 1
            with log.open("a") as file:
                file.write(f"{name}:{messages[0].content.split('Task:')[-1].split()[0]}:{len(messages)}\n")
            return script(messages, index)

        return ScriptedActor(answer, name=name)

    model = counted("model", _said)
    expert = counted("expert", lambda messages, index: "This is GOOD. Go on.")

    async def work(bench: Bench) -> Sequence[Result]:
        attempts = [attempt(bench, "mint:feedback=textual", item, model) for item in items_of(rows).values()]
        return await run_all(bench.engine, attempts, hold, concurrency=4)

    write_results(out / "results.jsonl", asyncio.run(in_bench(out, work, expert)))


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
