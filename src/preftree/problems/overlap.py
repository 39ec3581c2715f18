"""Problems that two sources share: CodeContests and TACO hold many of the same contests.

In:  sketches of the problems of one source and of another. Out: those of the second that the first has too. Pure.
Two problems are one if their statements are equal once normalised, or if both are the same problem of Codeforces, or,
unless both are named and differ, if half of their 8-grams of words agree (estimated by the smallest digests of each,
as MinHash does). A problem and its harder version of one contest are two, however alike their statements are.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from preftree.problems.questions import normalise_question
from preftree.records import Problem

PAIRED = frozenset(("codecontests", "taco"))

_N = 8
_SIZE = 64  # digests of a sketch: the share of common ones is off by 0.06 (a standard deviation)
_ALIKE = 0.5
_FEWEST_GRAMS = 16  # of shorter statements, only equality says anything
# TACO writes formulas in LaTeX, CodeContests in plain signs.
_DRESS = re.compile(r"\\[a-zA-Z]+|[$\\{}]|<image>")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Sketch:
    """What is kept of a statement: a few hundred bytes, whatever its tests weigh."""

    id: str
    named: str  # contest and index, where the site is Codeforces
    question: bytes
    grams: frozenset[int]


@dataclass(frozen=True, slots=True)
class Shared:
    """A problem of the second source, that of the first with which it is one, and how that is known."""

    id: str
    first: str
    why: str


def sketch(problem: Problem) -> Sketch:
    words = _WORD.findall(_DRESS.sub(" ", problem.instruction.casefold()))
    grams = {_digest(" ".join(words[at : at + _N])) for at in range(len(words) - _N + 1)}
    named = problem.group if problem.group.startswith("codeforces/") else ""
    question = hashlib.sha256(normalise_question(problem.instruction).encode()).digest()
    return Sketch(problem.id, named, question, frozenset(heapq.nsmallest(_SIZE, grams)))


def shared_problems(first: Iterable[Sketch], second: Iterable[Sketch]) -> tuple[Shared, ...]:
    """The problems of `second` that stand in `first`, in their order."""
    by_question: dict[bytes, Sketch] = {}
    by_name: dict[str, Sketch] = {}
    by_gram: dict[int, list[Sketch]] = defaultdict(list)
    for known in first:
        by_question.setdefault(known.question, known)
        if known.named:
            by_name.setdefault(known.named, known)
        if len(known.grams) >= _FEWEST_GRAMS:
            for gram in known.grams:
                by_gram[gram].append(known)
    found = []
    for problem in second:
        if problem.question in by_question:
            found.append(Shared(problem.id, by_question[problem.question].id, "the same statement"))
        elif problem.named in by_name:
            found.append(Shared(problem.id, by_name[problem.named].id, problem.named))
        elif (near := _nearest(problem, by_gram)) is not None:
            found.append(Shared(problem.id, near.id, f"half of its {_N}-grams"))
    return tuple(found)


def _nearest(problem: Sketch, by_gram: dict[int, list[Sketch]]) -> Sketch | None:
    """The known problem that shares most with it, if that is enough."""
    if len(problem.grams) < _FEWEST_GRAMS:
        return None
    met = Counter(known for gram in problem.grams for known in by_gram.get(gram, ()))
    for known, common in met.most_common():
        if common < _ALIKE * _SIZE / 2:
            return None
        if not (problem.named and known.named) and _likeness(problem.grams, known.grams) >= _ALIKE:
            return known
    return None


def _likeness(one: frozenset[int], two: frozenset[int]) -> float:
    """Of the smallest digests of both together, the share that both have."""
    smallest = heapq.nsmallest(_SIZE, one | two)
    return sum(gram in one and gram in two for gram in smallest) / len(smallest)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
