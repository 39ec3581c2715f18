"""Budgets: a ceiling that no order of answers exceeds, and that stops a run no earlier than one call at a time does."""

import asyncio
import tempfile
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from preftree.actors import Capabilities, Prices
from preftree.engine import Budget, Engine, run_all
from preftree.engine.budget import Spend, bound
from preftree.errors import ActorError, RequestRefusedError, Stopped
from preftree.forest import CallKey, Forest
from preftree.records import Message, Request, Sample

FREE = Prices()


def _request(max_tokens, text="q"):
    return Request(messages=(Message("user", text),), max_tokens=max_tokens)


@pytest.mark.parametrize(
    ("request_", "prices", "most"),
    [
        pytest.param(_request(10), FREE, Spend(1, 1 + 272 + 10), id="one-byte"),
        pytest.param(_request(10, "αβ"), FREE, Spend(1, 4 + 272 + 10), id="bytes-not-letters"),
        pytest.param(_request(10, "\ud83d"), FREE, Spend(1, 3 + 272 + 10), id="half-a-character"),
        pytest.param(Request(text="abc", prefill="de", max_tokens=1), FREE, Spend(1, 5 + 256 + 1), id="raw-text"),
        pytest.param(
            Request((Message("user", "q"),), max_tokens=10, samples=(4, 7)), FREE, Spend(1, 2 * 283), id="two-samples"
        ),
        pytest.param(_request(10), Prices(2.0, 1.0, 3.0), Spend(1, 283, (273 * 2 + 10 * 3) / 1e6), id="prices"),
        pytest.param(_request(10), Prices(2.0, 4.0, 3.0), Spend(1, 283, (273 * 4 + 10 * 3) / 1e6), id="dear-cache"),
    ],
)
def test_the_most_that_a_call_can_cost(request_, prices, most):
    assert bound(prices, request_) == most


@dataclass(frozen=True)
class Call:
    """One call: what it may write and what it does; `waits` turns of the loop go by before its answer."""

    max_tokens: int
    input_tokens: int
    output_tokens: int
    waits: int
    refused: bool

    @property
    def request(self):
        return _request(self.max_tokens)

    def spend(self, prices):
        if self.refused:
            return Spend()
        sample = self.sample
        return Spend(1, sample.input_tokens + sample.output_tokens, prices.cost_usd(sample))

    @property
    def sample(self):
        return Sample(0, "x", self.input_tokens, self.output_tokens)


class Meter:
    """Answers the calls of a list, by seed; keeps how much could have been spent at the worst moment."""

    name = identity = "meter"
    capabilities = Capabilities()

    def __init__(self, calls, prices):
        self.calls, self.prices = calls, prices
        self.ended, self.in_flight, self.worst = Spend(), [], Spend()

    async def sample(self, request):
        call, most = self.calls[request.seed], bound(self.prices, request)
        self.in_flight.append(most)
        possible = sum(self.in_flight, self.ended)
        self.worst = Spend(*map(max, zip(_units(self.worst), _units(possible), strict=True)))
        for _ in range(call.waits):
            await asyncio.sleep(0)
        self.in_flight.remove(most)
        self.ended += call.spend(self.prices)
        if call.refused:
            raise RequestRefusedError("no")
        return (call.sample,)


def _units(spend):
    return spend.calls, spend.tokens, spend.usd


def _answers(path, meter, budget, concurrency):
    """What a run of one call a conversation gives, as far as it came: index to sample, and why it stopped."""
    answered = {}

    async def run():
        with Forest(path) as forest:
            engine = Engine(forest, None, None, budget)

            async def one(index):
                request = meter.calls[index].request
                key = CallKey("t", 0, "a", "s", index)
                try:
                    answered[index] = await engine.ask(meter, key, Request(**_fields(request) | {"seed": index}))
                except RequestRefusedError:
                    answered[index] = None

            try:
                await run_all(engine, range(len(meter.calls)), one, concurrency=concurrency)
            except Stopped as stop:
                return str(stop)
            return None

    return answered, asyncio.run(run())


def _fields(request):
    return {name: getattr(request, name) for name in request.__slots__}


@st.composite
def _call(draw):
    max_tokens = draw(st.integers(1, 300))
    output_tokens = draw(st.integers(0, max_tokens))
    return Call(max_tokens, draw(st.integers(0, 273)), output_tokens, draw(st.integers(0, 6)), draw(st.booleans()))


def _one_at_a_time(calls, prices, budget):
    """How many calls a run sends that asks one at a time: the closed form."""
    spent = Spend()
    for number, call in enumerate(calls):
        worst = _units(spent + bound(prices, call.request))
        limits = (budget.calls, budget.tokens, budget.usd)
        if any(limit is not None and most > limit * (1 + 1e-9) for most, limit in zip(worst, limits, strict=True)):
            return number
        spent += call.spend(prices)
    return len(calls)


@settings(max_examples=60, deadline=None)
@given(
    calls=st.lists(_call(), min_size=1, max_size=10),
    budget=st.builds(
        Budget,
        st.none() | st.integers(0, 10),
        st.none() | st.integers(0, 3000),
        st.none() | st.floats(0, 4e-3, allow_subnormal=False),
    ),
    concurrency=st.integers(2, 10),
)
@example(calls=[Call(300, 0, 0, 3, False)] * 9, budget=Budget(tokens=573), concurrency=9)
def test_a_budget_is_a_ceiling_and_stops_where_one_call_at_a_time_would(calls, budget, concurrency):
    prices = Prices(1.0, 0.5, 3.0)
    meter = Meter(calls, prices)
    with tempfile.TemporaryDirectory() as path:
        answered, stopped = _answers(path, meter, budget, concurrency)
        with Forest(path, readonly=True) as forest:
            account = forest.account()
    sent = _one_at_a_time(calls, prices, budget)
    assert answered == {i: None if calls[i].refused else (calls[i].sample,) for i in range(sent)}
    assert (stopped is None) == (sent == len(calls))
    assert account.calls == sum(not call.refused for call in calls[:sent])
    assert account.unanswered_calls == 0
    for worst, limit in zip(_units(meter.worst), (budget.calls, budget.tokens, budget.usd), strict=True):
        assert limit is None or worst <= limit * (1 + 1e-9)


def test_a_budget_raised_step_by_step_ends_with_the_answers_of_no_budget(tmp_path):
    calls = [Call(50 + 10 * i, 9, 7 * i, i % 4, False) for i in range(12)]
    whole, stopped = _answers(tmp_path / "whole", Meter(calls, FREE), Budget(), 12)
    assert stopped is None
    budget, stops = 0, []
    while True:
        budget += 250
        answered, stopped = _answers(tmp_path / "steps", Meter(calls, FREE), Budget(tokens=budget), 5)
        with Forest(tmp_path / "steps", readonly=True) as forest:
            account = forest.account()
        assert account.input_tokens + account.output_tokens <= budget
        assert account.unanswered_calls == 0
        if stopped is None:
            break
        stops.append(stopped)
    assert answered == whole
    assert stops[0] == (
        "the budget of 250 tokens has 250 left, and the next call may take 323; "
        "raise it and run the same command again to go on"
    )


@pytest.mark.parametrize(
    "budget",
    [
        pytest.param(lambda most: Budget(calls=most.calls), id="calls"),
        pytest.param(lambda most: Budget(tokens=most.tokens), id="tokens"),
        pytest.param(lambda most: Budget(usd=most.usd), id="usd"),
    ],
)
def test_a_call_that_was_cut_off_counts_as_the_most_it_may_have_cost(tmp_path, budget):
    """By the run that lost it, and by the next."""
    prices = Prices(1.0, 1.0, 1.0)
    most = bound(prices, _request(5))

    class Broken(Meter):
        async def sample(self, request):
            raise ActorError("down")

    async def ask(meter, index, limits):
        with Forest(tmp_path) as forest:
            engine = Engine(forest, None, None, limits)
            for _ in range(2):
                try:
                    await engine.ask(meter, CallKey("t", 0, "a", "s", index), _request(5))
                except ActorError:
                    continue

    whole = Meter([Call(5, 0, 0, 0, False)], prices)
    once, twice = budget(most), budget(most + most)
    with pytest.raises(Stopped, match=r"is spent \(up to .* were spent by calls that were not answered\)"):
        asyncio.run(ask(Broken([], prices), 0, once))
    with pytest.raises(Stopped, match=r"is spent \(up to .* were spent by calls that were not answered\)"):
        asyncio.run(ask(whole, 0, once))
    asyncio.run(ask(whole, 0, twice))
    assert whole.ended.calls == 1
