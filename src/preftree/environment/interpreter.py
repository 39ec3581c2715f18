"""The pool of jails, seen as one interpreter.

In:  code and the earlier actions of its trajectory, or a program and what it is run on. Out: an `Observation`, a
`ProgramRun` or a `TestRun`, never a verdict.
Always true: jails start with the first use and are as many as the settings say of each kind (a judge never shares
a jail with a candidate; programs and tests that import Python's own modules only have jails that hold nothing else,
whose forks cost less); more calls wait their turn; a call whose jail fails is made once more in a fresh one, then it is
`broken`; after `close` no process is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

from preftree.environment import observe
from preftree.environment.asking import ToolLog
from preftree.environment.inside.action import CELL, PROGRAM
from preftree.environment.settings import STANDARD, UNJAILED, EnvironmentSettings, Limits, Past
from preftree.environment.statics import imports_only_standard, leaves_no_trace
from preftree.environment.testing import run_tests
from preftree.environment.tools import Tools
from preftree.environment.worker import Action, Worker, WorkerLostError
from preftree.errors import InputError
from preftree.records import Observation, ProgramRun, TestRun, Tests

_ATTEMPTS = 2
_WALL_FACTOR = 4  # how much looser the wall limit is than the CPU limit that a caller sets

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which jail: `judge`: one in which no candidate ever ran; `shared`: a judge's, whose process goes on from test to
    test; `bare`: one without the preloaded modules."""

    judge: bool = False
    shared: bool = False
    bare: bool = False


class Interpreter:
    """Runs actions in jails. One event loop, any number of concurrent calls."""

    def __init__(self, settings: EnvironmentSettings | None = None) -> None:
        self.settings = settings or EnvironmentSettings()
        self._size = self.settings.workers or len(os.sched_getaffinity(0))
        self._turn: asyncio.Semaphore | None = None
        self._idle: dict[_Kind, list[Worker]] = defaultdict(list)
        self._tools = Tools(self.settings.tools)
        self.num_lost = 0  # jails that failed and were replaced
        if self.settings.isolation == "none":
            warnings.warn(UNJAILED, stacklevel=2)

    async def __aenter__(self) -> Interpreter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def run(
        self, code: str, history: Sequence[Past] = (), stdin: str = "", tools: Sequence[str] = ()
    ) -> Observation:
        """Run `code` as the next cell after `history`. JailError if no jail can be started here.

        `stdin` is what the code reads from standard input; the earlier cells read nothing. `tools` are the names of
        the tools that it may call; the earlier cells are told what they were told then.
        """
        self._check_stdin(stdin)
        action = Action(CELL, code, self.settings.limits, history, stdin, tools)

        async def attempt() -> tuple[dict[str, Any], ToolLog]:
            log = ToolLog(self._tools, tools, self.settings.limits.tool_calls)
            async with self._jail(_Kind()) as worker:
                return await worker.act(action, log.answer), log

        try:
            frame, log = await self._twice(attempt)
        except WorkerLostError as error:
            return observe.broken(str(error))
        return replace(observe.observation(frame, self.settings.limits), tool_calls=tuple(log.calls))

    async def run_program(self, code: str, stdin: str = "", cpu_s: float | None = None) -> ProgramRun:
        """Run a whole program on its standard input; `cpu_s`: another limit than the settings'."""
        self._check_stdin(stdin)
        action = Action(PROGRAM, code, self._limits(cpu_s), stdin=stdin)

        kind = _Kind(bare=imports_only_standard(code))

        async def attempt() -> dict[str, Any]:
            async with self._jail(kind) as worker:
                return await worker.act(action)

        try:
            return observe.program_run(await self._twice(attempt))
        except WorkerLostError as error:
            return ProgramRun("broken", observe.broken(str(error)).output)

    async def test(self, code: str, tests: Tests, cpu_s: float | None = None) -> TestRun:
        """Run test code on a program, each in a jail of its own; `cpu_s`: another limit than the settings'."""
        limits = self._limits(cpu_s)
        tested = _Kind(bare=imports_only_standard(code))
        test = f"{tests.prelude}\n{tests.code}"
        shared = self.settings.isolation != "none" and leaves_no_trace(test)
        judging = _Kind(judge=True, shared=shared, bare=imports_only_standard(test))

        async def attempt() -> TestRun:
            async with self._jail(tested) as candidate, self._jail(judging) as judge:
                return await run_tests(candidate, judge, code, tests, limits, shared)

        try:
            return await self._twice(attempt)
        except WorkerLostError as error:
            return TestRun("broken", observe.broken(str(error)).output)

    async def close(self) -> None:
        """End all jails. Calls that still wait would start new ones: finish them first."""
        for jails in self._idle.values():
            while jails:
                await jails.pop().stop()
        await self._tools.close()

    async def _twice(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result, its jails' failure once forgiven."""
        if self._turn is None:
            self._turn = asyncio.Semaphore(self._size)
        async with self._turn:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await attempt()
                except WorkerLostError:
                    continue
            return await attempt()

    @contextlib.asynccontextmanager
    async def _jail(self, kind: _Kind) -> AsyncIterator[Worker]:
        """A jail for one action: an idle one, or a new one. What fails or is interrupted in it ends it."""
        idle = self._idle[kind]
        settings = replace(self.settings, preload=STANDARD) if kind.bare else self.settings
        worker = idle.pop() if idle else await Worker.launch(settings)
        try:
            yield worker
        except BaseException as error:
            self.num_lost += isinstance(error, WorkerLostError)
            await worker.stop(busy=True)
            raise
        idle.append(worker)

    def _limits(self, cpu_s: float | None) -> Limits:
        limits = self.settings.limits
        if cpu_s is None:
            return limits
        return replace(limits, cpu_s=cpu_s, wall_s=max(limits.wall_s, cpu_s * _WALL_FACTOR))

    def _check_stdin(self, stdin: str) -> None:
        if len(stdin.encode("utf-8", "surrogatepass")) > self.settings.limits.file_mb << 20:
            raise InputError(f"stdin: longer than environment.limits.file_mb ({self.settings.limits.file_mb} MiB)")
