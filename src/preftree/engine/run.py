"""Many conversations at once, with a clean stop.

In:  items and an async worker. Out: results in the order of the items.
Always true: after the first failure or interrupt nothing new begins, what is in flight is awaited (its answers are
paid for and get committed), and then the first failure is raised.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from preftree.engine.calls import Engine
from preftree.errors import Stopped

Item = TypeVar("Item")
Out = TypeVar("Out")


async def run_all(
    engine: Engine, items: Iterable[Item], work: Callable[[Item], Awaitable[Out]], *, concurrency: int
) -> list[Out]:
    """`work` on every item, at most `concurrency` at a time; an item is taken from `items` when its turn comes."""
    waiting = enumerate(items)
    results: dict[int, Out] = {}
    failures: list[Exception] = []

    async def worker() -> None:
        for place, item in waiting:
            if engine.stopped is not None:
                return
            try:
                result = await work(item)
            except Exception as failure:  # noqa: BLE001 (kept, and raised below once the others have settled)
                failures.append(failure)
                engine.stop(str(failure))
                return
            if result is not None:
                results[place] = result

    with _interruptible(engine):
        await asyncio.gather(*(worker() for _ in range(concurrency)))
    # A real failure explains more than the stop that it caused in the others.
    failures.sort(key=lambda failure: isinstance(failure, Stopped))
    if failures:
        raise failures[0]
    if engine.stopped is not None:
        raise Stopped(engine.stopped)
    return [results[place] for place in sorted(results)]


async def together(*work: Awaitable[Out]) -> list[Out]:
    """Results in order, once all have ended, however they end; then the first failure that is no stop is raised.

    `asyncio.gather` would raise at once and leave the others to run on: a call in flight would outlive the forest
    that is to keep its answer.
    """
    ended = await asyncio.gather(*work, return_exceptions=True)
    failures = [end for end in ended if isinstance(end, BaseException)]
    failures.sort(key=lambda failure: isinstance(failure, Stopped))
    if failures:
        raise failures[0]
    return [end for end in ended if not isinstance(end, BaseException)]


@contextmanager
def _interruptible(engine: Engine) -> Iterator[None]:
    """Ctrl-C or SIGTERM once: stop cleanly. Twice: at once."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupt() -> None:
        if engine.stopped is not None and task is not None:
            task.cancel()
        engine.stop("interrupted; run the same command again to go on")

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt)
    except (RuntimeError, ValueError):  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
