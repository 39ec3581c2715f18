"""One jail: a process, its standard streams, one action at a time.

In:  settings, then requests. Out: frames. Always true: a worker that failed or was interrupted in an action is
never used again; `stop` returns when its process is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from preftree.environment import jail
from preftree.environment.settings import EnvironmentSettings, Past
from preftree.errors import JailError

_START_S = 180.0  # a cold import of the preloaded modules on a busy machine
_GRACE_S = 30.0  # how much longer than its own limits a jail may take to answer
_FAREWELL_S = 2.0
_STDERR_TAIL = 4000
_MAX_FRAME = 1 << 26


class WorkerLostError(Exception):
    """The jail died or fell silent in an action."""


class Worker:
    """A running jail."""

    def __init__(self, settings: EnvironmentSettings, process: asyncio.subprocess.Process) -> None:
        self._settings = settings
        self._process = process
        self._said = b""
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def launch(cls, settings: EnvironmentSettings) -> Worker:
        """Start a jail and wait until it is warm; JailError with what to do if it can't be started."""
        start = jail.start(settings)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *start.argv, stdin=pipe, stdout=pipe, stderr=pipe, env=start.env, start_new_session=True
        )
        worker = cls(settings, process)
        try:
            await worker._send(start.boot)
            await asyncio.wait_for(worker._receive(), _START_S)
        except (WorkerLostError, asyncio.TimeoutError) as error:
            await worker.stop(busy=True)
            raise JailError(jail.explain(worker.said)) from error
        except BaseException:
            await worker.stop(busy=True)
            raise
        return worker

    @property
    def said(self) -> str:
        """The end of what the jail wrote to its standard error."""
        return self._said.decode("utf-8", "replace")

    async def act(self, code: str, history: Sequence[Past], stdin: str = "") -> dict[str, Any]:
        """Run one action after its history; WorkerLostError if the jail can't say how it went."""
        limits = self._settings.limits
        replayed = [[number, past.code] for number, past in enumerate(history, 1) if past.replayed]
        number = len(history) + 1
        request = {"code": code, "number": number, "history": replayed, "limits": asdict(limits), "stdin": stdin}
        body = json.dumps(request).encode()
        patience_s = limits.wall_s * (1 + len(replayed)) + _GRACE_S
        await self._send(struct.pack(">I", len(body)) + body)
        try:
            return await asyncio.wait_for(self._receive(), patience_s)
        except asyncio.TimeoutError as error:
            raise WorkerLostError(f"no answer within {patience_s:g} seconds") from error

    async def stop(self, *, busy: bool = False) -> None:
        """End the process; what runs in it ends with it. An idle jail ends by itself, a busy one is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 0.0 if busy else _FAREWELL_S)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._listener
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._process.stdin.wait_closed()

    async def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerLostError(self.said or "it ended") from error

    async def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            (length,) = struct.unpack(">I", await self._process.stdout.readexactly(4))
            if length > _MAX_FRAME:
                raise WorkerLostError(f"a frame of {length} bytes")
            return dict(json.loads(await self._process.stdout.readexactly(length)))
        except asyncio.IncompleteReadError as error:
            raise WorkerLostError(self.said or "it ended") from error

    async def _listen(self) -> None:
        """Keep the end of standard error, so that the jail never waits for a reader."""
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._said = (self._said + chunk)[-_STDERR_TAIL:]
