"""Metrics against brute force on small cases."""

import itertools
import random

import pytest

from preftree.evaluate.metrics import accuracy_rows, best_of_n, compare_pairs, rerank_curves, self_consistency
from preftree.records import Result


def _result(correct, answer=None, model="m", problem="p", dataset="d", sample=0):
    outcomes = ("correct",) if correct else ("wrong",)
    return Result(model, problem, dataset, sample, outcomes, ("",), answer=answer)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_best_of_n_is_the_mean_over_subsets(seed, n):
    draw = random.Random(seed)
    correct = [draw.random() < 0.4 for _ in range(5)]
    rewards = [draw.choice([0.0, 0.5, 1.0, 2.0]) for _ in range(5)]
    expected = []
    for subset in itertools.combinations(range(5), n):
        top = max(rewards[i] for i in subset)
        tied = [i for i in subset if rewards[i] == top]
        expected.append(sum(correct[i] for i in tied) / len(tied))
    assert best_of_n(correct, rewards, n) == pytest.approx(sum(expected) / len(expected))


@pytest.mark.parametrize(
    ("answers", "n", "score"),
    [
        pytest.param([("1", True), ("1", True), ("2", False)], 3, 1.0, id="majority-right"),
        pytest.param([("1", True), ("2", False), ("2", False)], 3, 0.0, id="majority-wrong"),
        pytest.param([("1", True), ("2", False)], 2, 0.5, id="tie-shared"),
        pytest.param([(None, False), ("1", True)], 2, 1.0, id="no-answer-has-no-vote"),
        pytest.param([(None, False), (None, False)], 2, 0.0, id="no-votes"),
        pytest.param([("1/2", True), ("0.5", True), ("3", False)], 3, 1.0, id="equal-answers-vote-together"),
        pytest.param([("1", True), ("2", False)], 1, 0.5, id="one-is-random"),
    ],
)
def test_self_consistency(answers, n, score):
    assert self_consistency([_result(right, answer) for answer, right in answers], n) == pytest.approx(score)


def _listed(samples, n):
    """Every subset, voted on: what `self_consistency` counts without listing."""
    scores = []
    for subset in itertools.combinations(samples, n):
        votes = [(True, "") if s.solved_by(1) else (False, s.answer) for s in subset if s.solved_by(1) or s.answer]
        most = max((votes.count(vote) for vote in votes), default=0)
        top = {vote for vote in votes if votes.count(vote) == most}
        scores.append(sum(right for right, _ in top) / len(top) if top else 0.0)
    return sum(scores) / len(scores)


@pytest.mark.parametrize("seed", range(20))
def test_self_consistency_is_the_mean_over_subsets(seed):
    draw = random.Random(seed)
    samples = [_result((answer := draw.choice("rrabc-")) == "r", answer.strip("-") or None) for _ in range(8)]
    for n in range(1, 9):
        assert self_consistency(samples, n) == pytest.approx(_listed(samples, n))


def test_self_consistency_of_many_samples():
    samples = [_result(i % 3 == 0, str(i % 3)) for i in range(64)]
    assert 1 / 3 < self_consistency(samples, 32) < 1


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


def test_curves_meet_at_one_and_stay_under_the_ceiling():
    draw = random.Random(1)
    samples = {str(p): [_result(draw.random() < 0.5, str(draw.randrange(4))) for _ in range(8)] for p in range(10)}
    rewards = {p: [draw.random() for _ in drawn] for p, drawn in samples.items()}
    rows = {(row["method"], row["n"]): row["value"] for row in rerank_curves(samples, rewards, (1, 2, 4, 8))}
    assert rows["reward model", 1] == pytest.approx(rows["random", 1])
    assert rows["pass@N", 1] == pytest.approx(rows["random", 1])
    for n in (1, 2, 4, 8):
        assert rows["random", n] == pytest.approx(rows["random", 1])
        assert max(rows["reward model", n], rows["self-consistency", n]) <= rows["pass@N", n] + 1e-12


def test_a_perfect_reward_reaches_the_ceiling():
    samples = {"p": [_result(i == 3) for i in range(8)]}
    rewards = {"p": [float(result.solved_by(1)) for result in samples["p"]]}
    rows = {(row["method"], row["n"]): row["value"] for row in rerank_curves(samples, rewards, (4,))}
    assert rows["reward model", 4] == pytest.approx(rows["pass@N", 4]) == pytest.approx(0.5)


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
