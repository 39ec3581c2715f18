"""The servers that share one model's load: which of them is asked next, when, and which is left alone.

In:  calls that want a server, and what came of each sending. Out: a server for each call, counts of what happened.
Always true: calls are sent in the order in which they were first asked; a server gets no more than its limits and its
connections allow, nothing while it is paused, and one call only to try whether it is back.

A server is paused by a 429 for as long as it says (growing pauses where it does not say), and left alone after
`_OPENS_AFTER` faults in a row: the pause doubles each time that the one call that tries it fails (a circuit breaker).
"""

from __future__ import annotations

import heapq
import itertools
import random
from asyncio import CancelledError, Future, get_running_loop
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from preftree.actors.clock import Clock
from preftree.actors.limits import Bucket
from preftree.actors.web import Web

# Faults come in ones and twos from a healthy server; five in a row do not, even where every fifth answer is one.
_OPENS_AFTER = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_NEVER = float("inf")


def pause_s(times: int, first_s: float, longest_s: float = _LONGEST_PAUSE_S) -> float:
    """Twice as long each time, with a random part, so that many callers do not come back together."""
    return min(longest_s, first_s * 2.0 ** max(0, times - 1)) * random.uniform(0.5, 1.0)


@dataclass(slots=True, eq=False)
class Call:
    """Somebody who wants one answer. `tokens` is what it may use; `avoid` a server that has just failed it."""

    number: int
    asked_at: float
    tokens: int
    avoid: Server | None = None


@dataclass(slots=True, eq=False)
class Sending:
    """One call on its way to a server. `trying`: the one that tries whether the server is back."""

    server: Server
    tokens: int
    at: float
    trying: bool


@dataclass(slots=True, eq=False)
class Server:
    """One base URL: its connections, its limits, and how it has done."""

    url: str
    web: Web
    max_connections: int
    requests: Bucket | None
    tokens: Bucket | None
    num_sent: int = 0
    in_flight: int = 0
    faults: int = 0  # in a row
    closed_until: float = 0.0  # left alone until then; 0: open to all
    closings: int = 0  # in a row
    trying: bool = False
    paused_until: float = 0.0
    pauses: int = 0  # in a row
    paused_at: float = -_NEVER
    why: str = ""
    events: Counter[str] = field(default_factory=Counter)

    @property
    def down(self) -> bool:
        """Whether it is left alone, or one call is finding out if it is back."""
        return self.closed_until > 0

    @property
    def opens_at(self) -> float:
        """When its pauses end; not in the future: it is open."""
        return max(self.paused_until, self.closed_until)

    def ready_at(self, tokens: int, now: float) -> float:
        """The time from which a call may be sent; never, until something comes back, if it is full or being tried."""
        if self.in_flight >= self.max_connections or self.trying:
            return _NEVER
        ready = max(now, self.opens_at)
        if self.requests is not None:
            ready = max(ready, self.requests.ready_at(1, now))
        if self.tokens is not None:
            ready = max(ready, self.tokens.ready_at(tokens, now))
        return ready

    def send(self, tokens: int, now: float) -> Sending:
        """Count a call as sent."""
        self.num_sent += 1
        self.in_flight += 1
        self.trying = self.down
        if self.requests is not None:
            self.requests.take(1, now)
        if self.tokens is not None:
            self.tokens.take(tokens, now)
        return Sending(self, tokens, now, self.trying)


class Servers:
    """The line of calls before all servers of an actor."""

    def __init__(self, servers: Sequence[Server], clock: Clock, patience_s: float) -> None:
        self.all = tuple(servers)
        self.answered_at: float | None = None
        self._clock, self._patience_s = clock, patience_s
        self._line: list[tuple[int, Call, Future[Sending]]] = []
        self._numbers = itertools.count()
        self._wake: Callable[[], None] | None = None

    def call(self, tokens: int) -> Call:
        """A new call, behind all that came before it."""
        return Call(next(self._numbers), self._clock.now(), tokens)

    async def take(self, call: Call) -> Sending:
        """Wait for a server; TimeoutError, with a sentence, when none has answered anybody for too long."""
        if not self._line:
            ready = self._best(call, now := self._clock.now())
            if ready is not None:
                return ready.send(call.tokens, now)
        given: Future[Sending] = get_running_loop().create_future()
        heapq.heappush(self._line, (call.number, call, given))
        self._serve()
        try:
            return await given
        except CancelledError:
            if given.done() and not given.cancelled() and given.exception() is None:
                self.dropped(given.result())
            else:
                # The next in line may have waited for this one alone.
                self._serve()
            raise

    def others_open(self, server: Server) -> bool:
        """Whether there is another server, neither paused nor left alone."""
        now = self._clock.now()
        return any(other is not server and not other.down and other.opens_at <= now for other in self.all)

    # ------------------------------------------------------------ what came of it

    def answered(self, sending: Sending, tokens: int | None) -> None:
        """The server answered; `tokens` is what it counted (None: it does not say)."""
        server = sending.server
        self.answered_at = self._clock.now()
        if server.down:
            server.events["back again"] += 1
        server.faults = server.closings = server.pauses = 0
        server.closed_until = 0.0
        if server.tokens is not None and tokens is not None:
            server.tokens.give_back(sending.tokens - tokens)
        self._settled(sending)

    def failed(self, sending: Sending, why: str) -> None:
        """The server answered with a fault, or not at all."""
        server, now = sending.server, self._clock.now()
        server.faults += 1
        server.why = why
        # What was under way when the server was closed says nothing new.
        if sending.trying or (server.faults >= _OPENS_AFTER and not server.down):
            server.closings += 1
            server.closed_until = now + pause_s(server.closings, _FIRST_PAUSE_S)
            if not sending.trying:
                server.events["left alone"] += 1
        self._settled(sending)

    def limited(self, sending: Sending, why: str, after_s: float | None) -> None:
        """The server wants a pause, of `after_s` if it says so. It is there, but this is no answer."""
        server, now = sending.server, self._clock.now()
        server.why = why
        # Those that were under way when the pause began were sent too early, not too often.
        if sending.at > server.paused_at:
            server.pauses += 1
            server.paused_at = now
        pause = pause_s(server.pauses, _FIRST_PAUSE_S) if after_s is None else after_s
        server.paused_until = max(server.paused_until, now + pause)
        server.faults = server.closings = 0
        server.closed_until = 0.0
        self._settled(sending)

    def dropped(self, sending: Sending) -> None:
        """The call was given up: that says nothing of the server."""
        self._settled(sending)

    def _settled(self, sending: Sending) -> None:
        sending.server.in_flight -= 1
        if sending.trying:
            sending.server.trying = False
        if self._line:
            self._serve()

    # ------------------------------------------------------------ the line

    def _serve(self) -> None:
        """Send what may be sent, from the front; otherwise come back when that may have changed."""
        if self._wake is not None:
            self._wake()
            self._wake = None
        now = self._clock.now()
        while self._line:
            _, call, given = self._line[0]
            if given.done():
                heapq.heappop(self._line)
                continue
            server = self._best(call, now)
            if server is not None:
                heapq.heappop(self._line)
                given.set_result(server.send(call.tokens, now))
                continue
            in_flight = any(server.in_flight for server in self.all)
            wake_at = min(server.ready_at(call.tokens, now) for server in self.all)
            opens_at = min(server.opens_at for server in self.all)
            if not in_flight and opens_at > now:
                patient_until = max(call.asked_at, self.answered_at or 0.0) + self._patience_s
                if now >= patient_until or opens_at > patient_until:
                    heapq.heappop(self._line)
                    given.set_exception(TimeoutError(self._silence(opens_at - now, now >= patient_until)))
                    continue
            # A server that is full comes back to this line by itself.
            if wake_at < _NEVER:
                self._wake = self._clock.later(max(0.0, wake_at - now), self._woken)
            return

    def _woken(self) -> None:
        self._wake = None
        self._serve()

    def _best(self, call: Call, now: float) -> Server | None:
        """The least loaded server that is ready; one that has just failed this call only if there is no other."""
        best: tuple[bool, int, int] | None = None
        chosen = None
        for server in self.all:
            load = (server is call.avoid, server.in_flight, server.num_sent)
            if (best is None or load < best) and server.ready_at(call.tokens, now) <= now:
                best, chosen = load, server
        return chosen

    def _silence(self, opens_s: float, waited: bool) -> str:
        said = "; ".join(server.why for server in self.all if server.why)
        if waited:
            return f"no server has answered for {self._patience_s:g} s (patience_s): {said}"
        return (
            f"no server can be asked for {opens_s:.0f} s, longer than patience_s ({self._patience_s:g}) allows: {said}"
        )
