"""A forest of many trees, made by scripted actors: what growing, opening and reading one costs.

`python -m benchmarks._growing_forest grow|open|read TREES FOLDER` does one part in this process and prints its figures
as JSON. Problems are choices without code, so that no jail is measured; trees have one turn or two.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Engine
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.forest import Forest
from preftree.grow import Actors, GrowSettings, grow
from preftree.grow.run import summarise
from preftree.records import Message, Problem, Reference, digest
from preftree.verify import Judge

SETTINGS = GrowSettings(batches=(1, 1), max_turns=2, hints=False)
_JAIL = EnvironmentSettings(workers=1, preload=())
_REASONS = "Step 1: read what is given. Step 2: each of the facts rules out one of the choices. " * 4


def problems(count: int) -> list[Problem]:
    """Questions of the length of a logic problem."""
    facts = "Ann sits left of Ben, and Cleo sits between them; nobody else is in the row. " * 5
    return [
        Problem(
            f"made-{i}", "made", "Logic", f"{facts}\nCase {i}: who sits in the middle? A. Ann B. Ben C. Cleo D. nobody",
            (Reference("ABCD"[i % 4]),), "choice", (),
        )
        for i in range(count)
    ]  # fmt: skip


def answer(messages: tuple[Message, ...], index: int) -> str:
    """Right two times in five, by the conversation and the sample alone."""
    draw = int(digest([messages[-1].content, len(messages), index])[:8], 16)
    case = int(messages[0].content.rsplit("Case ", 1)[1].split(":")[0])
    right, wrong = "ABCD"[case % 4], "ABCD"[(case + 1 + draw % 3) % 4]
    return f"{_REASONS}\nThe answer is {right if draw % 5 < 2 else wrong}."


def actors() -> Actors:
    return Actors((ScriptedActor(answer, name="made"),))


def peak_gb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3)


def grown(trees: int, out: Path) -> dict[str, Any]:
    began = time.perf_counter()
    report = asyncio.run(grow(problems(trees), actors(), SETTINGS, out, environment=_JAIL))
    seconds = time.perf_counter() - began
    calls = report.account.calls
    figures = {"trees": report.trees, "turns": report.turns, "calls": calls, "seconds": round(seconds, 1)}
    rates = {"trees a second": round(trees / seconds, 1), "calls a second": round(calls / seconds, 1)}
    size = round((out / "forest.sqlite").stat().st_size / 1e9, 3)
    return figures | rates | {"peak memory in GB": peak_gb(), "forest.sqlite in GB": size}


def opened(trees: int, out: Path) -> dict[str, Any]:
    asked = problems(trees)

    async def resume() -> float:
        began = time.perf_counter()
        with Forest(out) as forest:
            await forest.add_problems(asked)
            done, passed_over = forest.finished(), forest.passed_over()
            missing = [p for p in asked if digest(["tree", p.id])[:24] not in done and p.id not in passed_over]
            assert not missing
            async with Interpreter(_JAIL) as interpreter, Judge() as judge:
                Engine(forest, interpreter, judge)
                return time.perf_counter() - began

    figures = {"opening for resume in s": round(asyncio.run(resume()), 2)}
    with Forest(out, readonly=True) as forest:
        for name, read in (
            ("trees() in s", lambda: sum(1 for _ in forest.trees())),
            ("summarise in s", lambda: summarise(forest, 0)),
        ):
            began = time.perf_counter()
            read()
            figures[name] = round(time.perf_counter() - began, 2)
    return figures | {"peak memory of reading in GB": peak_gb()}


def read(trees: int, out: Path) -> dict[str, Any]:
    """Whole commands, each in a process of its own."""
    figures: dict[str, Any] = {}
    for name, words in (
        ("stats", ["stats", str(out), "--json"]),
        ("export", ["export", f"forest={out}", f"out={out / 'rows'}"]),
    ):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "preftree", *words], check=True, capture_output=True)
        figures[f"preftree {name} in s"] = round(time.perf_counter() - began, 2)
    return figures | {
        "peak memory of stats and export in GB": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, 3)
    }


if __name__ == "__main__":
    parts = {"grow": grown, "open": opened, "read": read}
    print(json.dumps(parts[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))), flush=True)
