"""A running action's line: to the host, whose tools it asks, or from a judge to the program under test.

In:  texts. Out: each as one frame, a length of 4 bytes and UTF-8, and the other side's texts back.
Always true: one question at a time, answered before the next; the other side may say whatever it likes, so lengths
are checked before anything is kept. On a line to the host the warm process stands between and reads lengths only, and
the clock that limits an action stands while it waits; a judge and a program have two pipes of their own.
"""

from __future__ import annotations

import _thread
import os
import struct
import time
from dataclasses import dataclass, field

_CHUNK = 1 << 16
_MAX_BYTES = 8 << 20  # of one question or answer

# Taken before any judged code ran: what a cell does to modules must not trip the runner.
_write, _read, _pack, _unpack, _len = os.write, os.read, struct.pack, struct.unpack, len


class AskError(Exception):
    """The question or the answer was too long."""


class GoneError(AskError):
    """The other side has ended."""


class Line:
    """The forked process's end. Threads take turns."""

    def __init__(self, asked: int, told: int) -> None:
        self._asked, self._told = asked, told
        self._turn = _thread.allocate_lock()

    def ask(self, question: str) -> str:
        """The other side's answer to this question."""
        with self._turn:
            self.say(question)
            return self.hear()

    def say(self, text: str) -> None:
        """Tell the other side."""
        body = text.encode("utf-8", "surrogatepass")
        if _len(body) > _MAX_BYTES:
            raise AskError(f"a message longer than {_MAX_BYTES >> 20} MiB")
        data = _pack(">I", _len(body)) + body
        try:
            while data:
                data = data[_write(self._asked, data) :]
        except BrokenPipeError:
            raise GoneError("the other side has ended") from None

    def hear(self) -> str:
        """What the other side says next."""
        (length,) = _unpack(">I", self._exactly(4))
        if length > _MAX_BYTES:
            raise AskError(f"a message longer than {_MAX_BYTES >> 20} MiB")
        return self._exactly(length).decode("utf-8", "surrogatepass")

    def _exactly(self, count: int) -> bytes:
        chunks = []
        while count:
            chunk = _read(self._told, min(count, _CHUNK))
            if not chunk:
                raise GoneError("the other side has ended")
            chunks.append(chunk)
            count -= _len(chunk)
        return b"".join(chunks)


@dataclass(slots=True)
class Exchange:
    """The warm process's end. Neither side can make it wait."""

    asked: int
    told: int
    away_s: float = 0.0  # seconds in which the action waited for the host, past waits only
    too_long: bool = False
    _heard: bytearray = field(default_factory=bytearray)
    _owed: bytes = b""
    _since: float | None = None

    def __post_init__(self) -> None:
        os.set_blocking(self.asked, False)
        os.set_blocking(self.told, False)

    @property
    def waiting_s(self) -> float:
        """Seconds in which the action waited for the host so far."""
        return self.away_s + (0.0 if self._since is None else time.monotonic() - self._since)

    def hear(self) -> bool:
        """Take what there is; False at the end of the stream."""
        chunk = os.read(self.asked, _CHUNK)
        self._heard += chunk
        if len(self._heard) >= 4:
            self.too_long |= struct.unpack_from(">I", self._heard)[0] > _MAX_BYTES
        return bool(chunk)

    def question(self) -> str | None:
        """A question that came whole and was not given out yet, unless one is still open."""
        if self._since is not None or len(self._heard) < 4:
            return None
        end = 4 + struct.unpack_from(">I", self._heard)[0]
        if len(self._heard) < end:
            return None
        text = bytes(self._heard[4:end]).decode("utf-8", "replace")
        del self._heard[:end]
        self._since = time.monotonic()
        return text

    def tell(self, answer: str) -> None:
        """Answer the open question."""
        if self._since is not None:
            self.away_s += time.monotonic() - self._since
            self._since = None
        body = answer.encode("utf-8", "surrogatepass")
        self._owed += struct.pack(">I", len(body)) + body

    @property
    def owes(self) -> bool:
        """Whether a part of an answer is still to be written."""
        return bool(self._owed)

    def pay(self) -> None:
        """Write what the action's side takes now."""
        try:
            while self._owed:
                self._owed = self._owed[os.write(self.told, self._owed) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._owed = b""  # nobody listens any more

    def close(self) -> None:
        os.close(self.asked)
        os.close(self.told)
