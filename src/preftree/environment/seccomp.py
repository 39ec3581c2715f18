"""The system calls that judged code may not make, as a classic BPF program.

In:  the machine's name (`x86_64`, `aarch64`). Out: the bytes of a seccomp filter, made by hand, since
the standard library has no assembler for it. Always true: a call of another architecture kills the
process; everything not listed is allowed, because namespaces, an empty root and rlimits do the rest.
The filter narrows what a hole in the kernel could be reached through.
"""

from __future__ import annotations

import errno
import struct

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_COLUMN = {"x86_64": 0, "aarch64": 1}

# name: (x86_64, aarch64); None: the architecture has no such call. From 424 on numbers are common to both.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes' memory and descriptors
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    # programs and counters in the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # keys
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # mounts, roots, namespaces (clone itself is looked at below)
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "statmount": (457, 457),
    "listmount": (458, 458), "open_tree_attr": (467, 467), "unshare": (272, 97), "setns": (308, 268),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    "quotactl": (179, 60), "quotactl_fd": (443, 443),
    # the machine
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "vhangup": (153, 58),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "personality": (135, 92),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # memory that no limit of ours counts until it is mapped
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196),
    "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
}  # fmt: skip
_CLONE = {"x86_64": 56, "aarch64": 220}
_CLONE3 = 435
_SOCKET = {"x86_64": 41, "aarch64": 198}
_SOCKETPAIR = {"x86_64": 53, "aarch64": 199}
_IOCTL = {"x86_64": 16, "aarch64": 29}
_NAMESPACE_FLAGS = 0x7E020000  # mount, cgroup, uts, ipc, user, pid, net
_AF_UNIX = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal

# seccomp_data: nr, arch, instruction pointer (8 bytes), six arguments of 8 bytes, low word first
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

_Line = tuple[int, int, int, int]


def machines() -> tuple[str, ...]:
    """The architectures that a filter can be made for."""
    return tuple(_AUDIT_ARCH)


def denied(machine: str) -> dict[str, int]:
    """The calls that fail with EPERM whatever their arguments, with their numbers."""
    column = _COLUMN[machine]
    return {name: number for name, numbers in _DENIED.items() if (number := numbers[column]) is not None}


def program(machine: str) -> bytes:
    """The filter as an array of `struct sock_filter`."""
    lines: list[_Line] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        _end(_KILL),
        (_LOAD, 0, 0, _NR),
    ]
    if machine == "x86_64":  # the x32 table would be a second way to each call
        lines += [(_AT_LEAST, 0, 1, _X32_BIT), _end(_refuse(errno.EPERM))]
    for number in denied(machine).values():
        lines += [(_EQUAL, 0, 1, number), _end(_refuse(errno.EPERM))]
    # clone3 hides its flags behind a pointer; told that it does not exist, the C library takes clone.
    lines += [(_EQUAL, 0, 1, _CLONE3), _end(_refuse(errno.ENOSYS))]
    lines += _look(_CLONE[machine], _ARG0, [(_ANY_BIT, 0, 1, _NAMESPACE_FLAGS), _end(_refuse(errno.EPERM))])
    # Other families (vsock, netlink, packet) are not all confined by a network namespace.
    for number in (_SOCKET[machine], _SOCKETPAIR[machine]):
        lines += _look(number, _ARG0, [(_EQUAL, 1, 0, _AF_UNIX), _end(_refuse(errno.EAFNOSUPPORT))])
    typing = [(_EQUAL, 0, 1, _TIOCSTI), _end(_refuse(errno.EPERM)), (_EQUAL, 0, 1, _TIOCLINUX)]
    lines += _look(_IOCTL[machine], _ARG1, [*typing, _end(_refuse(errno.EPERM))])
    lines.append(_end(_ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _look(number: int, argument: int, test: list[_Line]) -> list[_Line]:
    """If the call is `number`: load the argument, test it, and allow it if no test ended the program."""
    body = [(_LOAD, 0, 0, argument), *test, _end(_ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def _refuse(error: int) -> int:
    return _ERRNO | error


def _end(action: int) -> _Line:
    return (_RETURN, 0, 0, action)
