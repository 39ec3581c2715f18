"""A worker's share of a cluster's budget, and its line to the driver.

In:  what the worker's shard has spent; an engine at work. Out: a ledger for that engine; its stop, when the run stops.
Always true: nothing is held beyond the allotment that the treasury gave; where the line is dead, the engine is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from preftree.engine.budget import Budget, Ledger, Spend
from preftree.engine.calls import Engine
from preftree.engine.treasury import Allotment, within
from preftree.errors import ClusterError, Stopped

_BEAT_S = 0.5  # between signs of life: how late a stop may reach a worker
_POLL_S = 0.1  # between requests for an allotment that others still hold
_DEAD = "the cluster's ledger is lost; run the same command again to go on"


class Share:
    """A shard's part of a cluster's budget, and its line to the driver. Made by the driver, used in one worker."""

    def __init__(self, treasury: Any, shard: int) -> None:
        self._treasury, self._shard = treasury, shard
        self._entered: Allotment | None = None
        self._ledger: _SharedLedger | None = None
        self.trees = 0
        self.engine: Engine | None = None

    def enter(self, spent: Spend, doubtful: Spend, trees: int) -> None:
        """Say what the shard's journal says; raises Stopped if the run is to stop."""
        import ray

        self.trees = trees
        try:
            self._entered = ray.get(self._treasury.enter.remote(self._shard, spent, doubtful, trees))
        except ray.exceptions.RayError as fault:
            raise ClusterError(_DEAD) from fault
        if self._entered.stop is not None:
            raise Stopped(self._entered.stop)

    def ledger(self, spent: Spend) -> Ledger:
        """For the engine of this worker."""
        if self._entered is None:
            raise ClusterError("a share is used before its shard was entered")
        self._ledger = _SharedLedger(self, self._entered.limit, spent)
        return self._ledger

    @contextmanager
    def watching(self, engine: Engine) -> Iterator[None]:
        """Tell the driver how far `engine` is, and stop it when the run stops, until the block ends."""
        self.engine = engine
        beating = asyncio.get_running_loop().create_task(self._beat(engine))
        try:
            yield
        finally:
            beating.cancel()

    async def leave(self) -> None:
        """The last sums, before the worker ends."""
        if self._ledger is not None:
            await self._ledger.report(self.trees)

    async def ask(self, method: str, *values: object) -> Allotment:
        """What the treasury answers; ClusterError if it is lost."""
        import ray

        try:
            answer: Allotment = await getattr(self._treasury, method).remote(self._shard, *values)
        except ray.exceptions.RayError as fault:
            raise ClusterError(_DEAD) from fault
        return answer

    async def _beat(self, engine: Engine) -> None:
        while True:
            try:
                if self._ledger is not None:
                    answer = await self._ledger.report(self.trees)
                    if answer.stop is not None:
                        engine.stop(answer.stop)
            except ClusterError as failure:
                engine.stop(str(failure))
                return
            await asyncio.sleep(_BEAT_S)


class _SharedLedger(Ledger):
    """A ledger whose limit is an allotment: where that does not do, the treasury is asked for more."""

    def __init__(self, share: Share, limit: Budget, spent: Spend) -> None:
        super().__init__(limit, spent)
        self._share = share
        self._drawing = asyncio.Lock()

    async def refusal(self, most: Spend) -> str | None:
        """Wait until the call fits, or can't in this run, or the engine stops."""
        while True:
            answer = await self._draw(most)
            if answer.stop is not None:
                return answer.stop
            engine = self._share.engine
            if self.fits(most) or (engine is not None and engine.stopped is not None):
                return None
            await asyncio.sleep(_POLL_S)

    async def report(self, trees: int) -> Allotment:
        answer = await self._share.ask("report", self._spent, self._unanswered, trees)
        return await self._draw(None) if answer.scarce else answer

    async def _draw(self, need: Spend | None) -> Allotment:
        async with self._drawing:
            # Until the answer is here nothing else may be sent: what is not spent or held is given back.
            self._budget = within(self._budget, self._spent + self._all_held)
            answer = await self._share.ask("draw", self._spent, self._all_held, self._unanswered, need)
            self._budget = answer.limit
            return answer
