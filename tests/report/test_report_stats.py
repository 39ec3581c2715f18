"""A forest's statistics: counts by hand, pass@k against closed forms, the paper's rows beside ours."""

import random

import pytest

from preftree.forest.raw import Drawn, RawTree
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict, to_json
from preftree.report.forest_stats import forest_stats
from preftree.report.forest_tables import paper_row, paper_table, pass_table, stage_table, table1, table7, writers_table
from preftree.report.pass_at import ALL, Draws, by_problem, pass_at_table
from preftree.statistics import pass_at_k


def action(outcome, actor="a", stage="sample", sample=0, status="ok"):
    return Action(f"{outcome} {sample}", actor, stage, sample, None, Observation(status), Verdict(outcome))


def raw(name, turns, task="Math_PoT", dataset="GSM8K", drawn=None):
    problem = Problem(name, dataset, task, "one two three", (Reference("1", "why"),))
    tree = Tree(name, problem, (Message("user", "one two three"),), tuple(turns))
    if drawn is None:
        drawn = [[*turn.correct, *turn.incorrect] for turn in turns]
    rows = [[Drawn(a.stage, a.actor, a.sample, a.verdict.outcome) for a in turn] for turn in drawn]
    return RawTree(to_json(tree), rows)


def test_tables_by_hand():
    right, wrong = action("correct"), action("wrong", "b", sample=1)
    syntax = action("wrong", "b", sample=2, status="syntax")
    first = Turn(0, (right,), (wrong, syntax), 0, "c", "no try again", leaked=True)
    trees = [
        raw("two turns", [first, Turn(1, (right,), (wrong,))]),
        raw("at once", [Turn(0, (right,))]),
        raw("one turn, many", [Turn(0, (right, right), (wrong,))], task="Math_CoT"),
    ]
    stats, _ = forest_stats(trees)
    inter, once = stats.table1
    assert (inter.interaction, inter.tool, inter.instructions, inter.turns) == (True, "yes", 2, (1, 1, 0, 0, 0))
    assert (inter.pairs, inter.correct_answers) == (2, 3)
    # "one two three", "wrong 1", "no try again", "correct 0"; and "one two three", "correct 0".
    assert inter.length_per_trajectory == pytest.approx((3 + 2 + 3 + 2 + 3 + 2) / 2)
    assert (once.interaction, once.tool, once.turns, once.trajectories_per_instruction) == (False, "no", (2,), 2.0)
    assert once.pairs == 2
    assert stats.pairs_by_actors == {"a over b": 4}
    assert (stats.critiques, stats.leaked_critiques) == (1, 1)
    assert [row.dataset for row in stats.table7] == ["GSM8K", "GSM8K"]
    for table in (table1, table7, pass_table, stage_table, writers_table):
        table(stats)


def test_challenging_problems_reached_the_references():
    hinted, wrong = action("correct", stage="reference"), action("wrong")
    trees = [raw("hard", [Turn(0, (hinted,), (wrong,))]), raw("easy", [Turn(0, (action("correct"),))])]
    stats, _ = forest_stats(trees, max_turns=1)
    assert (stats.challenging.ids, stats.challenging.first_turn) == (("hard",), 1)
    assert {row.stage: row.turns for row in stats.stages} == {"sample": 1, "reference": 1}


def test_pass_at_k_of_equal_draws_is_the_unbiased_estimator():
    draws = [Draws(str(c), "d", "Math_PoT", 8, c, 0 if c else None) for c in range(9)]
    table = pass_at_table(draws, [8])
    assert table.estimator == "all samples"
    for row in table.rows:
        assert row.value == pytest.approx(sum(pass_at_k(8, c, row.k) for c in range(9)) / 9)


def test_pass_at_k_of_staged_draws_is_unbiased():
    """A thousand problems of one pass rate: the mean is near 1 - (1 - p)^k, where the plain estimator is not."""
    draw, rate, draws = random.Random(1), 0.3, []
    for name in range(4000):
        outcomes = []
        for size in (1, 1, 2, 4, 12):
            if any(outcomes) and not all(outcomes):
                break
            outcomes += [draw.random() < rate for _ in range(size)]
        first = outcomes.index(True) if any(outcomes) else None
        draws.append(Draws(str(name), "d", "Math_PoT", len(outcomes), sum(outcomes), first))
    table = pass_at_table(draws, [1, 1, 2, 4, 12])
    assert (table.estimator, table.cap, table.left_out) == ("first k", 20, 0)
    for row in table.rows:
        assert row.value == pytest.approx(1 - (1 - rate) ** row.k, abs=0.025)
    biased = sum(one.correct / one.drawn for one in draws) / len(draws)
    assert abs(biased - rate) > 0.05
    assert by_problem(draws[0], table)["20"] == float(draws[0].first is not None)


def test_samples_that_ended_for_no_known_reason_are_left_out():
    draws = [Draws("a", "x", "", 4, 0, None), Draws("b", "x", "", 2, 0, None), Draws("c", "y", "", 1, 1, 0)]
    table = pass_at_table(draws, [1, 1, 2])
    assert table.left_out == 1
    assert {(row.dataset, row.k): row.value for row in table.rows if row.k == 4} == {
        ("x", 4): 0.0, ("y", 4): 1.0, (ALL, 4): 0.5,
    }  # fmt: skip
    assert by_problem(draws[1], table) is None


def test_the_papers_rows_are_found_by_source():
    stats, _ = forest_stats([raw("a", [Turn(0, (action("correct"),))], "Coding", "codecontest")])
    assert paper_row(stats.table7[0])["pairs"] == "44319"
    assert paper_row(stats.table1[0])["t1"] == "13265"
    assert len(paper_table(7)) == 16
    stats, _ = forest_stats([raw("a", [Turn(0)], dataset="mine")])
    assert paper_row(stats.table7[0]) is None
