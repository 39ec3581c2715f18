"""Single-turn action pairs for the reward model (FACTS section 2).

In:  a tree. Out: pairs of a correct action and an incorrect action of another turn, whose prompt is the instruction
alone.
Always true: actions of equal text count as one; no pair stands together in any turn (the trajectory pairs have those);
a tree of depth N gives pairs only if N x N is within `max_product`; at most `max_pairs` a tree, and each action stands
in at most `max_uses`; no other choice would give more pairs; the choice depends on the tree alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from preftree.errors import InputError
from preftree.records import Action, Tree


@dataclass(frozen=True, slots=True)
class ActionPairLimits:
    """The paper's limits. Read literally they allow fewer pairs than its table counts: so they are settings."""

    max_product: int = 10
    """N x N, where N is the depth of the tree; deeper trees give no pair."""
    max_pairs: int = 9
    """Pairs an instruction."""
    max_uses: int = 3
    """Pairs an action."""

    def __post_init__(self) -> None:
        for name in ("max_product", "max_pairs", "max_uses"):
            if getattr(self, name) < 1:
                raise InputError(f"export.action_pairs.{name}: expected at least 1, got {getattr(self, name)}")


def action_pairs(tree: Tree, limits: ActionPairLimits) -> list[tuple[Action, Action]]:
    """As many (correct, incorrect) pairs as the limits allow, in the order of the actions."""
    if tree.depth**2 > limits.max_product:
        return []
    correct = _by_text((turn.index, action) for turn in tree.turns for action in turn.correct)
    incorrect = _by_text((turn.index, action) for turn in tree.turns for action in turn.incorrect if action.parses)
    partners = [[r for r, wrong in enumerate(incorrect) if right.apart_from(wrong)] for right in correct]
    return [(correct[c].action, incorrect[r].action) for c, r in sorted(_match(partners, limits))]


@dataclass(frozen=True, slots=True)
class _Told:
    """What was said, first by `action`, and in which turns."""

    action: Action
    turns: frozenset[int]

    def apart_from(self, other: _Told) -> bool:
        return self.turns.isdisjoint(other.turns) and self.action.text != other.action.text


def _by_text(actions: Iterable[tuple[int, Action]]) -> list[_Told]:
    found: dict[str, _Told] = {}
    for turn, action in actions:
        known = found.get(action.text, _Told(action, frozenset()))
        found[action.text] = _Told(known.action, known.turns | {turn})
    return list(found.values())


def _match(partners: Sequence[Sequence[int]], limits: ActionPairLimits) -> set[tuple[int, int]]:
    """The most edges of a bipartite graph with at most `max_uses` at a vertex, up to `max_pairs`.

    Augmenting paths, in rounds: in each, every action may be used once more, and those that were used least come first,
    so that uses are spread.
    """
    pairs: set[tuple[int, int]] = set()
    left: Counter[int] = Counter()
    right: Counter[int] = Counter()

    def takes(c: int, uses: int, seen: set[int]) -> bool:
        """Give c one more partner, if need be by moving another's; r is tried once a path."""
        for r in sorted(partners[c], key=lambda r: right[r]):
            if r in seen or (c, r) in pairs:
                continue
            seen.add(r)
            if right[r] < uses:
                right[r] += 1
                pairs.add((c, r))
                return True
            for holder in sorted(other for other, held in pairs if held == r):
                if takes(holder, uses, seen):
                    pairs.remove((holder, r))
                    pairs.add((c, r))
                    return True
        return False

    for uses in range(1, limits.max_uses + 1):
        for c in range(len(partners)):
            while left[c] < uses and len(pairs) < limits.max_pairs and takes(c, uses, set()):
                left[c] += 1
    return pairs
