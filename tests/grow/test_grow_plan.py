"""Plans: closed forms where the schedule is fixed, intervals that hold, a pilot that is kept."""

import asyncio
from dataclasses import replace

import pytest
import world

from preftree.actors import Prices
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.grow import GrowSettings, grow
from preftree.grow.plan import Load, Priors, Seat, Spent, plan_from_pilot, plan_from_priors

LOAD = Load("sums", 1000, 50.0)
ACTOR = Seat("actor", "a", Prices(1.0, 0.0, 2.0))


def test_one_batch_of_one_turn_is_a_fixed_number_of_calls():
    settings = GrowSettings(batches=(20,), max_turns=1)
    plan = plan_from_priors([LOAD], [ACTOR], settings, Priors(action_tokens=(100, 100)))
    assert (plan.total.calls.low, plan.total.calls.mean, plan.total.calls.high) == pytest.approx((20_000,) * 3)
    assert plan.total.input_tokens.mean == pytest.approx(20_000 * 50)
    assert plan.total.usd.mean == pytest.approx(20_000 * (50 * 1.0 + 100 * 2.0) / 1e6)


def test_one_sample_at_a_time_until_both_kinds_are_there():
    """Every draw of a stage that stops at the first correct one: 1 + (1 - p) + … draws for certain rates."""
    settings = GrowSettings(batches=(1, 1, 2, 4, 12), max_turns=1)
    staged = plan_from_priors([LOAD], [ACTOR], settings, Priors())
    assert 2_000 <= staged.total.calls.low <= staged.total.calls.mean <= staged.total.calls.high < 20_000


def test_roles_are_asked_when_the_policy_asks_them():
    seats = [Seat(role, role) for role in ("actor", "escalation-1", "critic", "hints")]
    sure = Priors(pass_rate=(0.0, 0.0), stronger=(0.0, 0.0), leaks=(0.0, 0.0))
    silent = GrowSettings(batches=(2,), max_turns=3, critique_correct=False)
    calls = {row.role: row.calls.mean for row in plan_from_priors([LOAD], seats, silent, sure).rows}
    assert calls["critic"] == pytest.approx(2_000, rel=0.01)  # no tree ends before its last turn
    assert calls["actor"] == pytest.approx(6_000, rel=0.01)
    assert calls["hints"] == pytest.approx(3_000, rel=0.01)
    talking = plan_from_priors([LOAD], seats, replace(silent, critique_correct=True), sure)
    praised = {row.role: row.calls.mean for row in talking.rows}["critic"] - calls["critic"]
    assert 0 < praised < calls["hints"]  # one of each action that a hint made correct


def test_limits_make_the_time():
    slow = Seat("actor", "a", requests_per_minute=100.0)
    plan = plan_from_priors([LOAD], [slow], GrowSettings(batches=(1,), max_turns=1), Priors(call_s=(0.01, 0.01)))
    assert plan.time_s.mean == pytest.approx(600)


def test_a_pilot_of_equal_problems_has_no_spread():
    spent = [[Spent("actor", "a", 3, 300, 30, 0.5, 6.0)]] * 10
    plan = plan_from_pilot([LOAD], [ACTOR], GrowSettings(concurrency=10), {"sums": spent})
    assert (plan.total.calls.low, plan.total.calls.high) == pytest.approx((3_000, 3_000))
    assert plan.total.usd.mean == pytest.approx(500)
    assert plan.time_s.mean == pytest.approx(600)
    with pytest.raises(InputError, match="grew no problem"):
        plan_from_pilot([LOAD], [ACTOR], GrowSettings(), {})


@pytest.mark.parametrize("value", [(0.5,), (0.9, 0.1), ("a", "b")], ids=["one", "falling", "words"])
def test_wrong_priors_are_refused(value):
    with pytest.raises(InputError, match=r"plan\.pass_rate: expected \[lowest, highest\]"):
        Priors(pass_rate=value)


def test_a_pilot_is_kept(tmp_path):
    """Some problems first, then all: the forest is the one of an undisturbed run, without a call made twice."""
    problems, pilot = world.problems(6), {"sum-4", "sum-1"}

    def run(out, log, only=None):
        actors = world.actors(log)
        return asyncio.run(grow(problems, actors, world.SETTINGS, out, environment=world.JAIL, only=only))

    run(tmp_path / "a", tmp_path / "a.log", pilot)
    with Forest(tmp_path / "a", readonly=True) as forest:
        assert {tree.problem.id for tree in forest.trees()} == pilot
    run(tmp_path / "a", tmp_path / "a.log")
    run(tmp_path / "b", tmp_path / "b.log")
    with Forest(tmp_path / "a", readonly=True) as a, Forest(tmp_path / "b", readonly=True) as b:
        # In the same order; times of running are none of the forest's.
        first, second = (
            [(tree.id, [action.text for turn in tree.turns for action in (*turn.correct, *turn.incorrect)])
             for tree in one.trees()]
            for one in (a, b)
        )  # fmt: skip
        assert first == second
        assert a.problems() == b.problems()
    asked = (tmp_path / "a.log").read_text().split()
    assert sorted(asked) == sorted((tmp_path / "b.log").read_text().split())
