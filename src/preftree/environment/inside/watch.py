"""Counting, from outside, what an action uses: all its processes together.

In:  /proc of the jail. Out: CPU seconds, private memory, processes and threads below one process.
Always true: a process that ends while it is looked at counts as gone, never as a failure; figures are
lower bounds of the truth, so nothing is stopped for what it did not use.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the processes of an action use now (CPU: used so far)."""

    cpu_s: float
    memory_bytes: int
    processes: int


class Watch:
    """Looks at the descendants of this process: an action's orphans stay below it, or below its first process."""

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}

    def look(self, base_bytes: int, memory_limit_bytes: int) -> Usage:
        """`base_bytes` is the private memory that each fork inherits, shared until it writes to it."""
        stats = descendants()
        for pid, stat in stats.items():
            self._seen[pid] = stat.own_cpu_s
        # Children that were waited for are in their parent's sum; those that nobody waits for only in `_seen`.
        cpu_s = max(sum(stat.cpu_s for stat in stats.values()), sum(self._seen.values()))
        memory = sum(_resident(pid) for pid in stats)
        if memory > memory_limit_bytes:  # pages shared between forks were counted for each: look closely
            memory = max(0, sum(_proportional(pid) for pid in stats) - base_bytes)
        return Usage(cpu_s, memory, sum(stat.threads for stat in stats.values()))


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    own_cpu_s: float
    cpu_s: float  # with the children that it waited for
    threads: int
    ended: bool


def descendants() -> dict[int, _Stat]:
    """All processes below this one, by their number here; ended ones that nobody waited for are left out."""
    stats = {int(name): stat for name in os.listdir("/proc") if name.isdigit() and (stat := _stat(name))}
    below: dict[int, _Stat] = {}
    known = {os.getpid()}
    while True:
        found = {pid: stat for pid, stat in stats.items() if stat.parent in known and pid not in below}
        if not found:
            return {pid: stat for pid, stat in below.items() if not stat.ended}
        below.update(found)
        known = set(found)


def kill_all() -> None:
    """Kill what is below this process until nothing is: for jails without a process namespace of their own."""
    while alive := descendants():
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        reap()


def reap() -> None:
    """Bury adopted orphans that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def own_cpu_s(pid: int) -> float:
    """CPU seconds that one process used so far."""
    stat = _stat(str(pid))
    return stat.own_cpu_s if stat else 0.0


def private_bytes() -> int:
    """The private memory of this process."""
    return _resident(os.getpid())


def address_space_bytes() -> int:
    """The address space of this process."""
    return int(_read("/proc/self/statm").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _stat(name: str) -> _Stat | None:
    text = _read(f"/proc/{name}/stat")
    fields = text[text.rfind(")") + 2 :].split()
    if len(fields) < 18:
        return None
    user, system, child_user, child_system = (int(field) for field in fields[11:15])
    own = (user + system) / _TICKS_PER_S
    waited = (child_user + child_system) / _TICKS_PER_S
    return _Stat(int(fields[1]), own, own + waited, int(fields[17]), fields[0] in "ZX" and int(fields[17]) <= 1)


def _resident(pid: int) -> int:
    return _sum_kb(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:"))


def _proportional(pid: int) -> int:
    return _sum_kb(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))


def _sum_kb(path: str, names: tuple[str, ...]) -> int:
    lines = (line.split() for line in _read(path).splitlines() if line.startswith(names))
    return sum(int(line[1]) for line in lines) * 1024


def _read(path: str) -> str:
    """A file of /proc, or nothing if its process ended meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
