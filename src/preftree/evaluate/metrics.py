"""From results to figures: accuracy by data set and group, paired tests, best of N. Pure functions.

In:  results; for reranking, rewards beside them. Out: plain rows for tables.
Always true: an undecided answer counts as not correct, and is counted apart; every figure has its 95% interval.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from preftree.records import Result
from preftree.statistics import Interval, difference_interval, mean_interval, paired_p_value, pass_at_k, wilson


def accuracy_rows(
    results: Sequence[Result], turns: Sequence[int], groups: Mapping[str, Sequence[str]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows a data set × model × number of turns, and rows a group (a name for several data sets) likewise."""
    models = list(dict.fromkeys(result.model for result in results))
    datasets = list(dict.fromkeys(result.dataset for result in results))

    def row(key: str, name: str, members: Sequence[str], model: str, k: int) -> dict[str, Any]:
        mine = [result for result in results if result.model == model and result.dataset in members]
        interval = _accuracy(mine, k)
        undecided = sum("undecided" in result.outcomes[:k] and not result.solved_by(k) for result in mine)
        return {key: name, "model": model, "turns": k, **_figures(interval), "undecided": undecided}

    by_dataset = [row("dataset", d, (d,), m, k) for d in datasets for m in models for k in turns]
    by_group = [row("group", g, ds, m, k) for g, ds in groups.items() for m in models for k in turns]
    return by_dataset, by_group


def compare_pairs(
    results: Sequence[Result],
    pairs: Sequence[tuple[str, str]],
    turns: Sequence[int],
    groups: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Paired differences (b minus a) on the same problems, with 95% intervals and McNemar's exact p-value."""
    by_model: dict[str, dict[tuple[str, int], Result]] = {}
    for r in results:
        by_model.setdefault(r.model, {})[r.problem, r.sample] = r
    rows = []
    for (a, b), (group, members), k in itertools.product(pairs, groups.items(), turns):
        mine = [r for r in results if r.model == a and r.dataset in members]
        ours = _by_problem(mine, k)
        theirs = _by_problem([by_model[b][r.problem, r.sample] for r in mine], k)
        gains = [theirs[problem] - ours[problem] for problem in ours]
        interval = difference_interval(gains)
        rows.append(
            {"a": a, "b": b, "group": group, "turns": k, "difference": interval.value}
            | {"low": interval.low, "high": interval.high, "n": interval.n}
            # With several samples of a problem: does b solve it more often, or a?
            | {"p_value": paired_p_value([gain < 0 for gain in gains], [gain > 0 for gain in gains])}
        )
    return rows


def _accuracy(results: Sequence[Result], k: int) -> Interval:
    """Over problems: several samples of one problem are not independent, so they count as one mean."""
    if len(results) == len({result.problem for result in results}):
        return wilson(sum(result.solved_by(k) for result in results), len(results))
    return mean_interval(list(_by_problem(results, k).values()))


def _by_problem(results: Sequence[Result], k: int) -> dict[str, float]:
    """Each problem's share of samples that are solved within k turns."""
    solved: dict[str, list[bool]] = {}
    for result in results:
        solved.setdefault(result.problem, []).append(result.solved_by(k))
    return {problem: sum(flags) / len(flags) for problem, flags in solved.items()}


def rerank_curves(
    samples: Mapping[str, Sequence[Result]], rewards: Mapping[str, Sequence[float]], counts: Sequence[int]
) -> list[dict[str, Any]]:
    """Accuracy of best of N by problem: random, reward model, self-consistency, and the ceiling pass@N.

    Each figure is the exact mean over all subsets of N of the samples drawn, so that no luck of the first N enters;
    `samples[problem]` and `rewards[problem]` are in the same order.
    """
    rows = []
    for n in counts:
        for method, score in METHODS.items():
            interval = mean_interval([score(drawn, rewards[problem], n) for problem, drawn in samples.items()])
            rows.append({"method": method, "n": n, **_figures(interval, count="problems")})
    return rows


def best_of_n(correct: Sequence[bool], rewards: Sequence[float], n: int) -> float:
    """The chance that the highest reward among n of the samples, drawn without replacement, is a correct one's.

    With distinct rewards, sample i wins in C(samples with less, n-1) of C(all, n) subsets; ties share evenly.
    """
    total = len(correct)
    chance = 0.0
    for reward in set(rewards):
        tied = [i for i in range(total) if rewards[i] == reward]
        lower = sum(r < reward for r in rewards)
        # The best of the subset has this reward: subsets of {lower or tied} less those of {lower}.
        wins = math.comb(lower + len(tied), n) - math.comb(lower, n)
        chance += wins / math.comb(total, n) * sum(correct[i] for i in tied) / len(tied)
    return chance


def self_consistency(samples: Sequence[Result], n: int) -> float:
    """The chance that the commonest answer of n of the samples is correct; ties share evenly, no answer has no vote.

    Correct answers equal the reference under the problem's verifier, so they are one answer; others are by their text.
    Subsets are counted, not listed: any number of samples will do.
    """
    right = sum(_flags(samples))
    votes = Counter(sample.answer for sample in samples if sample.answer and not sample.solved_by(1))
    silent = len(samples) - right - votes.total()
    favourable = 0.0
    for most in range(1, min(right, n) + 1):
        # ways[k, t]: choices of k other samples in which no answer has over `most` votes, and t have as many.
        ways = Counter({(k, 0): math.comb(silent, k) for k in range(min(silent, n) + 1)})
        for size in votes.values():
            before, ways = ways, Counter()
            for (k, t), count in before.items():
                for taken in range(min(size, most, n - k) + 1):
                    ways[k + taken, t + (taken == most)] += count * math.comb(size, taken)
        tops = sum(count / (1 + t) for (k, t), count in ways.items() if k == n - most)
        favourable += math.comb(right, most) * tops
    return favourable / math.comb(len(samples), n)


# How one of N samples is chosen (or counted): samples of one problem, their rewards, N.
METHODS: dict[str, Callable[[Sequence[Result], Sequence[float], int], float]] = {
    "random": lambda samples, rewards, n: sum(_flags(samples)) / len(samples),
    "reward model": lambda samples, rewards, n: best_of_n(_flags(samples), rewards, n),
    "self-consistency": lambda samples, rewards, n: self_consistency(samples, n),
    "pass@N": lambda samples, rewards, n: pass_at_k(len(samples), sum(_flags(samples)), n),
}


def _flags(samples: Sequence[Result]) -> list[bool]:
    return [sample.solved_by(1) for sample in samples]


def _figures(interval: Interval, count: str = "n") -> dict[str, Any]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, count: interval.n}
