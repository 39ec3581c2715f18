"""One jail: a process, its standard streams, one action at a time.

In:  settings, then requests. Out: frames. Always true: a worker that failed or was interrupted in an action is
never used again; a question of an action is answered before the next is heard; `stop` returns when its process is
gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from preftree.environment import jail
from preftree.environment.settings import EnvironmentSettings, Limits, Past
from preftree.errors import JailError

_START_S = 180.0  # a cold import of the preloaded modules on a busy machine
_GRACE_S = 30.0  # how much longer than its own limits a jail may take to answer
_FAREWELL_S = 2.0
_STDERR_TAIL = 4000
_MAX_FRAME = 1 << 26


# What answers a running action's question.
Answer = Callable[[str], Awaitable[str]]


class WorkerLostError(Exception):
    """The jail died, failed or fell silent in an action; that says nothing of the action."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a jail is asked to run: see `inside.action.Request`."""

    role: str
    code: str
    limits: Limits
    history: Sequence[Past] = ()
    stdin: str = ""
    tools: Sequence[str] = ()
    names: Sequence[str] = ()
    prelude: str = ""
    shared: bool = False
    foreseen: Sequence[str] = ()

    def request(self) -> dict[str, Any]:
        """Its frame."""
        history = [
            [number, past.code, [[call.tool, call.arguments, call.answer, call.error] for call in past.tool_calls]]
            for number, past in enumerate(self.history, 1)
            if past.replayed
        ]
        return {
            "role": self.role,
            "code": self.code,
            "limits": asdict(self.limits),
            "number": len(self.history) + 1,
            "history": history,
            "stdin": self.stdin,
            "tools": list(self.tools),
            "names": list(self.names),
            "prelude": self.prelude,
            "shared": self.shared,
            "foreseen": list(self.foreseen),
        }

    @property
    def patience_s(self) -> float:
        """How long its jail may be silent."""
        return self.limits.wall_s * (1 + sum(past.replayed for past in self.history)) + _GRACE_S


class Worker:
    """A running jail."""

    def __init__(self, process: asyncio.subprocess.Process, links: socket.socket) -> None:
        self._process = process
        self._links = links
        self._said = b""
        self._listener = asyncio.create_task(self._listen())

    @classmethod
    async def launch(cls, settings: EnvironmentSettings) -> Worker:
        """Start a jail and wait until it is warm; JailError with what to do if it can't be started."""
        links, inside = socket.socketpair()
        with inside, contextlib.ExitStack() as undo:
            undo.callback(links.close)
            start = jail.start(settings, inside.fileno())
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                *start.argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=start.env,
                start_new_session=True,
                pass_fds=(inside.fileno(),),
            )
            undo.pop_all()
        worker = cls(process, links)
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

    async def act(
        self, action: Action, answer: Answer | None = None, link: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """Run one action after its history; WorkerLostError if the jail can't say how it went.

        `link`: the ends of pipes, to read from and to write to, that the action gets.
        """
        if link is not None:
            try:
                socket.send_fds(self._links, [b"+"], link)
            except OSError as error:
                raise WorkerLostError(self.said or "it ended") from error
        await self._send_frame(action.request())
        while True:
            try:
                frame = await asyncio.wait_for(self._receive(), action.patience_s)
            except asyncio.TimeoutError as error:
                raise WorkerLostError(f"no answer within {action.patience_s:g} seconds") from error
            if frame.get("status") == "broken":
                raise WorkerLostError(str(frame["trace"]))
            if "asked" not in frame:
                return frame
            await self._send_frame({"ended": True} if answer is None else {"told": await answer(frame["asked"])})

    async def end_action(self) -> None:
        """Have the running action killed, if it has not ended by itself; `act` returns its frame."""
        await self._send_frame({"ended": True})

    async def stop(self, *, busy: bool = False) -> None:
        """End the process; what runs in it ends with it. An idle jail ends by itself, a busy one is killed."""
        assert self._process.stdin is not None
        self._links.close()
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 0.0 if busy else _FAREWELL_S)
        except asyncio.TimeoutError:
            # Not by the process's own method, which would bury it before asyncio's watcher can.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        await self._listener
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await self._process.stdin.wait_closed()

    async def _send_frame(self, frame: dict[str, Any]) -> None:
        body = json.dumps(frame).encode()
        await self._send(struct.pack(">I", len(body)) + body)

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
