"""The forked process of one action: shuts itself in, replays the earlier cells, runs the code, tells how it ended.

In:  a request, a fresh fork of the warm process. Out: text on two pipes; this process never returns.
Always true: judged code runs after the last step of the cage, never before; whatever it does to this process, the
process ends here.
"""

from __future__ import annotations

import io
import os
import random
import sys
import types
from dataclasses import dataclass
from typing import Any, NoReturn

from preftree.environment.inside import cell, report
from preftree.environment.inside.cage import Cage, enter

_REPORT_DESCRIPTOR = 63
_exit = os._exit


@dataclass(frozen=True, slots=True)
class Request:
    """One action: its code and number, the earlier cells with theirs, its limits, what it reads."""

    code: str
    number: int
    history: tuple[tuple[int, str], ...]
    limits: dict[str, float]
    stdin: str

    @property
    def cpu_budget_s(self) -> float:
        """CPU seconds for the code and for each cell that is replayed."""
        return self.limits["cpu_s"] * (1 + len(self.history))


def perform(
    request: Request, cage: Cage, scratch: str, own_bytes: int, nonce: bytes, pipes: tuple[int, int]
) -> NoReturn:
    """Be the action. `pipes` are the ends for output and for the report."""
    speaker = report.Speaker(pipes[1], nonce)
    try:
        os.dup2(pipes[0], 1)
        os.dup2(pipes[0], 2)
        speaker = report.Speaker(_only_descriptor(pipes[1]), nonce)
        enter(cage, request.limits, scratch, request.cpu_budget_s, own_bytes)
        speaker.say(report.STARTED)
    except BaseException as error:  # noqa: BLE001 (told to the supervisor, which calls the jail broken)
        speaker.say(report.FAILED, f"{type(error).__name__}: {error}".encode())
        _exit(70)
    try:
        _run_cells(request, scratch, speaker)
    finally:
        _exit(71)  # whatever the code did to the runner, no fork goes on as a second zygote


def _run_cells(request: Request, scratch: str, speaker: report.Speaker) -> NoReturn:
    random.seed(0)  # here, since the module draws a new seed after each fork
    namespace = cell.fresh_namespace(_new_main())
    if request.history:
        _replay(request.history, namespace)
        speaker.say(report.REPLAYED)
    _open_stdin(request.stdin, scratch)
    stream = sys.stdout = _text(1)
    errors = sys.stderr = _text(2)
    ending = cell.run(request.code, request.number, namespace)
    for buffered in (stream, errors, sys.stdout, sys.stderr):
        _flush(buffered)
    speaker.end(ending)
    _exit(0)


def _replay(history: tuple[tuple[int, str], ...], namespace: dict[str, Any]) -> None:
    """Earlier cells again, unheard: their errors were told then."""
    kept = os.dup(1)
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.stdout, sys.stderr = _text(1), _text(2)
    for number, code in history:
        cell.run(code, number, namespace)
    _flush(sys.stdout)
    os.dup2(kept, 1)
    os.dup2(kept, 2)
    os.close(kept)
    os.close(null)


def _open_stdin(text: str, scratch: str) -> None:
    """Standard input as a file without a name in scratch space: a pipe would need someone who feeds it."""
    if text:
        file = os.open(scratch, os.O_TMPFILE | os.O_RDWR, 0o600)
        data = text.encode("utf-8", "surrogatepass")
        while data:
            data = data[os.write(file, data) :]
        os.lseek(file, 0, os.SEEK_SET)
        os.dup2(file, 0)
        os.close(file)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "replace")


def _only_descriptor(report_end: int) -> int:
    """Close all but the standard streams and the report, which moves up and is not inherited by programs."""
    os.dup2(report_end, _REPORT_DESCRIPTOR, inheritable=False)
    os.closerange(3, _REPORT_DESCRIPTOR)
    os.closerange(_REPORT_DESCRIPTOR + 1, 4096)
    return _REPORT_DESCRIPTOR


def _new_main() -> types.ModuleType:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = [""]
    return module


def _text(descriptor: int) -> io.TextIOWrapper:
    raw = io.BufferedWriter(io.FileIO(descriptor, "wb", closefd=False), 1 << 13)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True)


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:  # noqa: BLE001 (the code may have closed or replaced it: then there is nothing to flush)
        return
