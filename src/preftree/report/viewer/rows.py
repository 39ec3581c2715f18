"""What the list shows of a tree, and what a search looks through.

In:  a tree and its calls. Out: one row of the index, and its text.
Always true: every string can be written anywhere (`clean`); a row doesn't depend on other trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preftree.forest.looking import CallCost
from preftree.records import Tree, Turn
from preftree.report.text import clean
from preftree.report.viewer.query import FLAGS

COLUMNS = (
    "id", "seq", "problem", "title", "task", "dataset", "depth", "pairs", "samples", "stage", "shape", "tokens",
    "price_usd", "flags",
)  # fmt: skip
_TITLE = 160
_MOST_DRAWN = 9


def row_of(name: str, seq: int, tree: Tree, calls: Sequence[CallCost]) -> tuple[Any, ...]:
    """The values of `COLUMNS`."""
    pairs = sum(len(tree.pairs(turn)) for turn in tree.turns)
    return (
        name, seq, clean(tree.problem.id), _title(tree), tree.problem.task, clean(tree.problem.dataset), tree.depth,
        pairs, sum(turn.num_samples for turn in tree.turns), _stage(tree), " ".join(map(_shape, tree.turns)),
        sum(call.input_tokens + call.output_tokens for call in calls), sum(call.price_usd for call in calls),
        _flags(tree, pairs),
    )  # fmt: skip


def flag_names(flags: int) -> list[str]:
    return [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]


def text_of(tree: Tree) -> str:
    """All that a search looks through."""
    parts = [tree.problem.id, tree.problem.instruction, *(reference.answer for reference in tree.problem.references)]
    for turn in tree.turns:
        for action in (*turn.correct, *turn.incorrect):
            parts.append(action.text)
            parts.append(action.observation.output if action.observation else "")
        parts += [turn.critique or "", *turn.praise]
    return clean("\n".join(parts))


def _title(tree: Tree) -> str:
    text = " ".join(clean(tree.problem.instruction).split())
    return text if len(text) <= _TITLE else text[: _TITLE - 1] + "…"


def _stage(tree: Tree) -> str:
    """How the last turn's correct action was got; "none" where no turn has one."""
    stages = [turn.correct[0].stage for turn in tree.turns if turn.correct]
    return clean(stages[-1]) if stages else "none"


def _shape(turn: Turn) -> str:
    """A turn in three signs: how the correct action was got, how many incorrect ones there are, gone on with or not."""
    stage = turn.correct[0].stage if turn.correct else ""
    how = "-" if not stage else "r" if stage.startswith("reference") else "e" if stage.startswith("escalation") else "s"
    return f"{how}{min(_MOST_DRAWN, len(turn.incorrect))}{'.' if turn.expanded is None else '>'}"


def _flags(tree: Tree, pairs: int) -> int:
    actions = [action for turn in tree.turns for action in (*turn.correct, *turn.incorrect)]
    truths = (
        any(turn.leaked for turn in tree.turns),
        not any(turn.correct for turn in tree.turns),
        any(action.verdict is not None and action.verdict.outcome == "undecided" for action in actions),
        any(action.truncated for action in actions),
        any(call.error for action in actions if action.observation for call in action.observation.tool_calls),
        any(action.stage.startswith("reference") for action in actions),
        not pairs,
    )
    return sum(1 << bit for bit, truth in enumerate(truths) if truth)
