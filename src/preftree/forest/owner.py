"""Who may write in a directory: one process at a time, and none that was taken for dead.

In:  a directory. Out: an `Ownership`, or a refusal while another process holds it.
Always true: the lock is the kernel's, which frees it when its process dies, however it dies. The owner's name stands
in the file `owner`, and is read again before every commit: a process that lost its lock without knowing (cut off from
a network file system, then back) finds another name there and writes nothing more.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path

from preftree.errors import ForestError


class Ownership:
    """The right to write in `directory`, from now to `release`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: int | None = lock(directory)
        self._name = depose(directory)

    def check(self) -> None:
        """Raise ForestError if another process has taken over."""
        try:
            owner = (self._directory / "owner").read_text("ascii")
        except FileNotFoundError:
            owner = ""
        if owner != self._name:
            raise ForestError(
                f"{self._directory}: another process has taken over the writing here, and goes on from the last commit"
            )

    def release(self) -> None:
        """Let other processes write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def lock(directory: Path) -> int:
    """An open file that holds the directory's lock until it is closed; ForestError while another process holds it."""
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ForestError(f"{directory}: another process is writing here; wait for it or stop it") from None
    return handle


def depose(directory: Path) -> str:
    """Write a new owner's name, which it returns: whoever wrote here before commits nothing more."""
    name = uuid.uuid4().hex
    # Renamed into place: whoever opens the file by its name reads the old name or the new one, whole.
    partial = directory / f"owner.{name}"
    partial.write_text(name, "ascii")
    partial.replace(directory / "owner")
    return name
