"""Records survive a round trip, and wrong JSON names the record and the field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.records import (
    Action,
    Message,
    Observation,
    Problem,
    Reference,
    Request,
    Result,
    Sample,
    Tree,
    Turn,
    Verdict,
    canonical,
    digest,
    from_json,
    to_json,
)

_text = st.text(max_size=20)
_observations = st.builds(
    Observation, status=st.sampled_from(["ok", "error", "time"]), output=_text, value=st.none() | _text
)
_verdicts = st.builds(Verdict, outcome=st.sampled_from(["correct", "wrong", "undecided"]), why=_text)
_actions = st.builds(
    Action,
    text=_text,
    actor=_text,
    stage=_text,
    sample=st.integers(0, 20),
    code=st.none() | _text,
    observation=st.none() | _observations,
    verdict=st.none() | _verdicts,
    input_tokens=st.integers(0, 99),
    output_tokens=st.integers(0, 99),
    truncated=st.booleans(),
)
_problems = st.builds(
    Problem,
    id=_text,
    dataset=_text,
    task=st.sampled_from(["Math_PoT", "Math_CoT", "Coding", "Logic"]),
    instruction=_text,
    references=st.lists(st.builds(Reference, answer=_text), min_size=1, max_size=3).map(tuple),
)
_turns = st.builds(
    Turn,
    index=st.integers(0, 4),
    correct=st.lists(_actions, max_size=2).map(tuple),
    incorrect=st.lists(_actions, max_size=2).map(tuple),
    expanded=st.none() | st.integers(0, 1),
    critique=st.none() | _text,
    reply=st.none() | _text,
    leaked=st.booleans(),
    num_samples=st.integers(0, 20),
)
_trees = st.builds(
    Tree,
    id=_text,
    problem=_problems,
    prompt=st.just((Message("user", "x"),)),
    turns=st.lists(_turns, max_size=3).map(tuple),
)


@given(_trees)
def test_round_trip(tree):
    assert from_json(Tree, json.loads(canonical(tree))) == tree
    assert digest(from_json(Tree, to_json(tree))) == digest(tree)


@pytest.mark.parametrize(
    ("cls", "data", "said"),
    [
        pytest.param(Message, {"role": "user"}, "content", id="missing"),
        pytest.param(Message, {"role": "boss", "content": "x"}, "Message.role", id="not-a-role"),
        pytest.param(Message, {"role": "user", "content": 3}, "Message.content: expected str, got int", id="type"),
        pytest.param(Message, {"role": "user", "content": "x", "to": "y"}, 'unknown field "to"', id="unknown"),
        pytest.param(Request, {"samples": 3}, "Request.samples: expected a list", id="not-a-list"),
        pytest.param(Sample, {"index": True, "text": ""}, "Sample.index: expected int, got bool", id="bool"),
        pytest.param(Problem, {"references": [{"answer": None}]}, "Reference.answer", id="nested"),
        pytest.param(Problem, [], "Problem: expected an object, got list", id="not-an-object"),
    ],
)
def test_wrong_json_names_the_field(cls, data, said):
    with pytest.raises(ValueError, match=r".") as caught:
        from_json(cls, data)
    assert said in str(caught.value)


def test_whole_numbers_are_accepted_for_floats():
    assert from_json(Request, {"temperature": 1}).temperature == 1.0


def test_history_goes_through_the_expanded_actions():
    wrong = Action("a1", "m", "sample", 0)
    turns = (Turn(0, incorrect=(wrong,), expanded=0, reply="r1"), Turn(1))
    tree = Tree("t", Problem("p", "d", "Math_PoT", "q", (Reference("1"),)), (Message("user", "q"),), turns)
    assert [(m.role, m.content) for m in tree.history(1)] == [("user", "q"), ("assistant", "a1"), ("user", "r1")]
    with pytest.raises(ValueError, match="turn 1 was not expanded"):
        tree.history(2)


@pytest.mark.parametrize(
    ("outcomes", "turns", "solved"),
    [
        pytest.param(("correct",), 1, True, id="first"),
        pytest.param(("wrong", "correct"), 1, False, id="too-late"),
        pytest.param(("wrong", "correct"), 2, True, id="second"),
        pytest.param(("undecided",), 3, False, id="undecided-is-not-correct"),
    ],
)
def test_solved_by(outcomes, turns, solved):
    assert Result("m", "p", "d", 0, outcomes, ()).solved_by(turns) is solved
