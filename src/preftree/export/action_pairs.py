"""Single-turn action pairs for the reward model (FACTS section 2).

In:  a tree. Out: pairs of a correct action and an incorrect action of another turn, whose prompt is the instruction
alone.
Always true: no pair is of one turn (the trajectory pairs have those) or of equal texts; an instruction whose correct
and incorrect actions make more than `max_product` combinations gives none; at most `max_pairs` an instruction, and
each action stands in at most `max_uses`; the choice depends on the tree alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from preftree.errors import InputError
from preftree.records import Action, Tree


@dataclass(frozen=True, slots=True)
class ActionPairLimits:
    """The paper's limits. Read literally they allow fewer pairs than its table counts: so they are settings."""

    max_product: int = 10
    """Correct x incorrect actions of an instruction; more give no pair."""
    max_pairs: int = 9
    """Pairs an instruction."""
    max_uses: int = 3
    """Pairs an action."""

    def __post_init__(self) -> None:
        for name in ("max_product", "max_pairs", "max_uses"):
            if getattr(self, name) < 1:
                raise InputError(f"export.action_pairs.{name}: expected at least 1, got {getattr(self, name)}")


def action_pairs(tree: Tree, limits: ActionPairLimits) -> Iterator[tuple[Action, Action]]:
    """Correct and incorrect actions of different turns, those that were used least first."""
    correct = [(turn.index, action) for turn in tree.turns for action in turn.correct]
    incorrect = [(turn.index, action) for turn in tree.turns for action in turn.incorrect if may_pair(action)]
    if not correct or not incorrect or len(correct) * len(incorrect) > limits.max_product:
        return
    candidates = [
        (c, r)
        for c, (turn, chosen) in enumerate(correct)
        for r, (other, rejected) in enumerate(incorrect)
        if turn != other and chosen.text != rejected.text
    ]
    used_correct: Counter[int] = Counter()
    used_incorrect: Counter[int] = Counter()
    made = 0
    while made < limits.max_pairs:
        free = [
            (used_correct[c] + used_incorrect[r], c, r)
            for c, r in candidates
            if used_correct[c] < limits.max_uses and used_incorrect[r] < limits.max_uses
        ]
        if not free:
            return
        _, c, r = min(free)
        candidates.remove((c, r))
        used_correct[c] += 1
        used_incorrect[r] += 1
        made += 1
        yield correct[c][1], incorrect[r][1]


def may_pair(action: Action) -> bool:
    """Whether an incorrect action may enter a pair: its code, if any, is valid Python (FACTS section 1)."""
    return action.observation is None or action.observation.status != "syntax"
