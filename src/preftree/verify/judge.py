"""A pool of judging processes, each killed at its limit.

In:  the kind of rule, an answer, a reference. Out: a `Verdict`; `undecided` if the judge ran out of time or died.
Always true: what is cheap whatever the input is decided here and now, without a process; a question that reaches
its limit costs its process and nothing else; the limit counts processor seconds, so that a busy machine changes
no verdict (a looser limit on the wall clock is for what sleeps); after `close` no process is left.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from types import TracebackType

from preftree.errors import VerifierError
from preftree.records import Outcome, Verdict
from preftree.verify.registry import verify_quickly

# How often a running question's processor time is looked at; nearly all questions end before the first look.
_LOOK_S = 0.1
_WALL_FACTOR = 20
_START_TIMEOUT_S = 120.0
# Asked again on a new process when one dies by another hand (a killer of memory hogs, an operator), and once only.
_ATTEMPTS = 2


class Judge:
    """`async with Judge() as judge: verdict = await judge.judge("math", "1/2", "0.5")`.

    `workers`: how many processes at most (default: one a core). `timeout_s`: processor seconds for one question.
    Processes start when they are first needed. One event loop only.
    """

    def __init__(self, workers: int | None = None, timeout_s: float = 3.0) -> None:
        self._timeout_s = timeout_s
        self._free = asyncio.Semaphore(workers or os.cpu_count() or 1)
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Judge:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def judge(self, kind: str, answer: str, reference: str) -> Verdict:
        """A verdict, within the limit; the order of calls changes none."""
        quick = verify_quickly(kind, answer, reference)
        if quick is not None:
            return quick
        async with self._free:
            for _ in range(_ATTEMPTS):
                ruling = await self._ask([kind, answer, reference])
                if ruling is not None:
                    return Verdict(ruling.outcome, ruling.why, answer)
        return Verdict("undecided", "the judging process died", answer)

    async def close(self) -> None:
        """End every process; questions still open are undecided."""
        self._closed = True
        for worker in list(self._all):
            await self._end(worker)
        self._idle.clear()

    async def _ask(self, question: list[str]) -> _Ruling | None:
        """A ruling; None if the process died on its own."""
        if self._closed:
            raise VerifierError("the judge is closed")
        worker = self._idle.pop() if self._idle else await self._start()
        healthy = False
        try:
            ruling = await worker.ask(question, self._timeout_s)
            healthy = ruling is not None and ruling.fit
            return ruling
        finally:
            # A cancelled question leaves its answer behind: that process must not serve another.
            if healthy and not self._closed:
                self._idle.append(worker)
            else:
                await self._end(worker)

    async def _start(self) -> _Worker:
        worker = _Worker(await _spawn(self._timeout_s))
        self._all.add(worker)
        try:
            await worker.ready()
        except BaseException:
            await self._end(worker)
            raise
        return worker

    async def _end(self, worker: _Worker) -> None:
        worker.kill()
        await asyncio.shield(worker.gone())
        self._all.discard(worker)


async def _spawn(timeout_s: float) -> asyncio.subprocess.Process:
    # PYTHONSAFEPATH: a file named sympy.py in the working directory must not be what the judge imports.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
    own_limit_s = str(math.ceil(timeout_s) + 1)
    command = [sys.executable, "-m", "preftree.verify.worker", own_limit_s]
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=nothing, env=environment, start_new_session=True
    )


@dataclass(frozen=True, slots=True)
class _Ruling:
    """What a process said, and whether it is fit for another question."""

    outcome: Outcome
    why: str
    fit: bool


class _Worker:
    """One process and its two pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._questions, self._rulings = process, process.stdin, process.stdout

    async def ready(self) -> None:
        line = await asyncio.wait_for(self._rulings.readline(), _START_TIMEOUT_S)
        if not line:
            code = await self._process.wait()
            raise VerifierError(
                f"the judging process did not start (exit status {code}); run `python -m preftree.verify.worker 1`"
            )

    async def ask(self, question: list[str], timeout_s: float) -> _Ruling | None:
        """The ruling; `undecided` at the limit, None if the process ended."""
        began, cpu_began = time.monotonic(), self._cpu_s()
        try:
            self._questions.write(json.dumps(question).encode() + b"\n")
            await self._questions.drain()
        except (BrokenPipeError, ConnectionResetError):
            return None
        reading = asyncio.ensure_future(self._rulings.readline())
        try:
            while not (await asyncio.wait({reading}, timeout=_LOOK_S))[0]:
                cpu_s, wall_s = self._cpu_s() - cpu_began, time.monotonic() - began
                if cpu_s >= timeout_s or wall_s >= timeout_s * _WALL_FACTOR:
                    return _Ruling("undecided", f"the comparison ran out of time ({timeout_s:g} s)", fit=False)
            line = reading.result()
        finally:
            reading.cancel()
        return _Ruling(*json.loads(line)) if line.endswith(b"\n") else None

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        self._questions.close()

    async def gone(self) -> None:
        await self._process.wait()

    def _cpu_s(self) -> float:
        """Processor seconds so far, of all threads; wall seconds where /proc doesn't tell."""
        try:
            with open(f"/proc/{self._process.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return time.monotonic()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
