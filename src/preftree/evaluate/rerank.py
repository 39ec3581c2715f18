"""Best of N: samples of one policy, judged, and scored by a reward model.

In:  a benchmark of one turn and several samples, a policy, a reward function. Out: results, rewards, curves over N.
Always true: all answers to one problem are scored together; rewards are written beside the samples they belong to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget, opening
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate.metrics import rerank_curves
from preftree.evaluate.own import ProblemSet
from preftree.evaluate.runner import evaluate
from preftree.records import Message, Result

# Conversations that share a prompt, to one reward each.
Reward = Callable[[Sequence[Sequence[tuple[Message, ...]]]], list[list[float]]]


@dataclass(frozen=True, slots=True)
class RerankSettings:
    counts: tuple[int, ...] = (1, 2, 4, 8)  # the N of best of N; the largest is drawn

    def __post_init__(self) -> None:
        if not self.counts or min(self.counts) < 1:
            raise InputError(f"ranking.counts: expected numbers of samples, each 1 or more, got {list(self.counts)}")


async def rerank(
    benchmark: ProblemSet,
    name: str,
    actor: Actor,
    reward: Reward,
    settings: RerankSettings,
    out: Path,
    *,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> dict[str, Any]:
    """Draw, judge and score; returns the curves in all and at the largest N by data set."""
    largest = max(settings.counts)
    if benchmark.protocol.turns != 1 or benchmark.protocol.samples < largest:
        raise InputError(f"rerank: needs one turn and at least {largest} samples a problem")
    results = await evaluate(benchmark, {name: actor}, out, environment=environment, budget=budget)
    samples: dict[str, list[Result]] = {}
    for result in results:
        samples.setdefault(result.problem, []).append(result)
    openings = {problem.id: opening(problem) for problem in benchmark.problems}
    conversations = [
        [(*openings[problem], Message("assistant", result.responses[0])) for result in drawn]
        for problem, drawn in samples.items()
    ]
    rewards = dict(zip(samples, reward(conversations), strict=True))
    (out / "rewards.json").write_text(json.dumps(rewards), encoding="utf-8")
    rows = []
    for dataset in dict.fromkeys(result.dataset for result in results):
        mine = {problem: drawn for problem, drawn in samples.items() if drawn[0].dataset == dataset}
        rows += [{"dataset": dataset, **row} for row in rerank_curves(mine, rewards, (largest,))]
    return {
        "policy": name,
        "samples": largest,
        "curves": rerank_curves(samples, rewards, settings.counts),
        "rows": rows,
    }
