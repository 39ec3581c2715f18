"""The warm process of a jail: waits for actions, forks one process for each, and watches it from outside.

In:  frames on standard input: an action's code, the earlier cells, limits. Out: one frame for each on standard
output: how it ended, what it printed, what it used; before it, one for each question that the action asks, which is
answered by a frame on standard input. A frame is a length of 4 bytes and JSON.
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
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
        if "role" not in request:
            continue  # an answer that came after its action had ended
        action = _Action(request, cage, fork, base_bytes, own_bytes, (source, sink))
        _send(sink, action.run())
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
    ) -> None:
        history = tuple(tuple(earlier) for earlier in request.pop("history", ()))
        self.request = actions.Request(**request, history=history)
        self.source, self.sink = host
        self.exchange: channel.Exchange | None = None
        self.owing = False  # whether the poller looks for room for an answer
        self.limits = self.request.limits
        self.cage, self.fork, self.base_bytes, self.own_bytes = cage, fork, base_bytes, own_bytes
        self.nonce = report.new_nonce()
        self.heard = _Heard()
        self.stopped: str | None = None
        self.cpu_s = 0.0

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        scratch = "/tmp" if self.cage.namespaces else tempfile.mkdtemp(prefix="preftree-")
        output, output_end = os.pipe()
        said, said_end = os.pipe()
        asked_end = told_end = -1
        if self.request.asks:
            asked, asked_end = os.pipe()
            told_end, told = os.pipe()
            self.exchange = channel.Exchange(asked, told)
        ends = [end for end in (output_end, said_end, asked_end, told_end) if end >= 0]
        pid = self.fork()
        if pid == 0:
            pipes = (output_end, said_end, asked_end, told_end)
            actions.perform(self.request, self.cage, scratch, self.own_bytes, self.nonce, pipes)
        for end in ends:
            os.close(end)
        try:
            status, cpu_s = self._supervise(pid, output, said, began)
        finally:
            os.close(output)
            os.close(said)
            if self.exchange is not None:
                self.exchange.close()
        if not self.cage.namespaces:
            shutil.rmtree(scratch)
        return self._result(status, cpu_s, time.monotonic() - began)

    def _supervise(self, pid: int, output: int, said: int, began: float) -> tuple[int, float]:
        """Read, look and, if a limit is passed, kill; then the wait status and the CPU seconds in all."""
        handle = os.pidfd_open(pid)
        poller = select.poll()
        for descriptor in (handle, output, said):
            os.set_blocking(descriptor, False)
            poller.register(descriptor, select.POLLIN)
        exchange = self.exchange
        if exchange is not None:
            poller.register(exchange.asked, select.POLLIN)
            poller.register(self.source, select.POLLIN)
        look_at = began + _LOOK_EVERY_S
        watcher = watch.Watch()
        alive = True
        while alive:
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, look_at - time.monotonic()) * 1000)}
            for descriptor in ready & {output, said}:
                if not self._hear(descriptor, descriptor == said):
                    poller.unregister(descriptor)
            if exchange is not None:
                self._converse(exchange, ready, poller)
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
        self._drain(said, True)
        return status, usage.ru_utime + usage.ru_stime

    def _converse(self, exchange: channel.Exchange, ready: set[int], poller: select.poll) -> None:
        """Pass questions to the host and answers to the action."""
        if exchange.asked in ready and not exchange.hear():
            poller.unregister(exchange.asked)
        if self.source in ready:
            frame = _receive(self.source)
            if frame is None or "told" not in frame:  # the host is gone, or wants no more of this action
                self.stopped = self.stopped or "ended"
                return
            exchange.tell(frame["told"])
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
        self.cpu_s = usage.cpu_s
        wall_s = time.monotonic() - began
        if self.exchange is not None:
            wall_s -= self.exchange.waiting_s
        cpu_from, wall_from, budgets = 0.0, 0.0, 1 + len(self.request.history)
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
        }
        if not self._said(report.STARTED):
            why = (self._said(report.FAILED) or [b"the process ended before the code began"])[0]
            return {**result, "status": "broken", "trace": why.decode("utf-8", "replace")}
        if self.request.history and not self._said(report.REPLAYED):
            return {**result, "status": "broken", "trace": "the earlier actions could not be replayed"}
        if self.stopped is not None:
            return {**result, "status": self.stopped}
        endings = [ending for payload in self._said(report.DONE) if (ending := report.ending(payload))]
        if endings:
            last = endings[-1]
            return {**result, "status": last.status, "value": last.value, "trace": last.trace}
        over = signaled == signal.SIGXCPU or (
            signaled == signal.SIGKILL and result["cpu_s"] >= self.request.cpu_budget_s
        )
        return {**result, "status": "time" if over else "killed"}

    def _said(self, kind: bytes) -> list[bytes]:
        return report.heard(self.heard.report, self.nonce, kind)


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
