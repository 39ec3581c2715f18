"""Ten thousand actions, a tenth of them hostile, 64 at a time: `python -m benchmarks.soak [ACTIONS]`.

In:  the attacks of tests/environment. Out: a table on standard output and, for the full number,
benchmarks/results/soak.json; exit status 1 if something leaked, or if an outcome is not that of a run alone.
Always true: each program first runs with no other beside it; under load each must end as it did there (an attack that
may end in several ways: in one of those); order and choice depend on a seed only.

An attack that ends at a limit of time keeps a core for the whole of it, so it is drawn a fifth as often as the others,
and the limits are small: half a second of processor time, four by the clock.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environment import machine
from preftree.environment import EnvironmentSettings, Interpreter, Limits, Past
from preftree.progress import progress
from preftree.records import Tests

ACTIONS, AT_ONCE, HOSTILE_SHARE = 10_000, 64, 0.1
MAX_GROWTH_MB = 100
ROOT = Path(__file__).parents[1]
ATTACKS = ROOT / "tests" / "environment" / "attacks"
FORGERIES = ROOT / "tests" / "environment" / "forgeries"
RESULTS = ROOT / "benchmarks" / "results" / "soak.json"
LIMITS = Limits(cpu_s=0.5, wall_s=4.0, memory_mb=256, processes=16, scratch_mb=32, capture_kb=64)

# What of this machine the attacks try to reach.
_PLACES = {
    "SECRET_FILE": __file__,
    "SOCKET_FILE": "/run/host.sock",
    "ABSTRACT": "host",
    "PORT": "22",
    "HOST_NAME": socket.gethostname(),
}

Outcome = tuple[str, "str | None"]  # how it ended; its value, or what it printed


@dataclass(frozen=True, slots=True)
class Job:
    """One program: how it is run, and the statuses that its file allows (none: it ends as it does alone)."""

    name: str
    run: Callable[[Interpreter], Awaitable[Outcome]]
    allowed: frozenset[str] = frozenset()
    weight: int = 5

    def same(self, seen: Outcome, alone: Outcome) -> bool:
        return seen[0] in self.allowed if self.allowed else seen == alone


async def main(actions: int) -> bool:
    """Whether all went as it should."""
    peaceful, hostile = _peaceful(), _attacks()
    jobs = _drawn(peaceful, hostile, actions)
    settings = EnvironmentSettings(workers=2, limits=LIMITS)
    async with Interpreter(settings) as interpreter:
        alone = {name: await job.run(interpreter) for name, job in {job.name: job for job in jobs}.items()}
        warm = [job for job in peaceful if job.name.startswith("test ")]  # for these each place takes two jails
        await _together(interpreter, warm * 4 + jobs[:AT_ONCE])  # whatever is opened once is open now
        before = Held.now()
        began = time.monotonic()
        with progress("soaking", actions, "actions") as bar:
            seen = await _together(interpreter, jobs, bar.advance)
        seconds = time.monotonic() - began
        after = Held.now()
        lost = interpreter.num_lost
    left = Held.now()
    other = [
        f"{job.name}: {outcome} and not {alone[job.name]}"
        for job, outcome in zip(jobs, seen, strict=True)
        if not job.same(outcome, alone[job.name])
    ]
    faults = [*_leaks(before, after, left), *other, *([f"{lost} jails lost"] if lost else [])]
    _tell(actions, hostile, jobs, seen, seconds, (before, after), faults)
    return not faults


def _drawn(peaceful: list[Job], hostile: list[Job], actions: int) -> list[Job]:
    draw = random.Random(0)
    bad = int(actions * HOSTILE_SHARE)
    jobs = draw.choices(hostile, [job.weight for job in hostile], k=bad) + draw.choices(peaceful, k=actions - bad)
    draw.shuffle(jobs)
    return jobs


async def _together(
    interpreter: Interpreter, jobs: list[Job], advance: Callable[[], None] = lambda: None
) -> list[Outcome]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(job: Job) -> Outcome:
        async with places:
            outcome = await job.run(interpreter)
        advance()
        return outcome

    return await asyncio.gather(*map(one, jobs))


# ---------------------------------------------------------------- the programs


def _peaceful() -> list[Job]:
    """What actors write: cells with and without a past, errors, programs that read, functions under test."""
    jobs = []
    for n in range(1, 10):
        history = [Past(f"import numpy as np\nx = np.arange({n})", "ok"), Past("y = x.sum()\n1 / 0", "error")]
        cells: dict[str, tuple[str, list[Past]]] = {
            "sum": (f"import random\nprint({n})\nsum(range({n})), random.random()", []),
            "algebra": (f"from sympy import *\nfactor(Symbol('x')**2 - {n * n})", []),
            "table": (f"import pandas as pd\nint(pd.Series(range({n})).mean() * 2)", []),
            "past": ("int(y), open('note', 'w').write('mine')", history),
            "error": (f"{n} / (len('ab') - 2)", []),
        }
        jobs += [Job(f"{name} {n}", _cell(*cell)) for name, cell in cells.items()]
        jobs.append(Job(f"program {n}", _program("print(sum(map(int, input().split())))", f"{n} 1\n")))
        jobs.append(Job(f"test {n}", _test(f"def f(n): return n * {n % 3}", f"assert f({n}) == {n}")))
    return jobs


def _attacks() -> list[Job]:
    jobs = []
    for path in sorted(ATTACKS.glob("*.py")):
        code = re.sub("@(\\w+)@", lambda mark: _PLACES[mark[1]], path.read_text("utf-8"))
        told = dict(re.findall(r"^# (\w+): (.*)$", code, re.MULTILINE))
        statuses = frozenset(told.get("Status", "ok").split(" | "))
        slow = "time" in statuses or path.stem == "memory_swallowed"
        jobs.append(Job(path.stem, _cell(code, [], told.get("Value")), statuses, 1 if slow else 5))
    for path in sorted(FORGERIES.glob("*.py")):
        code = path.read_text("utf-8").replace("@NAME@", "f")
        if "# Only:" not in code:
            failed = frozenset({"failed", "error", "killed", "time", "memory", "output", "unsupported", "syntax"})
            jobs.append(Job(f"forged {path.stem}", _test(code, "assert f(2, 3) == 5"), failed))
    return jobs


def _cell(code: str, history: list[Past], value: str | None = None) -> Callable[[Interpreter], Awaitable[Outcome]]:
    """`value`: what the last expression must give, where its file says so; another one is told as the status."""

    async def run(interpreter: Interpreter) -> Outcome:
        seen = await interpreter.run(code, history)
        if value is not None and seen.value != value:
            return f"{seen.status}, but not the value {value}", seen.value
        return seen.status, seen.value

    return run


def _program(code: str, stdin: str) -> Callable[[Interpreter], Awaitable[Outcome]]:
    async def run(interpreter: Interpreter) -> Outcome:
        seen = await interpreter.run_program(code, stdin)
        return seen.status, seen.output

    return run


def _test(code: str, test: str) -> Callable[[Interpreter], Awaitable[Outcome]]:
    async def run(interpreter: Interpreter) -> Outcome:
        seen = await interpreter.test(code, Tests(code=test, names=("f",)))
        return seen.status, None

    return run


# ---------------------------------------------------------------- what is held


@dataclass(frozen=True, slots=True)
class Held:
    """What this process and all below it hold."""

    processes: int
    descriptors: int
    mounts: int
    scratch: int  # files in the temporary folder
    memory_mb: float  # proportional, of all of them

    @staticmethod
    def now() -> Held:
        family = [os.getpid(), *_below(os.getpid())]
        return Held(
            processes=len(family),
            descriptors=sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in family),
            mounts=sum(len(Path(f"/proc/{pid}/mounts").read_text().splitlines()) for pid in family),
            scratch=len(os.listdir(tempfile.gettempdir())),
            memory_mb=sum(map(_proportional_kb, family)) / 1024,
        )


def _leaks(before: Held, after: Held, left: Held) -> list[str]:
    faults = [
        f"{name}: {getattr(before, name)} before, {getattr(after, name)} after"
        for name in ("processes", "descriptors", "mounts", "scratch")
        if getattr(after, name) > getattr(before, name)
    ]
    if after.memory_mb - before.memory_mb >= MAX_GROWTH_MB:
        faults.append(f"memory: {before.memory_mb:.0f} MB before, {after.memory_mb:.0f} MB after")
    return faults + ([f"{left.processes - 1} processes left at the end"] if left.processes > 1 else [])


def _below(parent: int) -> list[int]:
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{name}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(name)] = int(text[text.rfind(")") + 2 :].split()[1])
    found, more = [], [parent]
    while more := [pid for pid, above in parents.items() if above in more]:
        found += more
    return found


def _proportional_kb(pid: int) -> int:
    return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])  # type: ignore[index]


# ---------------------------------------------------------------- telling


def _tell(
    actions: int,
    hostile: list[Job],
    jobs: list[Job],
    seen: list[Outcome],
    seconds: float,
    held: tuple[Held, Held],
    faults: list[str],
) -> None:
    bad = {job.name for job in hostile}
    report: dict[str, Any] = {
        "actions": actions,
        "at_once": AT_ONCE,
        "hostile_actions": sum(job.name in bad for job in jobs),
        "hostile_programs": len({job.name for job in jobs} & bad),
        "seconds": round(seconds, 1),
        "outcomes": dict(sorted(Counter(outcome[0] for outcome in seen).items())),
        "memory_mb_before": round(held[0].memory_mb, 1),
        "memory_mb_after": round(held[1].memory_mb, 1),
        "processes": held[1].processes,
        "descriptors": held[1].descriptors,
        "faults": faults,
        "machine": machine(),
    }
    for name, value in report.items():
        print(f"{name:<20}{value}")
    if actions == ACTIONS:
        RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as tempfile.tempdir:  # one in which nobody else writes
        good = asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else ACTIONS))
    sys.exit(0 if good else 1)
