"""Metrics on small cases worked out by hand."""

import pytest

from preftree.evaluate.metrics import accuracy_rows, compare_pairs
from preftree.records import Result


def _result(correct, answer=None, model="m", problem="p", dataset="d", sample=0):
    outcomes = ("correct",) if correct else ("wrong",)
    return Result(model, problem, dataset, sample, outcomes, ("",), answer=answer)


def test_samples_of_one_problem_are_no_independent_evidence():
    results = [
        _result(problem in solved, model=model, problem=problem, sample=sample)
        for model, solved in (("a", "01234"), ("b", "0123456"))
        for problem in "0123456789"
        for sample in range(16)
    ]
    (row, _), _ = accuracy_rows(results, (1,), {})
    assert (row["value"], row["n"]) == (0.5, 10)
    assert row["high"] - row["low"] > 0.5
    (pair,) = compare_pairs(results, [("a", "b")], (1,), {"all": ("d",)})
    assert (pair["difference"], pair["n"], pair["p_value"]) == (pytest.approx(0.2), 10, 0.5)
    assert pair["low"] < 0 < pair["high"]


def test_accuracy_and_pairs():
    results = [
        Result(model, f"{dataset}{i}", dataset, 0, outcomes, ("", "")[: len(outcomes)])
        for model, dataset, all_outcomes in (
            ("a", "x", [("wrong", "correct"), ("wrong", "wrong")]),
            ("a", "y", [("undecided", "wrong")]),
            ("b", "x", [("correct",), ("correct",)]),
            ("b", "y", [("wrong", "wrong")]),
        )
        for i, outcomes in enumerate(all_outcomes)
    ]
    groups = {"only x": ["x"], "all": ["x", "y"]}
    rows, by_group = accuracy_rows(results, (1, 2), groups)
    values = {(row["dataset"], row["model"], row["turns"]): row["value"] for row in rows}
    assert values["x", "a", 1] == 0.0
    assert values["x", "a", 2] == 0.5
    assert values["x", "b", 1] == 1.0
    undecided = {(row["dataset"], row["model"]): row["undecided"] for row in rows if row["turns"] == 1}
    assert undecided["y", "a"] == 1
    assert {(r["group"], r["model"], r["turns"]): r["n"] for r in by_group}["all", "a", 1] == 3
    (pair,) = compare_pairs(results, [("a", "b")], (1,), {"only x": ["x"]})
    assert pair["difference"] == 1.0
    assert pair["p_value"] == pytest.approx(0.5)
