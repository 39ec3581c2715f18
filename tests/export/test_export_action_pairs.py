"""Single-turn action pairs: every limit holds, whatever the tree, and as many are made as can be (oracle: networkx)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import networkx
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


texts = st.lists(st.sampled_from(["u", "v", "w", "x", "y", "z"]), max_size=4)


@given(
    turns=st.lists(st.tuples(texts, texts), min_size=1, max_size=5),
    product=st.integers(1, 30), pairs=st.integers(1, 12), uses=st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_limits_hold_and_no_pair_is_wasted(
    turns: list[tuple[list[str], list[str]]], product: int, pairs: int, uses: int
) -> None:
    tree = tree_of(turns)
    found = [(c.text, r.text) for c, r in action_pairs(tree, ActionPairLimits(product, pairs, uses))]
    assert found == [(c.text, r.text) for c, r in action_pairs(tree, ActionPairLimits(product, pairs, uses))]
    if len(turns) ** 2 > product:
        assert not found
        return
    assert len(set(found)) == len(found) <= pairs
    assert set(found) <= allowed(turns)
    for side in (0, 1):
        assert max(Counter(pair[side] for pair in found).values(), default=0) <= uses
    assert len(found) == min(pairs, maximum_flow(allowed(turns), uses))


def allowed(turns: list[tuple[list[str], list[str]]]) -> set[tuple[str, str]]:
    """Different texts, both in the tree, in no turn together."""
    everywhere = {(c, r) for right, _ in turns for c in right for _, wrong in turns for r in wrong if c != r}
    return everywhere - {(c, r) for right, wrong in turns for c in right for r in wrong}


def maximum_flow(edges: set[tuple[str, str]], uses: int) -> int:
    """How many pairs there can be, as networkx finds it."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(("source", "sink"))
    for c, r in edges:
        graph.add_edge("source", ("c", c), capacity=uses)
        graph.add_edge(("c", c), ("r", r), capacity=1)
        graph.add_edge(("r", r), "sink", capacity=uses)
    return int(networkx.maximum_flow_value(graph, "source", "sink"))


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        pytest.param([(["c"], ["r"])], [], id="one-turn"),
        pytest.param(
            [(["a"], ["p"]), (["b"], ["q"]), (["c"], ["r"])],
            ["aq", "ar", "bp", "br", "cp", "cq"], id="usual-tree-of-three",
        ),
        pytest.param([(["a"], ["p"])] * 4, [], id="four-turns-are-too-deep"),
        pytest.param(
            [([], ["p", "q", "r", "s"]), (["a"], []), (["b"], [])],
            ["ap", "aq", "ar", "bp", "bq", "bs"], id="each-action-thrice",
        ),
        pytest.param(
            [([], ["p", "q", "r", "s"]), (["a", "b", "c", "d"], [])],
            ["ap", "aq", "ar", "bp", "bq", "cr", "cs", "dr", "ds"], id="nine-an-instruction",
        ),
        pytest.param([(["a"], ["p"]), ([], ["p"]), ([], ["q"])], ["aq"], id="said-again-in-another-turn"),
    ],
)  # fmt: skip
def test_usual_trees(turns: list[tuple[list[str], list[str]]], found: list[str]) -> None:
    pairs = action_pairs(tree_of(turns), ActionPairLimits())
    assert [c.text + r.text for c, r in pairs] == found


def test_nobody_twice_while_another_could_once() -> None:
    tree = tree_of([(["a", "b", "c"], []), ([], ["p", "q", "r"])])
    pairs = action_pairs(tree, ActionPairLimits(max_pairs=3))
    assert [{pair[side].text for pair in pairs} for side in (0, 1)] == [{"a", "b", "c"}, {"p", "q", "r"}]


def test_rows_have_the_instruction_alone() -> None:
    tree = tree_of([(["right 1"], ["wrong 1"]), (["right 2"], ["wrong 2"])])
    rows = list(action_pair_rows(tree, ActionPairLimits()))
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("right 1", "wrong 2"), ("right 2", "wrong 1")]
    assert all(row["trajectory"] == [{"from": "user", "value": "the question"}] for row in rows)
    assert [row["id"][-4:] for row in rows] == ["_2_1", "_2_2"]
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
    rows = list(sft_rows(tree, response="reference"))
    assert len(rows) == len(list(sft_rows(tree))) == 3
    assert [row["response"] for row in rows[:2]] == [
        "Two threes.\nThe answer is 6",
        "```python\nprint(2 * 3)\n```\nThe answer is 6",
    ]


@pytest.mark.parametrize(
    ("reference", "response"),
    [
        pytest.param(Reference("6"), "The answer is 6", id="answer-alone"),
        pytest.param(Reference("6", "Two threes.", "2 * 3"), "Two threes.\nThe answer is 6", id="reasons-first"),
        pytest.param(Reference("", program="def f(): ..."), "```python\ndef f(): ...\n```", id="judged-by-tests"),
    ],
)
def test_what_a_reference_holds(reference: Reference, response: str) -> None:
    tree = tree_of([(["a"], [])])
    tree = replace(tree, problem=replace(tree.problem, references=(reference,)))
    assert [row["response"] for row in sft_rows(tree, response="reference")] == [response]
