"""What a forked process says of itself, over a pipe of its own.

In:  words of the runner in the forked process. Out: the same, as the supervisor reads them from the pipe's bytes.
Always true: each word starts with a nonce that is made for this one action, so that bytes that judged code writes
to every descriptor are nobody's word; a word that is not of its form counts as none. Code that digs the nonce out
of the runner's memory can forge an ending: its own, which it could have had honestly as well.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from preftree.environment.inside.cell import Ending

STARTED, REPLAYED, ANSWERED, DONE, FAILED = b"S", b"R", b"A", b"D", b"X"
_NONCE_BYTES = 16
_STATUSES = ("ok", "error", "syntax", "memory")

# Taken before any judged code ran: what a cell does to modules must not trip the report about it.
_write, _pack, _len = os.write, struct.pack, len


@dataclass(frozen=True, slots=True)
class Speaker:
    """The forked process's end."""

    descriptor: int
    nonce: bytes

    def say(self, kind: bytes, payload: bytes = b"") -> None:
        """Write one word whole."""
        data = self.nonce + kind + _pack(">I", _len(payload)) + payload
        while data:
            data = data[_write(self.descriptor, data) :]

    def end(self, ending: Ending) -> None:
        """The last word: status, value and trace, each behind its length; a value is marked, none is empty."""
        data = b""
        for text in (ending.status, "" if ending.value is None else "=" + ending.value, ending.trace):
            # By methods of str and bytes only: the code may have replaced modules and builtins.
            encoded = text.encode("utf-8", "surrogatepass")
            data += _pack(">I", _len(encoded)) + encoded
        self.say(DONE, data)


def new_nonce() -> bytes:
    """A nonce for one action."""
    return os.urandom(_NONCE_BYTES)


def heard(report: bytearray, nonce: bytes, kind: bytes) -> list[bytes]:
    """The payloads of this kind among all bytes that came."""
    found: list[bytes] = []
    mark = nonce + kind
    at = report.find(mark)
    while at >= 0:
        start = at + len(mark) + 4
        (length,) = struct.unpack_from(">I", report.ljust(start, b"\0"), start - 4)
        found.append(bytes(report[start : start + length]))
        at = report.find(mark, start)
    return found


def ending(payload: bytes) -> Ending | None:
    """An ending as it was told, if it has the form of one."""
    texts: list[str] = []
    while len(payload) >= 4:
        (length,) = struct.unpack_from(">I", payload)
        texts.append(payload[4 : 4 + length].decode("utf-8", "backslashreplace"))
        payload = payload[4 + length :]
    if len(texts) != 3 or texts[0] not in _STATUSES:
        return None
    return Ending(texts[0], texts[1][1:] if texts[1] else None, texts[2])
