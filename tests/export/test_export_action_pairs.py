"""Single-turn action pairs: every limit holds, whatever the tree."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.export.action_pairs import ActionPairLimits, action_pairs
from preftree.export.rows import action_pair_rows, sft_rows
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict

REFERENCES = (Reference("6", rationale="Two threes."), Reference("6", program="print(2 * 3)"), Reference("6"))


def action(text: str, *, correct: bool, status: str = "ok") -> Action:
    return Action(
        text, "a", "sample", 0, observation=Observation(status), verdict=Verdict("correct" if correct else "wrong")
    )


def tree_of(turns: list[tuple[list[str], list[str]]]) -> Tree:
    problem = Problem("p", "GSM8K", "Math_PoT", "q", REFERENCES)
    made = tuple(
        Turn(
            i,
            correct=tuple(action(text, correct=True) for text in right),
            incorrect=tuple(action(text, correct=False) for text in wrong),
            expanded=0,
            reply="again",
        )
        for i, (right, wrong) in enumerate(turns)
    )
    return Tree("t", problem, (Message("user", "the question"),), made)


texts = st.lists(st.sampled_from(["u", "v", "w", "x", "y"]), max_size=4)


@given(
    turns=st.lists(st.tuples(texts, texts), min_size=1, max_size=5),
    product=st.integers(1, 30), pairs=st.integers(1, 12), uses=st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_limits_hold(turns: list[tuple[list[str], list[str]]], product: int, pairs: int, uses: int) -> None:
    tree = tree_of(turns)
    found = list(action_pairs(tree, ActionPairLimits(product, pairs, uses)))
    turn_of = {id(a): t.index for t in tree.turns for a in (*t.correct, *t.incorrect)}
    right = sum(len(t.correct) for t in tree.turns)
    wrong = sum(len(t.incorrect) for t in tree.turns)
    if right * wrong > product:
        assert not found
    assert len(found) <= pairs
    assert all(turn_of[id(c)] != turn_of[id(r)] and c.text != r.text for c, r in found)
    assert len({(id(c), id(r)) for c, r in found}) == len(found)
    for side in (0, 1):
        assert max(Counter(id(pair[side]) for pair in found).values(), default=0) <= uses
    # No pair that would still be allowed was left out.
    if found and right * wrong <= product and len(found) < pairs:
        used = Counter(id(a) for pair in found for a in pair)
        taken = {(id(c), id(r)) for c, r in found}
        for turn in tree.turns:
            for other in tree.turns:
                for c in turn.correct:
                    for r in other.incorrect:
                        free = turn.index != other.index and c.text != r.text and (id(c), id(r)) not in taken
                        assert not (free and used[id(c)] < uses and used[id(r)] < uses)


def test_rows_have_the_instruction_alone() -> None:
    tree = tree_of([(["right 1"], ["wrong 1"]), (["right 2"], ["wrong 2"])])
    rows = list(action_pair_rows(tree, ActionPairLimits()))
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("right 1", "wrong 2"), ("right 2", "wrong 1")]
    assert all(row["trajectory"] == [{"from": "user", "value": "the question"}] for row in rows)
    assert [row["id"][-4:] for row in rows] == ["_2_0", "_2_1"]
    assert list(rows[0]) == ["id", "parent_id", "task", "dataset", "trajectory", "chosen", "rejected"]


def test_code_that_is_no_python_enters_no_pair() -> None:
    tree = tree_of([(["right"], []), ([], ["wrong"])])
    broken = action("1 +", correct=False, status="syntax")
    second = Turn(1, correct=(), incorrect=(broken,), expanded=0, reply="again")
    assert list(action_pairs(tree, ActionPairLimits()))
    assert not list(action_pairs(Tree("t", tree.problem, tree.prompt, (tree.turns[0], second)), ActionPairLimits()))


def test_limits_are_checked() -> None:
    with pytest.raises(InputError, match="max_uses: expected at least 1"):
        ActionPairLimits(max_uses=0)


def test_ground_truth_stands_in_for_generated_actions() -> None:
    """One row for each that was generated; the data set's reasons, else its program, else the answer alone."""
    tree = tree_of([(["a", "b"], ["c"]), (["d"], [])])
    rows = list(sft_rows(tree, ground_truth=True))
    assert len(rows) == len(list(sft_rows(tree))) == 3
    assert [row["response"] for row in rows[:2]] == [
        "Two threes.\nThe answer is 6",
        "```python\nprint(2 * 3)\n```\nThe answer is 6",
    ]
