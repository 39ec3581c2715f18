"""A cluster's budget: allotments that never exceed it, whatever the order of messages and whoever is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.engine import Budget
from preftree.engine.budget import Spend
from preftree.engine.treasury import Treasury

SHARDS = 3
LIMIT = Budget(calls=12, tokens=2000, usd=3.0)


class Worker:
    """What one shard's worker knows; it sends a call only within its allotment."""

    def __init__(self, treasury, shard):
        self.treasury, self.shard = treasury, shard
        self.spent, self.doubtful, self.flying = Spend(), Spend(), []
        self.limit = treasury.enter(shard, Spend(), Spend(), 0).limit

    @property
    def held(self):
        return sum(self.flying, Spend())

    def fits(self, most):
        total = self.spent + self.held + most
        return total.calls <= self.limit.calls and total.tokens <= self.limit.tokens and total.usd <= self.limit.usd

    def ask(self, most):
        answer = self.treasury.draw(self.shard, self.spent, self.held, self.doubtful, most)
        self.limit = answer.limit
        return answer.stop

    def land(self, share):
        most = self.flying.pop(0)
        self.spent += Spend(1, int(most.tokens * share), most.usd * share)

    def lose(self):
        """Killed; another worker reads the journal: what was in flight is possible spend."""
        self.spent, self.doubtful, self.flying = self.spent + self.held, self.doubtful + self.held, []
        self.limit = self.treasury.enter(self.shard, self.spent, self.doubtful, 0).limit


step = st.tuples(
    st.integers(0, SHARDS - 1),
    st.sampled_from(["call", "call", "call", "land", "land", "beat", "lose"]),
    st.integers(1, 600),
    st.floats(0, 1),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(step, max_size=60))
def test_no_order_of_messages_exceeds_the_budget(steps):
    treasury = Treasury(LIMIT, [Spend()] * SHARDS, [Spend()] * SHARDS, [0] * SHARDS)
    workers = [Worker(treasury, shard) for shard in range(SHARDS)]
    for shard, what, tokens, share in steps:
        worker, most = workers[shard], Spend(1, tokens, tokens / 500)
        if what == "call":
            stop = None if worker.fits(most) else worker.ask(most)
            if stop is None and worker.fits(most):
                worker.flying.append(most)
        elif what == "land" and worker.flying:
            worker.land(share)
        elif what == "beat":
            worker.ask(None)
        elif what == "lose":
            worker.lose()
        at_worst = sum((w.spent + w.held for w in workers), Spend())
        assert at_worst.calls <= 12
        assert at_worst.tokens <= 2000
        assert at_worst.usd <= 3.0 * (1 + 1e-6)


@pytest.mark.parametrize(
    ("flying", "need", "stopped"),
    [
        pytest.param([100, 100], 900, False, id="room-once-those-in-flight-have-ended"),
        pytest.param([], 1100, True, id="never"),
        pytest.param([500], 500, False, id="just"),
        pytest.param([500, 400], 1001, True, id="never-whatever-is-given-back"),
    ],
)
def test_a_run_stops_only_where_one_machine_would(flying, need, stopped):
    treasury = Treasury(Budget(tokens=1000), [Spend()] * 2, [Spend()] * 2, [0] * 2)
    treasury.draw(0, Spend(), Spend(len(flying), sum(flying)), Spend(), None)
    answer = treasury.draw(1, Spend(), Spend(), Spend(), Spend(1, need))
    assert (answer.stop is not None) is stopped
    assert answer.stop is None or "the next call may take" in answer.stop


def test_slack_is_given_back_when_others_need_it():
    treasury = Treasury(Budget(calls=8), [Spend()] * 2, [Spend()] * 2, [0] * 2)
    first = treasury.draw(0, Spend(), Spend(), Spend(), Spend(1, 10))
    assert first.limit == Budget(calls=1 + 7 // 4), "enough for the call, and some to spare"
    for held in range(6):
        answer = treasury.draw(1, Spend(), Spend(held), Spend(), Spend(1, 10))
        assert answer.limit.calls >= held + 1
    answer = treasury.draw(1, Spend(), Spend(6), Spend(), Spend(1, 10))
    assert answer.limit.calls == 6
    assert answer.scarce
    assert answer.stop is None
    assert treasury.draw(0, Spend(), Spend(1), Spend(), None).limit.calls == 1
    assert treasury.draw(1, Spend(), Spend(6), Spend(), Spend(1, 10)).limit.calls == 7
    assert "budget of 8 calls is spent" in treasury.draw(1, Spend(8), Spend(), Spend(), Spend(1, 1)).stop


def test_what_journals_say_counts_from_the_start_and_is_never_forgotten():
    """A worker prices its forerunner's unanswered calls only when it needs their actor; the treasury has it before."""
    treasury = Treasury(Budget(usd=1.0), [Spend(2, 0, 0.9), Spend()], [Spend(2, 0, 0.9), Spend()], [3, 4])
    assert treasury.totals().trees == 7
    assert treasury.enter(0, Spend(2, 0, 0.9), Spend(2, 0, 0.9), 3).limit == Budget(usd=0.0)
    treasury.draw(0, Spend(2, 0, 0.0), Spend(), Spend(2, 0, 0.0), None)
    stop = treasury.draw(1, Spend(), Spend(), Spend(), Spend(1, 1, 0.2)).stop
    assert "has 0.1 left" in stop
    assert "up to 0.9 were spent by calls that were not answered" in stop


def test_the_first_reason_to_stop_stays_and_reaches_all():
    treasury = Treasury(Budget(), [Spend()], [Spend()], [0])
    assert treasury.draw(0, Spend(), Spend(), Spend(), Spend(1, 1)).limit == Budget()
    treasury.stop("one")
    treasury.stop("two")
    assert treasury.report(0, Spend(3, 5), Spend(), 2).stop == "one"
    assert treasury.totals().spent == Spend(3, 5)
