"""The filter, run by a few lines that do what the kernel's machine does."""

from __future__ import annotations

import errno
import struct

import pytest

from preftree.environment import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
SOCKET = {"x86_64": 41, "aarch64": 198}
READ = {"x86_64": 0, "aarch64": 63}


def run(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the kernel would answer to a call."""
    padded = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=iIQ6Q", number, ARCH[machine] if arch is None else arch, 0, *padded)
    lines = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = lines[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        else:
            test = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            at += if_true if test else if_false


def refused(error: int) -> int:
    return 0x00050000 | error


@pytest.mark.parametrize("machine", seccomp.machines())
def test_each_barred_call_is_refused_and_its_neighbours_are_not_by_accident(machine: str) -> None:
    barred = set(seccomp.denied(machine).values())
    special = {CLONE[machine], 435, SOCKET[machine], SOCKET[machine] + (12 if machine == "x86_64" else 1)}
    for number in range(500):
        expected = refused(errno.EPERM) if number in barred else ALLOW
        if number not in special:
            assert run(machine, number) == expected, number


@pytest.mark.parametrize("machine", seccomp.machines())
@pytest.mark.parametrize(
    ("call", "argument", "answer"),
    [
        pytest.param(CLONE, 0x003D0F00, ALLOW, id="a-thread"),
        pytest.param(CLONE, 17, ALLOW, id="a-fork"),
        pytest.param(CLONE, 0x10000000 | 17, refused(errno.EPERM), id="a-user-namespace"),
        pytest.param(CLONE, 0x00020000, refused(errno.EPERM), id="a-mount-namespace"),
        pytest.param(SOCKET, 1, ALLOW, id="a-local-socket"),
        pytest.param(SOCKET, 2, refused(errno.EAFNOSUPPORT), id="an-internet-socket"),
        pytest.param(SOCKET, 40, refused(errno.EAFNOSUPPORT), id="a-socket-to-the-hypervisor"),
        pytest.param(READ, 0, ALLOW, id="a-read"),
    ],
)
def test_calls_that_depend_on_an_argument(machine: str, call: dict[str, int], argument: int, answer: int) -> None:
    assert run(machine, call[machine], argument) == answer


@pytest.mark.parametrize("machine", seccomp.machines())
def test_clone3_does_not_exist(machine: str) -> None:
    assert run(machine, 435) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", seccomp.machines())
def test_another_architecture_kills(machine: str) -> None:
    assert run(machine, READ[machine], arch=0x40000003) == KILL


def test_the_x32_table_is_no_second_way() -> None:
    assert run("x86_64", 0x40000000 | 101) == refused(errno.EPERM)
