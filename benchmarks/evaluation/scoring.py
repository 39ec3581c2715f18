"""Scoring given responses for a whole folder of data sets: seconds a benchmark, through files as `preftree score` does.

In:  every benchmark of the registry, in each of its modes, whose rows $PREFTREE_DATA (or ../shared/data beside the
checkout) has: its references as responses, or, where it has none, the questions themselves; the benchmarks of reward
models with rewards that agree.
Out: seconds and responses a benchmark and mode, and in all; what was left out, and why.
Always true: each scoring is a journal, jails and judges of its own, started and stopped within its time.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.benchmark import Benchmark, Form
from preftree.evaluate.items import read_from
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.rewards import REWARD_BENCHMARKS, gold_rewards
from preftree.evaluate.scoring import score

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))
WANTED_S = 600.0
PROTOCOL = "standard"


def main() -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    for name, benchmark in BENCHMARKS.items():
        for mode in benchmark.modes:
            try:
                given = references(benchmark, Form(PROTOCOL, mode))
            except InputError as missing:
                left_out[name] = str(missing)
                break
            if benchmark.needs_judge:
                left_out[name] = "a model grades it"
                break
            rows[f"{name}, {mode}"] = _timed(name, given, mode)
            print(f"{name}, {mode}: {rows[f'{name}, {mode}']}", flush=True)
    for name in REWARD_BENCHMARKS:
        try:
            rows[name] = _timed(name, list(gold_rewards(name, str(DATA))), "")
        except InputError as missing:
            left_out[name] = str(missing)
    return {
        "seconds": round(sum(row["seconds"] for row in rows.values()), 1),
        "wanted_seconds": WANTED_S,
        "responses": sum(row["responses"] for row in rows.values()),
        "by_benchmark": rows,
        "left_out": left_out,
        "protocol": PROTOCOL,
    }


def references(benchmark: Benchmark, form: Form) -> list[dict[str, Any]]:
    """Predictions that are the references, or, of an item without one, its own instruction."""
    items = read_from(benchmark, str(DATA)).items
    found = [(item.id, benchmark.reference(item, form) or item.problem.instruction) for item in items]
    return [{"id": identity, "response": text} for identity, text in found]


def _timed(name: str, given: Iterable[Mapping[str, Any]], mode: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "predictions.jsonl"
        rows = [json.dumps(row) + "\n" for row in given]
        file.write_text("".join(rows), encoding="utf-8")
        began = time.perf_counter()
        scored = asyncio.run(score(name, str(file), data=str(DATA), protocol=PROTOCOL, mode=mode, partial=True))
        took = time.perf_counter() - began
    return {"seconds": round(took, 2), "responses": len(rows), "score": scored.get("score")}
