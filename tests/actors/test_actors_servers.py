"""Limits, pauses, the breaker and the line before several servers, on a clock that moves only when told to."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.actors.clock import Clock
from preftree.actors.limits import Bucket, asked_pause_s
from preftree.actors.servers import Sending, Server, Servers

DATE = 1_700_000_000.0


class Hand(Clock):
    """A clock that `run` moves to the next thing that is due, once nothing else can happen."""

    def __init__(self) -> None:
        self.at = 100.0
        self.due: list[tuple[float, int, Callable[[], None], list[bool]]] = []
        self.numbers = itertools.count()

    def now(self) -> float:
        return self.at

    def later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        cancelled: list[bool] = []
        heapq.heappush(self.due, (self.at + delay_s, next(self.numbers), call, cancelled))
        return lambda: cancelled.append(True)

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.Event()
        self.later(delay_s, woken.set)
        await woken.wait()

    def run(self, work: Awaitable[Any]) -> Any:
        async def moved() -> Any:
            task = asyncio.ensure_future(work)
            while not task.done():
                for _ in range(20):
                    await asyncio.sleep(0)
                if not task.done():
                    self.at, _, call, cancelled = heapq.heappop(self.due)
                    if not cancelled:
                        call()
            return task.result()

        return asyncio.run(moved())


def made(clock: Clock, number: int = 1, patience_s: float = 1000.0, **limits: Any) -> Servers:
    def bucket(name: str) -> Bucket | None:
        return Bucket(limits[name], clock.now()) if name in limits else None

    servers = [
        Server(f"s{i}", None, limits.get("connections", 8), bucket("requests"), bucket("tokens"))  # type: ignore[arg-type]
        for i in range(number)
    ]
    return Servers(servers, clock, patience_s)


# ---------------------------------------------------------------- limits


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_minute_holds_more_requests_than_the_limit(limit: int, waits: list[float]) -> None:
    now, sent = 0.0, []
    bucket = Bucket(limit, now)
    for wait in waits * 3:
        now += wait if wait > 4 else 0.0
        now = bucket.ready_at(1, now)
        bucket.take(1, now)
        sent.append(now)
    for first in range(0, len(sent), 7):
        assert sum(sent[first] <= at < sent[first] + 60 for at in sent) <= limit


def test_tokens_are_corrected_by_what_was_used() -> None:
    bucket = Bucket(6000, 0.0)
    bucket.take(100, 0.0)
    assert bucket.ready_at(50, 0.0) == pytest.approx(50 / (5901 / 60))
    bucket.give_back(50)
    assert bucket.ready_at(50, 0.0) == 0.0
    bucket.give_back(-1000)
    assert bucket.ready_at(100, 0.0) == pytest.approx(1050 / (5901 / 60))


def test_what_is_larger_than_a_limit_passes_alone() -> None:
    bucket = Bucket(60, 0.0)
    assert bucket.ready_at(500, 0.0) == 0.0
    bucket.take(500, 0.0)
    assert bucket.ready_at(1, 0.0) == pytest.approx(500)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, None, id="silent"),
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param({"retry-after": "0.5"}, 0.5, id="half"),
        pytest.param({"retry-after": "-3"}, 0.0, id="below-nothing"),
        pytest.param({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0, id="date"),
        pytest.param({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0, id="past-date"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "nan"}, None, id="nan"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": "1 Jan 99999999999999999999 00:00:00 GMT"}, None, id="a-year-of-no-clock"),
        pytest.param({"retry-after": "Mon, 01 Jan 2020 00:00:00 +9999"}, None, id="a-zone-of-no-clock"),
        pytest.param({"retry-after": "9" * 400}, None, id="endless"),
        pytest.param({"retry-after": "9" * 400 + "h"}, None, id="endless-span"),
        pytest.param({"retry-after": "1e300"}, None, id="centuries"),
        pytest.param({"retry-after-ms": "9" * 400, "retry-after": "7"}, 7.0, id="the-one-that-can-be"),
        pytest.param({"retry-after-ms": "250", "retry-after": "1"}, 0.25, id="milliseconds"),
        pytest.param({"x-ratelimit-reset-requests": "6m0s"}, 360.0, id="span"),
        pytest.param({"x-ratelimit-reset-tokens": "20ms"}, 0.02, id="span-ms"),
        pytest.param(
            {
                "x-ratelimit-reset-requests": "1h1s",
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-tokens": "1.5s",
                "x-ratelimit-remaining-tokens": "0",
            },
            1.5,
            id="the-one-that-is-spent",
        ),
        pytest.param({"x-ratelimit-reset": str(DATE + 9)}, 9.0, id="epoch"),
        pytest.param({"x-ratelimit-reset": str((DATE + 9) * 1000)}, 9.0, id="epoch-ms"),
    ],
)
def test_what_pause_is_asked_for(headers: dict[str, str], expected: float | None) -> None:
    assert asked_pause_s(headers, DATE) == (expected if expected is None else pytest.approx(expected))


# ---------------------------------------------------------------- the line


def test_calls_are_sent_in_the_order_of_asking_and_never_too_fast() -> None:
    clock = Hand()
    servers, sent = made(clock, requests=60.0), []

    async def one(number: int) -> None:
        sending = await servers.take(servers.call(1))
        sent.append((number, clock.now()))
        servers.answered(sending, 1)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(6)))

    clock.run(all_of_them())
    assert [number for number, _ in sent] == list(range(6))
    assert [at - 100 for _, at in sent] == pytest.approx([0, 1, 2, 3, 4, 5])


def test_the_least_loaded_server_is_taken() -> None:
    clock = Hand()
    servers = made(clock, 3)

    async def work() -> list[str]:
        taken = [await servers.take(servers.call(1)) for _ in range(6)]
        servers.answered(taken[1], 1)
        return [sending.server.url for sending in [*taken, await servers.take(servers.call(1))]]

    assert clock.run(work()) == ["s0", "s1", "s2", "s0", "s1", "s2", "s1"]


async def _fail(servers: Servers, times: int) -> None:
    for sending in [await servers.take(servers.call(1)) for _ in range(times)]:
        servers.failed(sending, f"{sending.server.url} is away")


def test_a_server_that_fails_is_left_alone_and_tried_by_one_call() -> None:
    clock = Hand()
    servers = made(clock)
    (server,) = servers.all

    async def work() -> list[float]:
        await _fail(servers, 5)
        assert server.down
        waits = []
        for _ in range(4):
            before = clock.now()
            trying = await servers.take(servers.call(1))
            waits.append(clock.now() - before)
            assert server.ready_at(1, clock.now() + 1e6) == float("inf")  # nobody else meanwhile
            servers.failed(trying, "still away")
        servers.answered(await servers.take(servers.call(1)), 1)
        assert not server.down
        return waits

    waits = clock.run(work())
    for wait, longest in zip(waits, (1, 2, 4, 8), strict=True):
        assert longest / 2 <= wait <= longest
    assert server.events == {"left alone": 1, "back again": 1}


def test_two_of_three_die_and_come_back() -> None:
    clock = Hand()
    servers = made(clock, 3, connections=2)
    answered = []

    async def one(number: int) -> None:
        call = servers.call(1)
        while True:
            sending = await servers.take(call)
            await clock.sleep(0.1)
            if sending.server.url != "s2" and 101 < clock.now() < 110:
                servers.failed(sending, "away")
                call.avoid = sending.server
                continue
            servers.answered(sending, 1)
            answered.append((number, sending.server.url, clock.now()))
            return

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(900)))

    clock.run(all_of_them())
    assert sorted(number for number, _, _ in answered) == list(range(900))
    assert {url for _, url, at in answered if 102 < at < 110} == {"s2"}
    assert {url for _, url, at in answered if at > 118} == {"s0", "s1", "s2"}
    # While away they were asked a few times, not hundreds.
    assert sum(server.num_sent for server in servers.all) < 960


def test_a_429_pauses_the_whole_server_and_is_no_fault() -> None:
    clock = Hand()
    servers = made(clock)
    (server,) = servers.all

    async def work() -> float:
        first = [await servers.take(servers.call(1)) for _ in range(6)]
        for sending in first:
            servers.limited(sending, "slow down", 7.0)
        await servers.take(servers.call(1))
        return clock.now() - 100

    assert clock.run(work()) == pytest.approx(7.0)
    assert (server.faults, server.pauses, server.down) == (0, 1, False)


@pytest.mark.parametrize("after_s", [None, 50.0], ids=["silent", "told"])
def test_patience_ends(after_s: float | None) -> None:
    clock = Hand()
    servers = made(clock, patience_s=300.0)

    async def work() -> None:
        call = servers.call(1)
        while True:
            servers.limited(await servers.take(call), "s0 is limited", after_s)

    with pytest.raises(TimeoutError, match=r"no server .*patience_s.*: s0 is limited"):
        clock.run(work())
    assert 200 < clock.now() - 100 <= 300


def test_a_pause_longer_than_patience_is_not_waited_for() -> None:
    clock = Hand()
    servers = made(clock)

    async def work() -> None:
        servers.limited(await servers.take(servers.call(1)), "come tomorrow", 86400.0)
        await servers.take(servers.call(1))

    with pytest.raises(TimeoutError, match=r"no server can be asked for 86400 s, longer than patience_s \(1000\)"):
        clock.run(work())
    assert clock.now() == 100


def test_calls_that_are_given_up_leave_no_trace() -> None:
    clock = Hand()
    servers = made(clock, connections=1)
    (server,) = servers.all

    async def work() -> None:
        held = await servers.take(servers.call(1))
        waiting: list[asyncio.Task[Sending]] = [asyncio.ensure_future(servers.take(servers.call(1))) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        servers.dropped(held)  # gives the place to the second, which is cancelled before it wakes
        waiting[1].cancel()
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        servers.answered(await waiting[2], 1)

    clock.run(work())
    assert (server.in_flight, server.faults) == (0, 0)
