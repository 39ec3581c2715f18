"""One thread that writes: statements come from anywhere in the event loop, and are committed in groups.

In:  SQL statements. Out: an awaitable that is done when the statement is on disk.
Always true: statements are committed in the order in which they came; those that wait while a commit runs
share the next one, so that a thousand callers pay for a few syncs; after a failure nothing more is written
and every later call says why.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from preftree.errors import ForestError
from preftree.forest.schema import PRAGMAS

# Bounds the memory of one transaction, far above what a few milliseconds of calls can bring.
_MAX_GROUP = 4096


@dataclass(frozen=True, slots=True)
class _Write:
    statement: str
    rows: Sequence[tuple[object, ...]]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Writer:
    """Owns the one connection that writes to `path`. `check` raises ForestError if it may not write any more."""

    def __init__(self, path: Path, check: Callable[[], None]) -> None:
        self._path, self._check = path, check
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._failed: str | None = None
        self._thread = threading.Thread(target=self._run, name="forest-writer", daemon=True)
        self._thread.start()

    async def write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        """Execute `statement` for each of `rows`; returns once they are committed to disk."""
        if self._failed is not None:
            raise ForestError(self._failed)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Write(statement, rows, loop, done))
        # A caller that is cancelled leaves its write to be committed all the same: the answer was paid for.
        await done

    def close(self) -> None:
        """Commit what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self._path, isolation_level=None)
            for pragma in PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error as fault:
            self._failed = f"{self._path}: can't be opened for writing ({fault})"
        open_ = True
        while open_:
            group = [self._queue.get()]
            while len(group) < _MAX_GROUP:
                try:
                    group.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            open_ = None not in group
            self._commit(connection, [write for write in group if write is not None])
        if connection is not None:
            connection.close()

    def _commit(self, connection: sqlite3.Connection | None, group: list[_Write]) -> None:
        error = self._failed
        if connection is not None and error is None and group:
            try:
                connection.execute("BEGIN IMMEDIATE")
                for write in group:
                    connection.executemany(write.statement, write.rows)
                self._check()
                connection.execute("COMMIT")
            except ForestError as fault:
                connection.execute("ROLLBACK")
                error = self._failed = str(fault)
            except Exception as fault:  # noqa: BLE001 (whatever it is, those who wait must hear of it)
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                error = self._failed = (
                    f"{self._path}: can't be written ({fault}); what was committed is kept, "
                    "so make room or mend the disk and run the same command again"
                )
        # One wake-up of a loop for all that it waits for: waking it for each write took a tenth of a call's time.
        waiting: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for write in group:
            waiting.setdefault(write.loop, []).append(write.done)
        for loop, done in waiting.items():
            loop.call_soon_threadsafe(_settle, done, error)


def _settle(waiting: Sequence[asyncio.Future[None]], error: str | None) -> None:
    for done in waiting:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(ForestError(error))
