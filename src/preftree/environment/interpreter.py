"""The pool of jails, seen as one interpreter.

In:  code and the earlier actions of its trajectory. Out: an `Observation`, never a verdict.
Always true: jails start with the first use and are as many as the settings say; more calls wait their turn; a
call whose jail fails is made once more in a fresh one, then it is `broken`; after `close` no process is left.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Sequence
from types import TracebackType

from preftree.environment import observe
from preftree.environment.settings import EnvironmentSettings, Past
from preftree.environment.worker import Worker, WorkerLostError
from preftree.errors import InputError
from preftree.records import Observation

_ATTEMPTS = 2


class Interpreter:
    """Runs actions in jails. One event loop, any number of concurrent calls."""

    def __init__(self, settings: EnvironmentSettings | None = None) -> None:
        self.settings = settings or EnvironmentSettings()
        self._size = self.settings.workers or len(os.sched_getaffinity(0))
        self._turn: asyncio.Semaphore | None = None
        self._idle: list[Worker] = []
        self.num_lost = 0  # jails that failed and were replaced
        if self.settings.isolation == "none":
            warnings.warn(
                "environment.isolation=none: programs that a model wrote run as you, with your files and network",
                stacklevel=2,
            )

    async def __aenter__(self) -> Interpreter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(self, code: str, history: Sequence[Past] = (), stdin: str = "") -> Observation:
        """Run `code` as the next cell after `history`. JailError if no jail can be started here.

        `stdin` is what the code reads from standard input; the earlier cells read nothing.
        """
        if len(stdin.encode("utf-8", "surrogatepass")) > self.settings.limits.file_mb << 20:
            raise InputError(f"stdin: longer than environment.limits.file_mb ({self.settings.limits.file_mb} MiB)")
        if self._turn is None:
            self._turn = asyncio.Semaphore(self._size)
        why = ""
        async with self._turn:
            for _ in range(_ATTEMPTS):
                worker = self._idle.pop() if self._idle else await Worker.launch(self.settings)
                try:
                    frame = await worker.act(code, history, stdin)
                except WorkerLostError as error:
                    why = str(error)
                    self.num_lost += 1
                    await worker.stop(busy=True)
                    continue
                except BaseException:
                    await worker.stop(busy=True)  # interrupted: the jail still runs the action
                    raise
                if frame["status"] != "broken":
                    self._idle.append(worker)
                    return observe.observation(frame, self.settings.limits)
                why = str(frame["trace"])
                self.num_lost += 1
                await worker.stop()
        return observe.broken(why)

    async def close(self) -> None:
        """End all jails. Calls that still wait would start new ones: finish them first."""
        while self._idle:
            await self._idle.pop().stop()
