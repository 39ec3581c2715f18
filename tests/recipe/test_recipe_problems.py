"""Dealing problems into splits, and what is refused before any call is paid."""

from __future__ import annotations

import json

import pytest

from preftree.errors import InputError
from preftree.recipe.stages.problems import Settings, _deal_families, _deal_own, read_problems


def _own(tmp_path, rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def test_a_group_stands_in_one_split(tmp_path):
    rows = [{"problem": f"{form} {i}+1", "answer": i + 1, "group": f"g{i}"} for i in range(12) for form in ("a", "b")]
    splits = {"train": {"any": 12}, "held-out": {"any": 12}}
    dealt, _ = _deal_own(Settings(splits=splits, own=_own(tmp_path, rows)))
    train, held_out = ({problem.group for problem in dealt[split]} for split in splits)
    assert train
    assert held_out
    assert not train & held_out
    assert all(len(dealt[split]) == 12 for split in splits)


def test_each_split_has_a_group_where_there_are_enough(tmp_path):
    rows = [{"problem": f"{form} {i}", "answer": 1, "group": f"g{i}"} for i in range(3) for form in "abcdefgh"]
    splits = {"one": {"any": 20}, "two": {"any": 2}, "held-out": {"any": 2}}
    dealt, _ = _deal_own(Settings(splits=splits, own=_own(tmp_path, rows)))
    assert [len({problem.group for problem in dealt[split]}) for split in splits] == [1, 1, 1]


def test_a_generator_that_runs_dry_is_told():
    with pytest.raises(InputError, match=r"split held-out: family gsm8k: .* expected 100000"):
        _deal_families(Settings(splits={"train": {"gsm8k": 5}, "held-out": {"gsm8k": 100000}}))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param({"answer": 1, "verifier": "maths"}, 'field "verifier": expected one of math, ', id="verifier"),
        pytest.param({"answer": 1, "verifier": "code"}, "for a problem with tests", id="code-without-tests"),
        pytest.param({"answer": 1, "tools": ["bing"]}, 'field "tools": expected some of python, ', id="tool"),
    ],
)
def test_names_that_there_are_not(tmp_path, row, told):
    path = _own(tmp_path, [{"problem": "p", **row}])
    with pytest.raises(InputError, match=told.replace("(", ".")):
        read_problems(path)


def test_tests_of_own_problems(tmp_path):
    tests = {"code": "assert double(2) == 4", "names": ["double"]}
    path = _own(
        tmp_path,
        [
            {"problem": "Write double(x).", "tests": tests},
            {"problem": "Again, with a program.", "tests": tests, "program": "def double(x):\n    return 2 * x"},
        ],
    )
    bare, solved = read_problems(path)
    assert (bare.verifier, bare.task, bare.references) == ("code", "Coding", ())
    assert bare.tests is not None
    assert bare.tests.names == ("double",)
    assert solved.references[0].program is not None


def test_broken_tests_are_set_aside_with_their_field(tmp_path):
    path = _own(tmp_path, [{"problem": "p", "tests": {"names": ["f"]}}])
    with pytest.raises(InputError, match='field "tests": neither code nor cases'):
        read_problems(path)
