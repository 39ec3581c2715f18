"""Models that judge the actions of a tree: how they are asked, and which pairs they rank wrongly.

In:  a tree, and numbers of its actions. Out: numbers by turn and side, and a sign for each pair.
Always true: a pair is ranked rightly when the chosen action has more; a pair that a model couldn't read is neither
right nor wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from preftree.records import Message, Tree

# Conversations of several trees, to a number each.
Scores = Callable[[Sequence[Sequence[tuple[Message, ...]]]], list[list[float]]]
RIGHT, WRONG, UNREAD = "r", "w", "-"


@dataclass(frozen=True, slots=True)
class Judge:
    """`key`: equal keys give equal numbers, so what is kept under it is not computed again. `load` gives a function
    that scores conversations; a judge without one is the difference of the two whose keys are in `parts`."""

    name: str
    key: str
    kind: str = "reward"  # or "log-probability", "log-ratio"
    load: Callable[[], Scores] | None = None
    parts: tuple[str, str] | None = None


def conversations(tree: Tree) -> list[tuple[Message, ...]]:
    """Every chosen action after its history."""
    return [
        (*tree.history(turn.index), Message("assistant", action.text))
        for turn in tree.turns
        for action in (*turn.correct, *turn.incorrect)
    ]


def placed(tree: Tree, numbers: Sequence[float | None]) -> tuple[list[Any], list[str]]:
    """The numbers of `conversations` by turn and side, and each turn's pairs as signs."""
    left = iter(numbers)
    turns: list[Any] = []
    signs: list[str] = []
    for turn in tree.turns:
        correct = [_finite(next(left)) for _ in turn.correct]
        incorrect = [_finite(next(left)) for _ in turn.incorrect]
        turns.append({"correct": correct, "incorrect": incorrect})
        signs.append("".join(_sign(correct[c], incorrect[i]) for c, i in pair_places(tree, len(signs))))
    return turns, signs


def difference(minuend: Sequence[Any], subtrahend: Sequence[Any]) -> list[float | None]:
    """Of two lists of `placed`, the differences, flat and in the order of `conversations`."""
    return [
        None if ours is None or theirs is None else ours - theirs
        for turn, other in zip(minuend, subtrahend, strict=True)
        for side in ("correct", "incorrect")
        for ours, theirs in zip(turn[side], other[side], strict=True)
    ]


def pair_places(tree: Tree, turn: int) -> list[tuple[int, int]]:
    """The pairs of a turn as places among its correct and its incorrect actions."""
    drawn = tree.turns[turn]
    correct = {id(action): place for place, action in enumerate(drawn.correct)}
    incorrect = {id(action): place for place, action in enumerate(drawn.incorrect)}
    return [(correct[id(chosen)], incorrect[id(rejected)]) for chosen, rejected in tree.pairs(drawn)]


def _sign(chosen: float | None, rejected: float | None) -> str:
    if chosen is None or rejected is None:
        return UNREAD
    return RIGHT if chosen > rejected else WRONG


def _finite(number: float | None) -> float | None:
    """JSON has no infinity: what a model could not read has no number."""
    return number if number is not None and math.isfinite(number) else None
