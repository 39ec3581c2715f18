"""SFT rows, trajectory pairs, action pairs and unpaired answers of a tree (FACTS section 1, "Published rows").

In:  a tree. Out: plain dicts.
Always true: `id` is `<hash>_<turns of the tree>_<turn>`, turns from 1 as in the published rows (theirs, too, share an
id where a turn gives several pairs); rows of one instruction share `parent_id`; an action whose code is not valid
Python enters no pair; a problem that a model judged gives SFT rows only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from preftree.export.action_pairs import ActionPairLimits, action_pairs
from preftree.export.columns import pair_columns, sft_columns, unpaired_columns
from preftree.records import Message, Problem, Reference, Tree, digest

# The id of a problem that was read from published rows: this, and the rows' own parent_id.
PUBLISHED = "published/"


def parent_id(problem: Problem) -> str:
    """What the rows of one instruction share; that of imported rows stays as it was."""
    return _parent_id(problem.id)


# Each kind of rows of a tree asks for it anew.
@functools.lru_cache(maxsize=64)
def _parent_id(problem: str) -> str:
    if problem.startswith(PUBLISHED):
        return problem.removeprefix(PUBLISHED)
    return digest(["instruction", problem])


def sft_rows(
    tree: Tree, *, history: str = "drop", response: str = "action", columns: str = "ultrainteract"
) -> Iterator[dict[str, Any]]:
    """One row a correct action.

    With `response="reference"` the data set's reasons and answer stand in the place of each action (the paper's
    ablation): of several references one after another. Where the data set has no reasons, its program stands for them;
    where it has none either, its answer alone; where it gives no answer (tests judge), the reasons or the program
    alone. A correct action whose history (of imported rows) or reference isn't known gives no such row.
    """
    references = tree.problem.references
    if response == "reference" and not references:
        return
    row_of = _common(tree)
    for turn in tree.turns:
        messages = tree.prompt if history == "drop" else _history(tree, turn.index) if turn.correct else None
        if messages is None:
            continue
        for place, action in enumerate(turn.correct):
            text = action.text if response == "action" else _ground_truth(references[place % len(references)])
            own = digest([row_of["parent_id"], turn.index, text])
            yield _named(row_of, own, tree, turn.index) | sft_columns(columns, history, messages, text)


def pair_rows(tree: Tree, *, columns: str = "ultrainteract") -> Iterator[dict[str, Any]]:
    """One row a pair, after the turns before it."""
    row_of = _common(tree)
    for turn in tree.turns:
        pairs = tree.pairs(turn)
        messages = tree.history(turn.index) if pairs else ()
        for chosen, rejected in pairs:
            common = _named(row_of, row_of["parent_id"], tree, turn.index)
            yield common | pair_columns(columns, messages, chosen.text, rejected.text)


def action_pair_rows(
    tree: Tree, limits: ActionPairLimits, *, columns: str = "ultrainteract"
) -> Iterator[dict[str, Any]]:
    """The columns of pairs; the prompt is the instruction alone, the turn that of the correct action."""
    if tree.problem.verifier == "judge":
        return
    row_of = _common(tree)
    turn_of = {id(action): turn.index for turn in tree.turns for action in turn.correct}
    for chosen, rejected in action_pairs(tree, limits):
        common = _named(row_of, row_of["parent_id"], tree, turn_of[id(chosen)])
        yield common | pair_columns(columns, tree.prompt, chosen.text, rejected.text)


def unpaired_rows(tree: Tree) -> Iterator[dict[str, Any]]:
    """One row an action that may enter pairs, with its label, whether its turn has the other side or not."""
    if tree.problem.verifier == "judge":
        return
    row_of = _common(tree)
    for turn in tree.turns:
        messages = _history(tree, turn.index)
        if messages is None:
            continue
        actions = [(action, True) for action in turn.correct] + [(a, False) for a in turn.incorrect if a.parses]
        for action, label in actions:
            own = digest([row_of["parent_id"], turn.index, action.text])
            yield _named(row_of, own, tree, turn.index) | unpaired_columns(messages, action.text, label=label)


def _common(tree: Tree) -> dict[str, Any]:
    """What all rows of a tree share, in the order of the published columns."""
    return {
        "id": "",
        "parent_id": parent_id(tree.problem),
        "task": tree.problem.task,
        "dataset": tree.problem.dataset,
    }


def _named(common: dict[str, Any], prefix: str, tree: Tree, turn: int) -> dict[str, Any]:
    # The published SFT rows have a hash of their own before the depth, the pairs that of their parent_id.
    return common | {"id": f"{prefix}_{tree.depth}_{turn + 1}"}


def _history(tree: Tree, turn: int) -> tuple[Message, ...] | None:
    """The messages before a turn; None where published rows don't tell them."""
    known = all(earlier.expanded is not None and earlier.reply is not None for earlier in tree.turns[:turn])
    return tree.history(turn) if known else None


def _ground_truth(reference: Reference) -> str:
    program = f"```python\n{reference.program.strip()}\n```" if reference.program else ""
    answer = f"The answer is {reference.answer}" if reference.answer else ""
    return "\n".join(part for part in ((reference.rationale or program).strip(), answer) if part)
