"""Self-consistency over all subsets: the commonest answer of N samples, without listing the subsets.

In:  the class of each sample's answer (None: it gives none), which samples are correct, the numbers N, a tie rule.
Out: for each N the chance that the answer so chosen is correct, N of the samples being drawn without replacement.
Always true: classes vote, by the samples of theirs that were drawn; from the class that wins one of these samples is
the answer, any of them alike (under the rule `first` the earliest). No answer has no vote. Equal to listing every
subset, to rounding: all terms are positive.

Tie rules: `greedy`, the paper's: the greedy answer is taken instead, as it is where nobody votes; `first`: of the
classes that tie, the one whose first sample comes first; `share`: each of them alike. With `greedy_votes` the greedy
answer is itself the first of the N (so at N = 2 the vote always gives it, as the paper's table 9 has it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Tie = Literal["greedy", "first", "share"]
_Ways = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Ballot:
    """The samples of a problem as voters. `greedy` is the greedy answer's class, `greedy_right` whether it is correct;
    `greedy_votes` counts it among the N."""

    classes: tuple[int | None, ...]
    right: tuple[bool, ...]
    greedy_votes: bool = False
    greedy: int | None = None
    greedy_right: bool = False


def voted(ballot: Ballot, counts: Sequence[int], tie: Tie) -> list[float]:
    """The chance of a correct answer at each N."""
    draws = [n - ballot.greedy_votes for n in counts]
    total = len(ballot.classes)
    if not 0 <= min(draws) <= max(draws) <= total:
        raise ValueError(f"a vote of {list(counts)} of {total} samples")
    sums = _earliest(ballot, max(draws)) if tie == "first" else _alike(ballot, max(draws), tie)
    return [min(1.0, float(sums[n]) / _comb(total, n)) for n in draws]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Classes of one kind vote alike: how many samples they have, and the votes that they have anyhow."""

    size: int
    given: int


def _alike(ballot: Ballot, most: int, tie: Tie) -> _Ways:
    """By the number drawn: the sum over subsets of the chance of a correct answer, under `share` or `greedy`."""
    kinds, right = _kinds(ballot)
    silent = ballot.classes.count(None)
    sums, won = np.zeros(most + 1), np.zeros(most + 1)
    alone = tie == "greedy"
    for kind, number in Counter(kinds).items():
        right_of_kind = sum(r for k, r in zip(kinds, right, strict=True) if k == kind)
        if not right_of_kind and not kind.given and not (alone and ballot.greedy_right):
            continue
        others = list(kinds)
        others.remove(kind)
        for taken in range(0 if kind.given else 1, min(kind.size, most) + 1):
            votes = taken + kind.given
            ways = _ways(others, votes, most - taken, silent, alone) * _comb(kind.size, taken)
            # Of a class's samples each is drawn as often as the others, so which is the answer does not matter.
            answers = kind.given * number * ballot.greedy_right + (taken * right_of_kind / kind.size if taken else 0.0)
            sums[taken:] += answers / votes * ways
            won[taken:] += number * ways
    if alone and ballot.greedy_right:
        sums += np.array([_comb(len(ballot.classes), n) for n in range(most + 1)]) - won
    return sums


def _kinds(ballot: Ballot) -> tuple[list[_Kind], list[int]]:
    """Each class's kind, and how many of its samples are correct."""
    sizes = Counter(c for c in ballot.classes if c is not None)
    right = Counter(c for c, correct in zip(ballot.classes, ballot.right, strict=True) if c is not None and correct)
    given = ballot.greedy if ballot.greedy_votes else None
    names = [*sizes, *([given] if given is not None and given not in sizes else [])]
    return [_Kind(sizes[name], int(name == given)) for name in names], [right[name] for name in names]


def _ways(others: Sequence[_Kind], votes: int, most: int, silent: int, alone: bool) -> _Ways:
    """By the number drawn: choices among the other samples in which no class has more votes than these, weighted by
    1 / (1 + classes that have as many); or (`alone`) those only in which none has as many."""
    ties = 0 if alone else min(len(others), most // votes + 1)
    ways = np.zeros((ties + 1, most + 1))
    ways[0] = [_comb(silent, k) for k in range(most + 1)]
    for kind in others:
        before, ways = ways, np.zeros_like(ways)
        for taken in range(min(kind.size, votes - kind.given, most) + 1):
            added = before[:, : most + 1 - taken] * _comb(kind.size, taken)
            if taken + kind.given < votes:
                ways[:, taken:] += added
            elif not alone:
                ways[1:, taken:] += added[:-1]
    shares = 1 / np.arange(1, ties + 2)
    return np.asarray(shares @ ways)


def _earliest(ballot: Ballot, most: int) -> _Ways:
    """The same under `first`: the answer is the first drawn of its class, and whoever ties with it begins later."""
    sums = np.zeros(most + 1)
    silent = ballot.classes.count(None)
    given = ballot.greedy if ballot.greedy_votes else None
    sizes = Counter(c for c in ballot.classes if c is not None)
    if given is not None and ballot.greedy_right:
        # The greedy answer comes before all: it wins every tie, and is its class's answer.
        for taken in range(min(sizes[given], most) + 1):
            votes = taken + 1
            limits = [(size, votes, _comb(size, votes)) for other, size in sizes.items() if other != given]
            sums[taken:] += _bounded(limits, most - taken, silent) * _comb(sizes[given], taken)
    for place, (name, right) in enumerate(zip(ballot.classes, ballot.right, strict=True)):
        if not right or name is None or name == given:
            continue
        later = Counter(c for c in ballot.classes[place + 1 :] if c is not None)
        for votes in range(1, min(later[name] + 1, most) + 1):
            others = [other for other in sizes if other not in (name, given)]
            limits = [(sizes[other], votes, _comb(later[other], votes)) for other in others]
            if given is not None:
                limits.append((sizes[given], votes - 1, 0.0))  # it has a vote anyhow, and would win a tie
            sums[votes:] += _bounded(limits, most - votes, silent) * _comb(later[name], votes - 1)
    return sums


def _bounded(limits: Sequence[tuple[int, int, float]], most: int, silent: int) -> _Ways:
    """By the number drawn: choices in which each class (its size, a limit, the ways to reach it) stays under its
    limit, or reaches it in one of these ways."""
    ways = np.array([_comb(silent, k) for k in range(most + 1)])
    for size, limit, reaching in limits:
        before, ways = ways, np.zeros_like(ways)
        for taken in range(min(size, limit - 1, most) + 1):
            ways[taken:] += before[: most + 1 - taken] * _comb(size, taken)
        if reaching and limit <= most:
            ways[limit:] += before[: most + 1 - limit] * reaching
    return ways


def _comb(n: int, k: int) -> float:
    """Of more than 66 samples these are larger than an array's integers."""
    return float(math.comb(n, k))
