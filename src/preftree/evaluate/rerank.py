"""Best of N: one policy's samples, and the answer that rewards, votes, log-probabilities or chance choose among them.

In:  samples as `drawing` gives them, rewards by name, which rankers. Out: curves over N, in all and by data set.
Always true: all answers to one problem are scored together. Whoever gives a reward keeps it (`rewards.score_groups`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.drawing import Drawn
from preftree.evaluate.kept import write_whole
from preftree.evaluate.rankers import Judged, RerankSettings, accuracies, chosen_rankers, curve_rows
from preftree.records import Message, Result

# Conversations that share a prompt, to one reward each.
Reward = Callable[[Sequence[Sequence[tuple[Message, ...]]]], list[list[float]]]
_LOGPROBS = ("logprob-sum", "logprob-mean")


def reward_all(drawn: Sequence[Drawn], rewards: Mapping[str, Reward], out: Path) -> dict[str, list[list[float]]]:
    """By name: the rewards of each item's samples. Also as `rewards.json`: name → item → one for each sample, null for
    an answer that could not be read."""
    conversations = [_conversations(one) for one in drawn]
    found = {name: reward(conversations) for name, reward in rewards.items()}
    for name, of_items in found.items():
        if any(math.isnan(value) or value == math.inf for values in of_items for value in values):
            raise InputError(f"reward {name}: a reward that is not a number (NaN); nothing can be ranked by it")
    plain = {
        name: {one.key: [_or_null(value) for value in values] for one, values in zip(drawn, of_items, strict=True)}
        for name, of_items in found.items()
    }
    write_whole(out / "rewards.json", json.dumps(plain))
    return found


def _conversations(one: Drawn) -> list[tuple[Message, ...]]:
    said = [result.responses[-1] if result.responses else "" for result in one.results]
    return [(*one.conversation, Message("assistant", text)) for text in said]


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def rank(drawn: Sequence[Drawn], rewards: dict[str, list[list[float]]], settings: RerankSettings) -> dict[str, Any]:
    """The curves of all rankers over N, in all (`curves`), by data set (`by_dataset`), and at the largest N alone
    (`rows`); `absent` says why a ranker has none."""
    samples = min(len(one.results) for one in drawn)
    counts = settings.numbers(samples)
    rankers = chosen_rankers(settings, list(rewards))
    judged = {
        one.key: _judged(one, {name: values[place] for name, values in rewards.items()})
        for place, one in enumerate(drawn)
    }
    found = accuracies(judged, rankers, counts, settings)
    by_dataset = [
        {"dataset": dataset, **row}
        for dataset in dict.fromkeys(one.dataset for one in drawn)
        for row in curve_rows(found, [one.key for one in drawn if one.dataset == dataset], counts)
    ]
    return {
        "samples": samples,
        "tie": settings.tie,
        "greedy_votes": settings.greedy_votes,
        "estimate": settings.estimate,
        "curves": curve_rows(found, list(judged), counts),
        "rows": [row for row in by_dataset if row["n"] == max(counts)],
        "by_dataset": by_dataset,
        "absent": {name: _why(name) for name in rankers if name not in found},
    }


def _judged(one: Drawn, rewards: dict[str, list[float]]) -> Judged:
    scores = {name: tuple(values) for name, values in rewards.items()}
    logprobs = [_logprob(result) for result in one.results]
    if None not in logprobs:
        known = [pair for pair in logprobs if pair is not None]
        scores |= {name: tuple(pair[i] for pair in known) for i, name in enumerate(_LOGPROBS)}
    return Judged(
        right=tuple(result.solved_by(1) for result in one.results),
        classes=one.classes,
        scores=scores,
        greedy=None if one.greedy is None else one.greedy.solved_by(1),
        greedy_class=one.greedy_class,
    )


def _logprob(result: Result) -> tuple[float, float] | None:
    """Sum and mean over an answer's tokens; a refused request, or an answer of no token, is never chosen."""
    if "refused" in result.metadata:
        return -math.inf, -math.inf
    found = result.metadata.get("logprob")
    if found is None:
        return None
    if not found["tokens"]:
        return -math.inf, -math.inf
    if math.isnan(found["sum"]):
        raise InputError(
            f"{result.model}: {result.dataset} {result.problem}: a log-probability that is not a number (NaN)"
        )
    return found["sum"], found["sum"] / found["tokens"]


def _why(name: str) -> str:
    if name in _LOGPROBS:
        return "the actor gives no log-probabilities, or draws.logprobs is off"
    return "no greedy answer was drawn"
