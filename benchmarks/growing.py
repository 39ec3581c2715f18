"""How fast calls go through preftree beside other clients, and what a forest of 100,000 trees costs.

In:  a made endpoint with 20 ms delay in a process of its own, 256 calls at a time; the peers' environment.
Out: results/growing.json: ratios first; each client's calls a second with its journal, log or cache on (in a process
of its own, imports left out); the endpoint's own ceiling; committed calls a second with an actor in the same process;
growing, opening and reading a large forest.

    python -m benchmarks.growing [--calls 1000] [--forest 100000]

With `--forest N` only the forest of N trees is made and measured, and its part of the results is written anew.
The peers are installed by `make growing-peers` (requirements-growing-peers.txt).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _endpoint
from benchmarks.environment import machine
from preftree.actors import Actor, ActorSettings, make_actor
from preftree.actors.scripted import ScriptedActor
from preftree.engine import Engine
from preftree.environment import Interpreter
from preftree.forest import CallKey, Forest
from preftree.records import Message, Request
from preftree.verify import Judge

DELAY_MS, AT_ONCE = 20, 256
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "growing.json"
PEERS_PYTHON = ROOT / ".venv-growing-peers" / "bin" / "python"
PEERS = ("inspect_ai", "inspect_ai_eval", "curator")
ROUNDS = 3
WANTED_CALLS_S = 1500
WANTED = {
    "peak memory in GB": 1.0, "opening for resume in s": 5.0, "preftree stats in s": 20.0, "preftree export in s": 60.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """One client's calls a second."""

    calls_s: float
    version: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--forest", type=int, help="make and measure a forest of so many trees, and nothing else")
    parser.add_argument("--peers-python", default=str(PEERS_PYTHON), help="the interpreter that has the peers")
    parser.add_argument("--through", help="make the calls at this address and print seconds (used by this program)")
    arguments = parser.parse_args()
    if arguments.through:
        print(json.dumps({"seconds": asyncio.run(through(arguments.through, arguments.calls)), "version": ""}))
        return
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if arguments.forest:
        found |= {"forest": forest(arguments.forest)}
    else:
        found = clients(arguments.calls, arguments.peers_python) | {"forest": found.get("forest")}
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


# ---------------------------------------------------------------- calls


def clients(calls: int, python: str) -> dict[str, Any]:
    with endpoint() as port:
        url = f"http://127.0.0.1:{port}/v1"
        ceiling = asyncio.run(_endpoint.ceiling(port, 4 * calls, AT_ONCE))
        rates: dict[str, list[Rate]] = {name: [] for name in ("preftree", *PEERS)}
        # Round by round, so that what else the machine does falls on all alike.
        for _ in range(ROUNDS):
            ours = [sys.executable, "-m", "benchmarks.growing", "--calls", str(calls), "--through", url]
            rates["preftree"].append(_timed(ours, calls))
            for name in PEERS:
                with tempfile.TemporaryDirectory(dir=ROOT) as folder:
                    program = [python, str(ROOT / "benchmarks" / "_growing_peers.py"), name, url]
                    rates[name].append(_timed([*program, str(calls), str(AT_ONCE), folder], calls))
    medians = {name: statistics.median(rate.calls_s for rate in found) for name, found in rates.items()}
    in_process = asyncio.run(_ask(ScriptedActor(lambda messages, index: _endpoint.ANSWER), 4 * calls))
    return {
        "ratios": {f"preftree / {name}": round(medians["preftree"] / medians[name], 2) for name in PEERS},
        "calls_s": {name: round(median) for name, median in medians.items()},
        "calls_s_of_each_round": {name: [round(rate.calls_s) for rate in found] for name, found in rates.items()},
        "committed_calls_s_in_process": round(4 * calls / in_process),
        "wanted_committed_calls_s_in_process": WANTED_CALLS_S,
        "ceiling_of_the_endpoint_calls_s": round(ceiling),
        "workload": {"calls": calls, "delay_ms": DELAY_MS, "at_once": AT_ONCE, "synchronous": "FULL"},
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: rates[name][0].version for name in PEERS},
    }


@contextmanager
def endpoint() -> Iterator[int]:
    program = [sys.executable, "-m", "benchmarks._endpoint", str(DELAY_MS)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _timed(program: list[str], calls: int) -> Rate:
    done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    said = json.loads(done.stdout.splitlines()[-1])
    return Rate(calls / said["seconds"], said["version"])


async def through(url: str, calls: int) -> float:
    """Seconds of these calls through our endpoint actor."""
    settings = ActorSettings("made", "endpoint", model="made", base_url=url, max_connections=AT_ONCE)
    actor = make_actor(settings)
    try:
        return await _ask(actor, calls)
    finally:
        await actor.close()


async def _ask(actor: Actor, calls: int) -> float:
    """Seconds of these calls through the journal, `AT_ONCE` at a time; opening and closing it are part of them."""
    numbers = iter(range(calls))
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        async with Interpreter() as interpreter, Judge() as judge:
            began = time.perf_counter()
            with Forest(folder) as forest:
                engine = Engine(forest, interpreter, judge)

                async def worker() -> None:
                    for i in numbers:
                        prompt = f"{'A box holds twelve pens. ' * 16}How many pens are in box {i}?"
                        request = Request((Message("user", prompt),), max_tokens=512, seed=i)
                        await engine.ask(actor, CallKey(f"tree-{i}", 0, "actor", "sample", 0), request)

                await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
                assert forest.account().calls == calls
            return time.perf_counter() - began


# ---------------------------------------------------------------- a large forest


def forest(trees: int) -> dict[str, Any]:
    """Growing, opening and reading a forest, each in a process of its own."""
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:
        figures = {"trees": trees}
        for part in ("grow", "open", "read"):
            program = [sys.executable, "-m", "benchmarks._growing_forest", part, str(trees), folder]
            done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            figures |= json.loads(done.stdout.splitlines()[-1])
    return figures | {
        "machine": machine(),
        "wanted": WANTED,
    }


if __name__ == "__main__":
    main()
