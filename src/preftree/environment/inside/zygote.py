"""The warm process of a jail: waits for actions, forks one process for each, and watches it from outside.

In:  frames on standard input: an action's code, the earlier cells, limits. Out: one frame for each on standard
output: how it ended, what it printed, what it used. A frame is a length of 4 bytes and JSON.
Always true: this process never runs judged code; limits are held by this process; the forked one says how its
cell ended over a pipe of its own, and what it says can describe nothing but itself.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import random
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from preftree.environment.inside import cage as cages
from preftree.environment.inside import cell, pages, watch

_LOOK_EVERY_S = 0.02
_CHUNK = 1 << 16
_REPORT_CAP = 1 << 18  # bytes that a forked process may say of itself
_STARTED, _REPLAYED, _DONE, _FAILED = b"S", b"R", b"D", b"X"

# Taken before any judged code ran: what a cell does to modules must not trip the report about it.
_write, _exit, _pack, _len = os.write, os._exit, struct.pack, len


def main(config: dict[str, Any]) -> NoReturn:
    """Get ready, say so, and serve until the other side closes."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    cage = cages.Cage(config["namespaces"], bytes.fromhex(config["seccomp"]))
    cages.become_zygote(cage, config["uid"])
    for name in config["preload"]:
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "preftree"]:
        del sys.modules[name]  # judged code finds no such package
    _seed()
    fork = cages.ProcessNamespaces().fork if cage.namespaces else os.fork
    gc.collect()
    gc.freeze()  # the collector of a fork would otherwise touch, and so copy, every inherited page
    pages.collapse()
    base_bytes, own_bytes = watch.private_bytes(), watch.address_space_bytes()
    _send(sink, {"ready": True})
    while (request := _receive(source)) is not None:
        action = _Action(request, cage, fork, base_bytes, own_bytes)
        _send(sink, action.run())
    _exit(0)


def _seed() -> None:
    """Each action starts from the same random state, since each is forked from this one."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)  # programs about large numbers print them; CPU time is limited anyway


@dataclass(slots=True)
class _Heard:
    """What came from the forked process so far."""

    output: bytearray = field(default_factory=bytearray)
    report: bytearray = field(default_factory=bytearray)
    replayed_at: tuple[float, float] | None = None  # CPU and wall seconds when the earlier cells were through


class _Action:
    """One action from fork to burial."""

    def __init__(
        self, request: dict[str, Any], cage: cages.Cage, fork: Callable[[], int], base_bytes: int, own_bytes: int
    ) -> None:
        self.code: str = request["code"]
        self.number: int = request["number"]
        self.history: list[tuple[int, str]] = [(number, code) for number, code in request["history"]]
        self.limits: dict[str, float] = request["limits"]
        self.stdin: str = request["stdin"]
        self.cage, self.fork, self.base_bytes, self.own_bytes = cage, fork, base_bytes, own_bytes
        self.nonce = os.urandom(16)
        self.heard = _Heard()
        self.stopped: str | None = None
        self.cpu_s = 0.0

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        scratch = "/tmp" if self.cage.namespaces else tempfile.mkdtemp(prefix="preftree-")
        output, output_end = os.pipe()
        report, report_end = os.pipe()
        pid = self.fork()
        if pid == 0:
            self._be_the_action(scratch, output_end, report_end)
        os.close(output_end)
        os.close(report_end)
        try:
            status, cpu_s = self._supervise(pid, output, report, began)
        finally:
            os.close(output)
            os.close(report)
        if not self.cage.namespaces:
            shutil.rmtree(scratch)
        return self._result(status, cpu_s, time.monotonic() - began)

    # ------------------------------------------------------------ the supervisor's side

    def _supervise(self, pid: int, output: int, report: int, began: float) -> tuple[int, float]:
        """Read, look and, if a limit is passed, kill; then the wait status and the CPU seconds in all."""
        handle = os.pidfd_open(pid)
        poller = select.poll()
        for descriptor in (handle, output, report):
            os.set_blocking(descriptor, False)
            poller.register(descriptor, select.POLLIN)
        look_at = began + _LOOK_EVERY_S
        watcher = watch.Watch()
        alive = True
        while alive:
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, look_at - time.monotonic()) * 1000)}
            for descriptor in ready - {handle}:
                if not self._hear(descriptor, descriptor == report):
                    poller.unregister(descriptor)
            alive = handle not in ready
            if alive and self.stopped is None and time.monotonic() >= look_at:
                self._look(watcher, began)
                look_at = time.monotonic() + _LOOK_EVERY_S
            if alive and self.stopped is not None:
                os.kill(pid, signal.SIGKILL)  # the first process of a namespace takes all others with it
                alive = False
        os.close(handle)
        _, status, usage = os.wait4(pid, 0)
        if not self.cage.namespaces:
            watch.kill_all()
        self._drain(output, False)
        self._drain(report, True)
        return status, usage.ru_utime + usage.ru_stime

    def _hear(self, descriptor: int, is_report: bool) -> bool:
        """Take what there is; False at the end of the stream. More than the cap stops the action."""
        chunk = os.read(descriptor, _CHUNK)
        kept, cap = self.heard.output, int(self.limits["capture_kb"]) * 1024
        if is_report:
            kept, cap = self.heard.report, _REPORT_CAP
        kept += chunk[: max(0, cap - len(kept))]
        if len(kept) >= cap:
            self.stopped = self.stopped or "output"
        return bool(chunk)

    def _drain(self, descriptor: int, is_report: bool) -> None:
        try:
            while self._hear(descriptor, is_report):
                pass
        except BlockingIOError:
            return  # someone without a namespace still holds the other end

    def _look(self, watcher: watch.Watch, began: float) -> None:
        memory_limit = int(self.limits["memory_mb"]) << 20
        usage = watcher.look(self.base_bytes, memory_limit)
        self.cpu_s = usage.cpu_s
        wall_s = time.monotonic() - began
        cpu_from, wall_from, budgets = 0.0, 0.0, 1 + len(self.history)
        if self.history and self._frames(_REPLAYED):
            self.heard.replayed_at = self.heard.replayed_at or (usage.cpu_s, wall_s)
            (cpu_from, wall_from), budgets = self.heard.replayed_at, 1
        if usage.cpu_s - cpu_from > self.limits["cpu_s"] * budgets:
            self.stopped = "time"
        elif wall_s - wall_from > self.limits["wall_s"] * budgets:
            self.stopped = "wall"
        elif usage.memory_bytes > memory_limit:
            self.stopped = "memory"
        elif usage.processes > self.limits["processes"]:
            self.stopped = "processes"

    def _frames(self, kind: bytes) -> list[bytes]:
        """What the forked process said of this kind; bytes without the nonce in front are nobody's word."""
        found: list[bytes] = []
        start = 0
        mark = self.nonce + kind
        while (at := self.heard.report.find(mark, start)) >= 0:
            (length,) = struct.unpack_from(">I", self.heard.report.ljust(at + 21, b"\0"), at + 17)
            found.append(bytes(self.heard.report[at + 21 : at + 21 + length]))
            start = at + 21
        return found

    def _result(self, status: int, cpu_s: float, wall_s: float) -> dict[str, Any]:
        signaled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        result: dict[str, Any] = {
            "output": bytes(self.heard.output).decode("utf-8", "replace"),
            "cpu_s": max(cpu_s, self.cpu_s),
            "wall_s": wall_s,
            "signal": signaled,
            "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "value": None,
            "trace": "",
        }
        failed, done = self._frames(_FAILED), [_ending(frame) for frame in self._frames(_DONE)]
        if failed or not self._frames(_STARTED):
            why = failed[0].decode("utf-8", "replace") if failed else "the process ended before the code began"
            return {**result, "status": "broken", "trace": why}
        if self.stopped is not None:
            return {**result, "status": self.stopped}
        if done:
            return {**result, **done[-1]}
        budget = self.limits["cpu_s"] * (1 + len(self.history))
        over = signaled == signal.SIGXCPU or (signaled == signal.SIGKILL and result["cpu_s"] >= budget)
        return {**result, "status": "time" if over else "killed"}

    # ------------------------------------------------------------ the forked process's side

    def _be_the_action(self, scratch: str, output: int, report: int) -> NoReturn:
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            report = _only_descriptor(report)
            budget_s = self.limits["cpu_s"] * (1 + len(self.history))
            cages.enter(self.cage, self.limits, scratch, budget_s, self.own_bytes)
            _report(report, self.nonce, _STARTED, b"")
        except BaseException as error:  # noqa: BLE001 (told to the supervisor, which calls the jail broken)
            _report(report, self.nonce, _FAILED, f"{type(error).__name__}: {error}".encode())
            _exit(70)
        try:
            self._run_cells(report, scratch)
        finally:
            _exit(71)  # whatever the code did to the runner, no fork goes on as a second zygote

    def _run_cells(self, report: int, scratch: str) -> NoReturn:
        nonce = self.nonce
        random.seed(0)  # here, since the module draws a new seed after each fork
        namespace = cell.fresh_namespace(_new_main())
        _replay(self.history, namespace, report, nonce)
        _open_stdin(self.stdin, scratch)
        stream = sys.stdout = _text(1)
        errors = sys.stderr = _text(2)
        ending = cell.run(self.code, self.number, namespace)
        for buffered in (stream, errors, sys.stdout, sys.stderr):
            _flush(buffered)
        _report(report, nonce, _DONE, _encode(ending))
        _exit(0)


def _replay(history: list[tuple[int, str]], namespace: dict[str, Any], report: int, nonce: bytes) -> None:
    """Earlier cells again, unheard: their errors were told then."""
    if not history:
        return
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
    _report(report, nonce, _REPLAYED, b"")


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


def _only_descriptor(report: int) -> int:
    """Close all but the standard streams and the report, which moves up and is not inherited by programs."""
    moved = 63
    os.dup2(report, moved, inheritable=False)
    os.closerange(3, moved)
    os.closerange(moved + 1, 4096)
    return moved


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


def _encode(ending: cell.Ending) -> bytes:
    """Status, value and trace, each behind its length; no value is no bytes at all, not even a mark."""
    fields = (ending.status, "" if ending.value is None else "=" + ending.value, ending.trace)
    data = b""
    for text in fields:  # by methods of str and bytes only: the code may have replaced modules and builtins
        encoded = text.encode("utf-8", "surrogatepass")
        data += _pack(">I", _len(encoded)) + encoded
    return data


def _ending(frame: bytes) -> dict[str, Any]:
    """An ending as the forked process told it; what is not of its form was not told by the runner."""
    texts: list[str] = []
    while len(frame) >= 4:
        (length,) = struct.unpack_from(">I", frame)
        texts.append(frame[4 : 4 + length].decode("utf-8", "backslashreplace"))
        frame = frame[4 + length :]
    if len(texts) != 3 or texts[0] not in ("ok", "error", "syntax", "memory"):
        return {"status": "killed"}
    return {"status": texts[0], "value": texts[1][1:] if texts[1] else None, "trace": texts[2]}


def _report(descriptor: int, nonce: bytes, kind: bytes, payload: bytes) -> None:
    data = nonce + kind + _pack(">I", _len(payload)) + payload
    while data:
        data = data[_write(descriptor, data) :]


# ---------------------------------------------------------------- frames


def _receive(descriptor: int) -> dict[str, Any] | None:
    header = _exactly(descriptor, 4)
    if header is None:
        return None
    body = _exactly(descriptor, struct.unpack(">I", header)[0])
    return None if body is None else dict(json.loads(body))


def _exactly(descriptor: int, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        chunk = os.read(descriptor, count - len(data))
        if not chunk:
            return None
        data += chunk
    return data


def _send(descriptor: int, frame: dict[str, Any]) -> None:
    body = json.dumps(frame).encode()
    data = struct.pack(">I", len(body)) + body
    while data:
        data = data[os.write(descriptor, data) :]
