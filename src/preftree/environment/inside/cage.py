"""Shutting one action in: what a fresh fork does to itself before it runs judged code, and how forks get a
process namespace of their own.

In:  a freshly forked process and its limits. Out: the same process with empty scratch space as its working
directory, its own mounts, IPC and process tree, no network, no capability, limits, and a seccomp filter.
Always true: each step that fails raises; no step is skipped; the filter comes last.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
from dataclasses import dataclass

NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_PIDS, NEW_NET = 0x00020000, 0x04000000, 0x08000000, 0x20000000, 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 16384, 1 << 18
_PDEATHSIG, _DUMPABLE, _KEEPCAPS, _SECCOMP, _NO_NEW_PRIVS, _SUBREAPER, _AMBIENT = 1, 4, 8, 22, 38, 36, 47
_AMBIENT_CLEAR_ALL, _FILTER_MODE = 4, 2
_CAPABILITIES_V3 = 0x20080522
_SYS_ADMIN = 1 << 21
_SIGKILL = 9
# Before this kernel the limit on processes counted all of a user's processes on the machine, not the jail's.
_PROCESS_LIMIT_PER_NAMESPACE = (5, 14)
_KERNEL = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Cage:
    """How to shut in: with namespaces or (isolation "none") without; the filter is the bytes of its program."""

    namespaces: bool
    seccomp: bytes


def become_zygote(cage: Cage, uid: int) -> None:
    """The warm process itself: unprivileged, and able to make namespaces in the jail, nothing else."""
    if cage.namespaces and os.getuid() == 0:
        # Started by root: the jail maps one more user, nobody, and all that follows is done as that one.
        _call("keep capabilities", _libc.prctl, _KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        _set_capabilities(_SYS_ADMIN)
        _call("be readable to itself", _libc.prctl, _DUMPABLE, 1, 0, 0, 0)
    if cage.namespaces:
        # Once for all actions, which come one after the other: nothing in these two outlives a process that has no
        # capability, and a network for each action costs the kernel a fifth of the whole. Loopback is down here too.
        _call("no network", _libc.unshare, NEW_NET | NEW_UTS)
    _call("adopt orphans", _libc.prctl, _SUBREAPER, 1, 0, 0, 0)
    _call("no new privileges", _libc.prctl, _NO_NEW_PRIVS, 1, 0, 0, 0)


class ProcessNamespaces:
    """Gives each following fork a process namespace of its own, of which it is the first process: when that
    one ends, the kernel kills all others in it."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """`os.fork` into a new process namespace."""
        _call("new process namespace", _libc.unshare, NEW_PIDS)
        pid = os.fork()
        if pid:
            _call("back to the own process namespace", _libc.setns, self._own, NEW_PIDS)
        return pid


def enter(cage: Cage, limits: dict[str, float], scratch: str, cpu_budget_s: float, own_bytes: int) -> None:
    """Shut the calling process in for good."""
    os.setsid()  # kill(0, …) must not reach the zygote, whose process group a fork inherits
    _call("die with the zygote", _libc.prctl, _PDEATHSIG, _SIGKILL, 0, 0, 0)
    score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
    os.write(score, b"1000")  # should the machine run out of memory, this goes first
    os.close(score)
    if cage.namespaces:
        _own_mounts(scratch, int(limits["scratch_mb"]))
    os.chdir(scratch)
    os.umask(0o022)
    _limit(cage, limits, cpu_budget_s, own_bytes)
    if cage.namespaces:
        _call("drop ambient capabilities", _libc.prctl, _AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
        _set_capabilities(0)
    _install(cage.seccomp)


def _own_mounts(scratch: str, size_mb: int) -> None:
    _call("new namespaces", _libc.unshare, NEW_MOUNTS | NEW_IPC)
    _mount(None, "/", None, _RECURSIVE | _PRIVATE, None)
    _mount("scratch", scratch, "tmpfs", _NO_SUID | _NO_DEV, f"size={size_mb}m,nr_inodes=8192,mode=700")
    # The jail's /proc shows the zygote; programs rarely need one, and writing there is half of all escapes.
    _mount("none", "/proc", "tmpfs", _READ_ONLY | _NO_SUID | _NO_DEV | _NO_EXEC, "size=4k,nr_inodes=2,mode=555")


def _limit(cage: Cage, limits: dict[str, float], cpu_budget_s: float, own_bytes: int) -> None:
    mib = 1 << 20
    wanted = {
        resource.RLIMIT_CPU: int(cpu_budget_s) + 2,
        resource.RLIMIT_AS: own_bytes + int(limits["memory_mb"]) * mib,
        resource.RLIMIT_NOFILE: int(limits["open_files"]),
        resource.RLIMIT_FSIZE: int(limits["file_mb"]) * mib,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if cage.namespaces and _KERNEL >= _PROCESS_LIMIT_PER_NAMESPACE:
        # Looser than the supervisor's own count, which names the reason; this one holds between its looks.
        wanted[resource.RLIMIT_NPROC] = int(limits["processes"]) * 2 + 16
    for what, value in wanted.items():
        hard = resource.getrlimit(what)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))


def _install(program: bytes) -> None:
    lines = ctypes.create_string_buffer(program, len(program))
    argument = _Program(len(program) // 8, ctypes.addressof(lines))
    _call("seccomp filter", _libc.prctl, _SECCOMP, _FILTER_MODE, ctypes.byref(argument), 0, 0)


def _set_capabilities(mask: int) -> None:
    header = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    data = struct.pack("=6I", mask, mask, 0, 0, 0, 0)  # effective, permitted, inheritable; then the upper halves
    _call("set capabilities", _libc.capset, header, data)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    encoded = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _call(f"mount on {target}", _libc.mount, *encoded[:3], ctypes.c_ulong(flags), encoded[3])


def _call(what: str, function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
