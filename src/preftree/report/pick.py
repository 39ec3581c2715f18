"""Which trees of a forest tell most.

In:  trees. Out: a few of them, at most one a data set while there are enough data sets.
Always true: the choice depends on the trees alone, not on their order; memory holds a few trees a data set.
"""

from __future__ import annotations

from collections.abc import Iterable

from preftree.records import Tree

# More turns than this make a picture longer, not clearer.
_TELLING_TURNS = 3


def pick_trees(trees: Iterable[Tree], count: int = 3) -> list[Tree]:
    """Trees with a preference, over several turns, mended by the model itself; the shortest of these."""
    best: dict[str, list[Tree]] = {}
    for tree in trees:
        kept = best.setdefault(tree.problem.dataset, [])
        kept.append(tree)
        kept.sort(key=_rank)
        del kept[count:]
    # First the best of each data set, then the second best, …: variety before perfection.
    places = [(place, _rank(tree), tree) for kept in best.values() for place, tree in enumerate(kept)]
    return [tree for _, _, tree in sorted(places, key=lambda entry: entry[:2])[:count]]


def _rank(tree: Tree) -> tuple[bool, bool, int, bool, int, str]:
    """Smaller is better."""
    pairs = sum(bool(turn.correct and turn.incorrect) for turn in tree.turns)
    mended = tree.depth > 1 and any(action.stage != "reference" for action in tree.turns[-1].correct)
    leaked = any(turn.leaked for turn in tree.turns)
    return (not pairs, not mended, -min(tree.depth, _TELLING_TURNS), leaked, _length(tree), tree.id)


def _length(tree: Tree) -> int:
    actions = [action for turn in tree.turns for action in (*turn.correct, *turn.incorrect)]
    replies = sum(len(turn.reply or "") for turn in tree.turns)
    return len(tree.problem.instruction) + sum(len(action.text) for action in actions) + replies
