"""The forked process of one action: shuts itself in, replays the earlier cells, runs the code, tells how it ended.

In:  a request, a fresh fork of the warm process. Out: text on two pipes, questions on a third; this process never
returns. Always true: judged code runs after the last step of the cage, never before; whatever it does to this
process, the process ends here; test code and the program under test are never in one process.
"""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from preftree.environment.inside import cell, clock, report, tested, toolbox
from preftree.environment.inside.cage import Cage, enter
from preftree.environment.inside.channel import Line

_FEED_DESCRIPTOR, _ASKED_DESCRIPTOR, _TOLD_DESCRIPTOR, _REPORT_DESCRIPTOR = 60, 61, 62, 63
_exit = os._exit

MAX_TESTS = 200  # of one shared judge
CELL, PROGRAM, CANDIDATE, JUDGE = "cell", "program", "candidate", "judge"


@dataclass(frozen=True, slots=True)
class Request:
    """One action: what its code is (see `_ROLES`), its number, the earlier cells, its limits, what it reads.

    An earlier cell is its number, its code and what its tools answered. `tools` are the names of the host's tools;
    Of a judge: `names` are what the test takes from the candidate, `prelude` runs before the test, `foreseen` are the
    test's first questions; `shared`: its process goes on to judge other tests.
    """

    role: str
    code: str
    limits: dict[str, float]
    number: int = 1
    history: tuple[tuple[int, str, list[toolbox.Recorded]], ...] = ()
    stdin: str = ""
    tools: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    prelude: str = ""
    shared: bool = False
    foreseen: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether it needs a line to the host."""
        return bool(self.tools)

    @property
    def linked(self) -> bool:
        """Whether it has a line to another jail, whose ends come with the request."""
        return self.role in (CANDIDATE, JUDGE)

    @property
    def cpu_budget_s(self) -> float:
        """CPU seconds for the code and for each cell that is replayed."""
        return self.limits["cpu_s"] * (MAX_TESTS if self.shared else 1 + len(self.history))


def perform(
    request: Request, cage: Cage, scratch: str, own_bytes: int, nonce: bytes, pipes: tuple[int, int, int, int, int]
) -> NoReturn:
    """Be the action. `pipes` are the ends for output, for the report, for what it asks and is told, for requests that
    follow (or -1)."""
    speaker = report.Speaker(pipes[1], nonce)
    try:
        os.dup2(pipes[0], 1)
        os.dup2(pipes[0], 2)
        # Its own, not the zygote's: a flag or owner set on that one would be seen by every later action.
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        ends = (_REPORT_DESCRIPTOR, _ASKED_DESCRIPTOR, _TOLD_DESCRIPTOR, _FEED_DESCRIPTOR)
        _only_descriptors(dict(zip(ends, pipes[1:], strict=True)))
        speaker = report.Speaker(_REPORT_DESCRIPTOR, nonce)
        enter(cage, request.limits, scratch, request.cpu_budget_s, own_bytes)
        clock.start()
        speaker.say(report.STARTED)
    except BaseException as error:  # noqa: BLE001 (told to the supervisor, which calls the jail broken)
        speaker.say(report.FAILED, f"{type(error).__name__}: {error}".encode())
        _exit(70)
    try:
        _ROLES[request.role](request, scratch, speaker)
    finally:
        _exit(71)  # whatever the code did to the runner, no fork goes on as a second zygote


def _run_cell(request: Request, scratch: str, speaker: report.Speaker) -> NoReturn:
    """A cell of a session, after the earlier ones."""
    random.seed(0)  # here, since the module draws a new seed after each fork
    namespace = cell.fresh_namespace(_new_module("__main__"))
    tools = toolbox.Toolbox(_line() if request.asks else None, request.tools)
    namespace.update(tools.functions())
    if request.history:
        _replay(request.history, namespace, tools)
        speaker.say(report.REPLAYED)
    _open_stdin(request.stdin, scratch)
    stream = sys.stdout = _text(1)
    errors = sys.stderr = _text(2)
    ending = cell.run(request.code, request.number, namespace)
    for buffered in (stream, errors, sys.stdout, sys.stderr):
        _flush(buffered)
    speaker.end(ending)
    _exit(0)


def _run_program(request: Request, scratch: str, speaker: report.Speaker) -> NoReturn:
    """A program from standard input to standard output; what it says to standard error is nobody's."""
    random.seed(0)
    namespace = cell.fresh_namespace(_new_module("__main__"))
    _silence(2)
    _open_stdin(request.stdin, scratch)
    stream = sys.stdout = _text(1)
    sys.stderr = _text(2)
    ending = cell.run(request.code, request.number, namespace, echo=False)
    for buffered in (stream, sys.stdout):
        _flush(buffered)
    speaker.end(ending)
    _exit(0)


def _run_candidate(request: Request, scratch: str, speaker: report.Speaker) -> NoReturn:
    """The program under test: defines its names, then does what the judge asks, until it is ended."""
    random.seed(0)
    namespace = cell.fresh_namespace(_new_module("candidate"))
    _silence(1, 2)
    sys.stdout, sys.stderr = _text(1), _text(2)
    line = _line()
    ending = cell.run(request.code, request.number, namespace, echo=False)
    if ending.status == "ok":
        tested.serve(line, namespace)
    speaker.end(ending)
    _exit(0)


def _run_judge(request: Request, scratch: str, speaker: report.Speaker) -> NoReturn:
    """The test; then, of a shared judge, each that follows."""
    _silence(1, 2)
    sys.stdout, sys.stderr = _text(1), _text(2)
    while True:
        ending = _judged(request, speaker)
        for descriptor in (_ASKED_DESCRIPTOR, _TOLD_DESCRIPTOR):
            os.close(descriptor)  # by which the candidate learns that it is asked no more
        speaker.end(ending)
        if not request.shared:
            _exit(0)
        request = _next_request()
        speaker.say(report.STARTED)


def _judged(request: Request, speaker: report.Speaker) -> cell.Ending:
    """How a test ends: the problem's own code, and the candidate's names as proxies."""
    random.seed(0)
    namespace = cell.fresh_namespace(_new_module("__main__"))
    judge = tested.Judge(_line(), lambda: speaker.say(report.ANSWERED), request.foreseen)
    ending = cell.run(request.prelude, 0, namespace, echo=False)
    if ending.status != "ok":
        return cell.Ending("syntax", trace=f"the test's prelude fails: {ending.trace}")
    namespace.update(judge.names(request.names))
    try:
        judge.wait()
        ending = cell.run(request.code, request.number, namespace, echo=False)
    except tested.EndOfTest:
        pass  # told below, by the judge's status
    if judge.status:
        ending = cell.Ending("error", value=judge.status, trace=judge.why)
    return ending


def _next_request() -> Request:
    """The next test of a shared judge, with its line; the end of the process where none follows."""
    feed = socket.socket(fileno=_FEED_DESCRIPTOR)
    head, descriptors, _, _ = socket.recv_fds(feed, 4, 2)
    if not head:
        _exit(0)
    told, asked = descriptors
    body = b""
    while len(body) < struct.unpack(">I", head)[0]:
        body += feed.recv(1 << 16)
    feed.detach()
    for place, descriptor in ((_TOLD_DESCRIPTOR, told), (_ASKED_DESCRIPTOR, asked)):
        os.dup2(descriptor, place, inheritable=False)
        os.close(descriptor)
    return Request(**json.loads(body))


_ROLES: dict[str, Callable[[Request, str, report.Speaker], NoReturn]] = {
    CELL: _run_cell,
    PROGRAM: _run_program,
    CANDIDATE: _run_candidate,
    JUDGE: _run_judge,
}


def _replay(
    history: tuple[tuple[int, str, list[toolbox.Recorded]], ...], namespace: dict[str, Any], tools: toolbox.Toolbox
) -> None:
    """Earlier cells again, unheard: their errors were told then."""
    kept = os.dup(1)
    _silence(1, 2)
    sys.stdout, sys.stderr = _text(1), _text(2)
    for number, code, record in history:
        tools.replay([tuple(call) for call in record])  # type: ignore[misc]
        cell.run(code, number, namespace)
    tools.listen()
    _flush(sys.stdout)
    os.dup2(kept, 1)
    os.dup2(kept, 2)
    os.close(kept)


def _silence(*descriptors: int) -> None:
    null = os.open("/dev/null", os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)


def _line() -> Line:
    return Line(_ASKED_DESCRIPTOR, _TOLD_DESCRIPTOR)


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


def _only_descriptors(wanted: dict[int, int]) -> None:
    """Close all but the standard streams and these, which move up and are not inherited by programs."""
    for place, descriptor in wanted.items():
        if descriptor >= 0:
            os.dup2(descriptor, place, inheritable=False)
        else:
            os.closerange(place, place + 1)
    os.closerange(3, min(wanted))
    os.closerange(max(wanted) + 1, 4096)


def _new_module(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module
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
