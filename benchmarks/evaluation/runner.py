"""The runner's own cost: seconds a sample with a model that answers at once, journal on.

In:  GSM8K's test rows where $PREFTREE_DATA (or ../shared/data beside the checkout) has them, else the slice that the
package carries. Out: milliseconds a sample; those of a run that finds everything answered.
Always true: every round has a directory of its own, with `synchronous=FULL`; opening and closing it is timed,
and so is judging; at its end each sample stands in the journal, answered, with its verdict.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import Any

from preftree.actors.scripted import ScriptedActor
from preftree.evaluate import Task, measure
from preftree.evaluate.benchmark import Form, Item
from preftree.evaluate.benchmarks.gsm8k import GSM8K
from preftree.evaluate.items import locate
from preftree.forest import Forest
from preftree.records import Message

ROOT = Path(__file__).parents[2]
WANTED_MS = 5.0
ROUNDS, SAMPLES = 3, 4
# As long as answers of small models are; some are right.
WORDS = "First we find how many there are, then we add what was bought and take away what was given. " * 6


def main() -> dict[str, Any]:
    items, where = rows()
    task = Task(GSM8K, items, (Form("eurus-2024-04", "text"),), SAMPLES)
    rates: list[float] = []
    replays: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:
            rates.append(_timed(task, Path(folder)) / task.attempts)
            replays.append(_timed(task, Path(folder)) / task.attempts)
    median = 1000 * statistics.median(rates)
    return {
        "ms_a_sample": round(median, 2),
        "wanted_ms_a_sample": WANTED_MS,
        "ms_a_sample_of_each_round": [round(1000 * rate, 2) for rate in rates],
        "ms_a_sample_found_answered": round(1000 * statistics.median(replays), 2),
        "workload": {"rows": where, "items": len(items), "samples": SAMPLES, "synchronous": "FULL"},
    }


def rows() -> tuple[tuple[Item, ...], str]:
    data = Path(os.environ.get("PREFTREE_DATA", ROOT.parent / "shared" / "data"))
    if data.is_dir():
        path, where = locate("gsm8k", GSM8K.published, str(data)), "test"
    else:
        packaged = resources.files("preftree.problems") / "data" / "gsm8k_slice.jsonl"
        path, where = str(packaged), "the package's slice of train"
    return GSM8K.read(path, GSM8K.published).items, where


def answer(messages: tuple[Message, ...], index: int) -> str:
    """Another number for each problem and sample, in another spelling."""
    number = len(messages[-1].content) % 97 + index
    shown = (f"{number}", f"{number}.0", f"\\$ {number}", f"{number}\\text{{ dollars}}")[index % 4]
    return f"{WORDS}\nThe answer is \\boxed{{{shown}}}."


def _timed(task: Task, out: Path) -> float:
    began = time.perf_counter()
    results = asyncio.run(measure([task], {"scripted": ScriptedActor(answer)}, out))
    took = time.perf_counter() - began
    with Forest(out, readonly=True) as forest:
        assert len(results) == forest.account().calls == task.attempts
    assert {result.outcomes for result in results} == {("correct",), ("wrong",)}
    return took
