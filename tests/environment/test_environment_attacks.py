"""Hostile programs, one file each, against a real jail.

A file's header says what must be true afterwards: `Claim` in words, `Status` (one of several; "ok" unless
given), `Value` (the exact repr), `Shows` and `Hides` (text that the output must or must not hold), `Twice` (a second
run gives the same value). After each
of them the next program finds everything as it should be, and nothing of the attack still runs.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from preftree.environment import EnvironmentSettings, Interpreter, Limits
from preftree.records import Observation

ATTACKS = sorted((Path(__file__).parent / "attacks").glob("*.py"))
LIMITS = Limits(cpu_s=1.0, wall_s=4.0, memory_mb=256, processes=16, file_mb=16, scratch_mb=32, capture_kb=64)


@dataclass
class Host:
    """A jail, the loop that it lives on, and what of this machine the attacks try to reach."""

    loop: asyncio.AbstractEventLoop
    interpreter: Interpreter
    names: dict[str, str]

    def run(self, code: str) -> Observation:
        for name, value in self.names.items():
            code = code.replace(f"@{name}@", value)
        return self.loop.run_until_complete(self.interpreter.run(code))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    secret = folder / "secret.txt"
    secret.write_text("s3cr3t")
    for path in (secret, *secret.parents):
        if os.stat(path).st_uid == os.getuid() and str(path).startswith("/tmp/pytest"):
            path.chmod(0o755)
    os.environ["PREFTREE_API_KEY"] = "s3cr3t"
    server = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0preftree-{os.getpid()}")
    abstract.listen()
    socket_file = socket.socket(socket.AF_UNIX)
    socket_file.bind(str(folder / "host.sock"))
    socket_file.listen()
    names = {
        "SECRET_FILE": str(secret),
        "SOCKET_FILE": str(folder / "host.sock"),
        "HOST_NAME": socket.gethostname(),
        "PORT": str(server.getsockname()[1]),
        "ABSTRACT": f"preftree-{os.getpid()}",
    }
    loop = asyncio.new_event_loop()
    interpreter = Interpreter(EnvironmentSettings(workers=1, limits=LIMITS, preload=("numpy",)))
    yield Host(loop, interpreter, names)
    loop.run_until_complete(interpreter.close())
    loop.close()
    server.close()
    abstract.close()
    socket_file.close()
    del os.environ["PREFTREE_API_KEY"]


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_attack(path: Path, host: Host) -> None:
    code = path.read_text("utf-8")
    told = dict(re.findall(r"^# (\w+): (.*)$", code, re.MULTILINE))
    host.run("0")  # the jail is up, so that its processes can be counted
    before = _processes_below(os.getpid())

    seen = host.run(code)

    assert told["Claim"]
    assert seen.status in told.get("Status", "ok").split(" | "), seen
    assert "Value" not in told or seen.value == told["Value"], seen
    assert told.get("Shows", "") in seen.output
    assert "Hides" not in told or told["Hides"] not in seen.output + str(seen.value)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]", seen.output + str(seen.value))
    assert "Twice" not in told or host.run(code).value == seen.value
    assert seen.cpu_s < LIMITS.cpu_s + 0.5
    assert host.run("import os\n(os.listdir('/tmp'), 1 + 1)").value == "([], 2)"
    assert _processes_below(os.getpid()) == before


def test_the_same_jail_held_through_all_of_it(host: Host) -> None:
    """No attack cost a worker: a jail that has to be replaced was harmed."""
    assert len(host.interpreter._idle) == 1
    assert host.interpreter.num_lost == 0


def _processes_below(parent: int) -> set[int]:
    """The live processes below one, over all levels, namespaces or not."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            fields = text[text.rfind(")") + 2 :].split()
            if fields[0] not in "ZX":
                parents[int(name)] = int(fields[1])
    below = {parent}
    while more := {pid for pid, above in parents.items() if above in below and pid not in below}:
        below |= more
    return below - {parent}
