"""The warm process of a jail: waits for actions, forks one process for each, and watches it from outside.

In:  frames on standard input: an action's code, the earlier cells, limits. Out: one frame for each on standard
output: how it ended, what it printed, what it used; before it, one for each question that the action asks, which is
answered by a frame on standard input. A frame is a length of 4 bytes and JSON. A judge's request and that of a program
under test come with the ends of two pipes between them, over a socket.
Always true: this process never runs judged code; limits are held by this process; the forked one says how its
cell ended over a pipe of its own, and what it says can describe nothing but itself.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NoReturn

from preftree.environment.inside import action as actions
from preftree.environment.inside import cage as cages
from preftree.environment.inside import channel, pages, report, watch

_LOOK_EVERY_S = 0.02
_CHUNK = 1 << 16
_REPORT_CAP = 1 << 18  # bytes that a forked process may say of itself


def main(config: dict[str, Any]) -> NoReturn:
    """Get ready, say so, and serve until the other side closes."""
    source, sink = os.dup(0), os.dup(1)
    links = socket.socket(fileno=config["links"])
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
    judge: _Child | None = None  # that waits for the next test
    _send(sink, {"ready": True})
    while (request := _receive(source)) is not None:
        if "role" not in request:
            continue  # an answer that came after its action had ended
        action = _Action(request, cage, fork, base_bytes, own_bytes, (source, sink), links)
        if judge is not None and not (request["shared"] and request["limits"] == judge.limits):
            judge.end()
            judge = None
        _send(sink, action.run(judge))
        judge = action.left
    os._exit(0)


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


@dataclass(frozen=True, slots=True)
class _Child:
    """A forked process. A shared judge has a `feed` of requests, and what it used and judged before."""

    pid: int
    handle: int
    output: int
    said: int
    nonce: bytes
    feed: socket.socket | None
    limits: dict[str, Any]
    cpu_s: float = 0.0
    tests: int = 0

    def end(self) -> None:
        """Kill and bury it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.close()

    def close(self) -> None:
        for descriptor in (self.handle, self.output, self.said):
            os.close(descriptor)
        if self.feed is not None:
            self.feed.close()


class _Action:
    """One action from fork to burial."""

    def __init__(
        self,
        request: dict[str, Any],
        cage: cages.Cage,
        fork: Callable[[], int],
        base_bytes: int,
        own_bytes: int,
        host: tuple[int, int],
        links: socket.socket,
    ) -> None:
        history = tuple(tuple(earlier) for earlier in request.pop("history", ()))
        self.request = actions.Request(**request, history=history)
        self.source, self.sink = host
        self.links = links
        self.exchange: channel.Exchange | None = None
        self.owing = False  # whether the poller looks for room for an answer
        self.limits = self.request.limits
        self.cage, self.fork, self.base_bytes, self.own_bytes = cage, fork, base_bytes, own_bytes
        self.child: _Child
        self.left: _Child | None = None
        self.heard = _Heard()
        self.stopped: str | None = None
        self.cpu_s = 0.0

    def run(self, waiting: _Child | None = None) -> dict[str, Any]:
        """`waiting` is a shared judge that has judged before; `left` is set if the action leaves one."""
        began = time.monotonic()
        scratch = "/tmp" if self.cage.namespaces else tempfile.mkdtemp(prefix="preftree-")
        self.child = self._forked(scratch) if waiting is None else self._handed_to(waiting)
        try:
            goes_on = self._supervise(self.child, began)
            status, cpu_s = (0, watch.own_cpu_s(self.child.pid)) if goes_on else self._bury(self.child)
        finally:
            if self.exchange is not None:
                self.exchange.close()
        if not self.cage.namespaces:
            shutil.rmtree(scratch)
        result = self._result(status, cpu_s - self.child.cpu_s, time.monotonic() - began)
        if goes_on:
            self.left = replace(self.child, cpu_s=cpu_s, tests=self.child.tests + 1)
            if self.left.tests == actions.MAX_TESTS or result["status"] not in ("ok", "error"):
                self.left.end()
                self.left = None
        return result

    def _forked(self, scratch: str) -> _Child:
        output, output_end = os.pipe()
        said, said_end = os.pipe()
        feed, feed_end = socket.socketpair() if self.request.shared else (None, None)
        asked_end = told_end = -1
        if self.request.asks:
            asked, asked_end = os.pipe()
            told_end, told = os.pipe()
            self.exchange = channel.Exchange(asked, told)
        elif self.request.linked:
            told_end, asked_end = self._link()
        nonce = report.new_nonce()
        fed = -1 if feed_end is None else feed_end.detach()
        pipes = (output_end, said_end, asked_end, told_end, fed)
        pid = self.fork()
        if pid == 0:
            actions.perform(self.request, self.cage, scratch, self.own_bytes, nonce, pipes)
        for end in pipes:
            if end >= 0:
                os.close(end)
        handle = os.pidfd_open(pid)
        for descriptor in (handle, output, said):
            os.set_blocking(descriptor, False)
        return _Child(pid, handle, output, said, nonce, feed, self.limits)

    def _handed_to(self, judge: _Child) -> _Child:
        assert judge.feed is not None
        link = self._link()
        body = json.dumps(asdict(self.request)).encode()
        socket.send_fds(judge.feed, [struct.pack(">I", len(body))], link)
        judge.feed.sendall(body)
        for end in link:
            os.close(end)
        return judge

    def _link(self) -> tuple[int, int]:
        """The ends that came with the request: to read from, to write to."""
        _, (told, asked), _, _ = socket.recv_fds(self.links, 1, 2)
        return told, asked

    def _supervise(self, child: _Child, began: float) -> bool:
        """Read, look and, if a limit is passed, kill, until the action has ended; whether its process goes on."""
        poller = select.poll()
        for descriptor in (child.handle, child.output, child.said):
            poller.register(descriptor, select.POLLIN)
        exchange = self.exchange
        if exchange is not None:
            poller.register(exchange.asked, select.POLLIN)
        if exchange is not None or self.request.linked:
            poller.register(self.source, select.POLLIN)
        look_at = began + _LOOK_EVERY_S
        watcher = watch.Watch()
        while True:
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, look_at - time.monotonic()) * 1000)}
            for descriptor in ready & {child.output, child.said}:
                if not self._hear(descriptor, descriptor == child.said):
                    poller.unregister(descriptor)
            if self.source in ready:
                self._obey(_receive(self.source))
            if exchange is not None:
                self._converse(exchange, ready, poller)
            if child.handle in ready:
                return False
            if self.request.shared and self._said(report.DONE):
                return True
            if self.stopped is None and time.monotonic() >= look_at:
                self._look(watcher, began)
                look_at = time.monotonic() + _LOOK_EVERY_S
            if self.stopped is not None:
                os.kill(child.pid, signal.SIGKILL)  # the first process of a namespace takes all others with it
                return False

    def _bury(self, child: _Child) -> tuple[int, float]:
        """The wait status, and the CPU seconds in all."""
        _, status, usage = os.wait4(child.pid, 0)
        if not self.cage.namespaces:
            watch.kill_all()
        self._drain(child.output, False)
        self._drain(child.said, True)
        child.close()
        return status, usage.ru_utime + usage.ru_stime

    def _obey(self, frame: dict[str, Any] | None) -> None:
        """Take the host's answer; or it is gone, or wants no more of this action."""
        if frame is None or "told" not in frame or self.exchange is None:
            self.stopped = self.stopped or "ended"
        else:
            self.exchange.tell(frame["told"])

    def _converse(self, exchange: channel.Exchange, ready: set[int], poller: select.poll) -> None:
        """Pass questions to the host and answers to the action."""
        if exchange.asked in ready and not exchange.hear():
            poller.unregister(exchange.asked)
        if exchange.too_long:
            self.stopped = self.stopped or "output"
        elif (question := exchange.question()) is not None:
            _send(self.sink, {"asked": question})
        exchange.pay()
        if exchange.owes != self.owing:
            self.owing = exchange.owes
            if self.owing:
                poller.register(exchange.told, select.POLLOUT)
            else:
                poller.unregister(exchange.told)

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
        self.cpu_s = usage.cpu_s - self.child.cpu_s
        wall_s = time.monotonic() - began
        if self.exchange is not None:
            wall_s -= self.exchange.waiting_s
        cpu_from, wall_from, budgets = self.child.cpu_s, 0.0, 1 + len(self.request.history)
        if self._said(report.REPLAYED):
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
            "answered": bool(self._said(report.ANSWERED)),
        }
        if not self._said(report.STARTED):
            why = (self._said(report.FAILED) or [b"the process ended before the code began"])[0]
            return {**result, "status": "broken", "trace": why.decode("utf-8", "replace")}
        if self.request.history and not self._said(report.REPLAYED):
            return {**result, "status": "broken", "trace": "the earlier actions could not be replayed"}
        endings = [ending for payload in self._said(report.DONE) if (ending := report.ending(payload))]
        if self.stopped is not None and not (self.stopped == "ended" and endings):
            return {**result, "status": self.stopped}
        if endings:
            last = endings[-1]
            return {**result, "status": last.status, "value": last.value, "trace": last.trace}
        over = signaled == signal.SIGXCPU or (
            signaled == signal.SIGKILL and result["cpu_s"] >= self.request.cpu_budget_s
        )
        return {**result, "status": "time" if over else "killed"}

    def _said(self, kind: bytes) -> list[bytes]:
        return report.heard(self.heard.report, self.child.nonce, kind)


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
