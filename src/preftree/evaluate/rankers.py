"""How one of N samples is chosen, and the accuracy that this gives: best of N, self-consistency, the baselines, pass@N.

In:  the judged samples of a problem, with what rankers look at. Out: rows of curves over N, with 95% intervals over
problems.
Always true: under the estimate `all` a figure is the exact mean over all subsets of N of the samples drawn, so that no
luck of the first N enters; under `nested` (the usual way) the N are the first N. An undecided answer is not correct.
A new ranker is a function and a line in `RANKERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from preftree.errors import InputError
from preftree.evaluate.votes import Ballot, Tie, voted
from preftree.statistics import mean_interval, pass_at_k

Estimate = Literal["all", "nested"]
# Stands for the rewards that a run was given, in a list of rankers.
REWARDS = "rewards"


@dataclass(frozen=True, slots=True)
class Judged:
    """The samples of one problem. `classes`: which answer each gives, None for none. `scores` by the name of who gave
    them. `greedy` is the greedy answer's verdict, None where none was drawn; `greedy_class` its class."""

    right: tuple[bool, ...]
    classes: tuple[int | None, ...] = ()
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    greedy: bool | None = None
    greedy_class: int | None = None

    def first(self, n: int) -> Judged:
        scores = {name: values[:n] for name, values in self.scores.items()}
        return replace(self, right=self.right[:n], classes=self.classes[:n], scores=scores)


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """What is made of the samples. All of it may change later: nothing is drawn again."""

    counts: tuple[int, ...] = ()  # the N of best of N; none: 1, 2, 4, … up to the samples drawn
    rankers: tuple[str, ...] = (
        "random",
        "greedy",
        "logprob-sum",
        "logprob-mean",
        REWARDS,
        "self-consistency",
        "pass@N",
    )
    tie: Tie = "greedy"  # whom self-consistency gives a tie to
    greedy_votes: bool = False  # the greedy answer is the first of the N that vote
    estimate: Estimate = "all"

    def __post_init__(self) -> None:
        if any(n < 1 for n in self.counts):
            raise InputError(f"ranking.counts: expected numbers of samples, each 1 or more, got {list(self.counts)}")
        for name in self.rankers:
            if name != REWARDS and name not in RANKERS:
                raise InputError(f'ranking.rankers: expected some of {", ".join((*RANKERS, REWARDS))}, got "{name}"')

    @property
    def needs_greedy(self) -> bool:
        """Whether a ranker needs the greedy answer beside the samples."""
        votes = "self-consistency" in self.rankers and (self.tie == "greedy" or self.greedy_votes)
        return votes or "greedy" in self.rankers

    def numbers(self, samples: int) -> tuple[int, ...]:
        """The N, of so many samples."""
        if self.counts and max(self.counts) > samples:
            raise InputError(f"ranking.counts: {max(self.counts)} of {samples} samples; draw more, or rank fewer")
        return tuple(sorted(set(self.counts))) or tuple(1 << i for i in range(samples.bit_length()))


# The chance of a correct answer at each N; None where what it looks at is not there.
Ranker = Callable[[Judged, Sequence[int], RerankSettings], list[float] | None]


def random_choice(judged: Judged, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    return [sum(judged.right) / len(judged.right)] * len(counts)


def greedy(judged: Judged, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    """The paper's "top logits": one greedy answer, whatever N is."""
    return None if judged.greedy is None else [float(judged.greedy)] * len(counts)


def best(name: str, judged: Judged, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    """The sample with the highest score of this name."""
    scores = judged.scores.get(name)
    return None if scores is None else [best_of_n(judged.right, scores, n) for n in counts]


def self_consistency(judged: Judged, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    if judged.greedy is None and (settings.tie == "greedy" or settings.greedy_votes):
        return None
    # The greedy answer in front of the first N moves the last of them out.
    kept = counts[0] - settings.greedy_votes if settings.estimate == "nested" else len(judged.right)
    ballot = Ballot(
        judged.classes[:kept], judged.right[:kept], settings.greedy_votes, judged.greedy_class, bool(judged.greedy)
    )
    return voted(ballot, counts, settings.tie)


def ceiling(judged: Judged, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    """Unbiased pass@N: whether a correct one is there at all."""
    return [pass_at_k(len(judged.right), sum(judged.right), n) for n in counts]


RANKERS: dict[str, Ranker] = {
    "random": random_choice,
    "greedy": greedy,
    "logprob-sum": partial(best, "logprob-sum"),
    "logprob-mean": partial(best, "logprob-mean"),
    "self-consistency": self_consistency,
    "pass@N": ceiling,
}


def chosen_rankers(settings: RerankSettings, rewards: Sequence[str]) -> dict[str, Ranker]:
    """The rankers of the settings by name, in their order, with a run's rewards in the place of `rewards`."""
    found: dict[str, Ranker] = {}
    for name in settings.rankers:
        names = rewards if name == REWARDS else (name,)
        found |= {own: RANKERS.get(own) or partial(best, own) for own in names}
    return found


def accuracies(
    problems: Mapping[str, Judged], rankers: Mapping[str, Ranker], counts: Sequence[int], settings: RerankSettings
) -> dict[str, dict[str, list[float]]]:
    """By ranker and problem: the chance of a correct answer at each N. A ranker that lacks what it looks at, on any
    problem, is left out."""
    found: dict[str, dict[str, list[float]]] = {}
    for name, ranker in rankers.items():
        values = {key: _of_problem(judged, ranker, counts, settings) for key, judged in problems.items()}
        known = {key: value for key, value in values.items() if value is not None}
        if len(known) == len(values):
            found[name] = known
    return found


def curve_rows(
    found: Mapping[str, Mapping[str, Sequence[float]]], keys: Sequence[str], counts: Sequence[int]
) -> list[dict[str, Any]]:
    """A row a ranker × N: its accuracy over these problems, with its 95% interval."""
    rows = []
    for place, n in enumerate(counts):
        for name, values in found.items():
            interval = mean_interval([values[key][place] for key in keys])
            edges = {"value": interval.value, "low": interval.low, "high": interval.high}
            rows.append({"method": name, "n": n, **edges, "problems": interval.n})
    return rows


def _of_problem(judged: Judged, ranker: Ranker, counts: Sequence[int], settings: RerankSettings) -> list[float] | None:
    if settings.estimate == "all":
        return ranker(judged, counts, settings)
    found = [ranker(judged.first(n), (n,), settings) for n in counts]
    known = [value for values in found if values is not None for value in values]
    return known if len(known) == len(counts) else None


def best_of_n(right: Sequence[bool], scores: Sequence[float], n: int) -> float:
    """The chance that the highest score among n of the samples, drawn without replacement, is a correct one's.

    With distinct scores, sample i wins in C(samples with less, n-1) of C(all, n) subsets; ties share evenly.
    """
    total = len(right)
    chance = 0.0
    for score in set(scores):
        tied = [i for i in range(total) if scores[i] == score]
        lower = sum(s < score for s in scores)
        # The best of the subset has this score: subsets of {lower or tied} less those of {lower}.
        wins = math.comb(lower + len(tied), n) - math.comb(lower, n)
        chance += wins / math.comb(total, n) * sum(right[i] for i in tied) / len(tied)
    return chance
