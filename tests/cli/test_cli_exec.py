"""`preftree exec`: what it reads, how it refuses, what it says without a jail, and who may use it."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import preftree
from preftree.environment import UNJAILED

SOURCE = str(Path(preftree.__file__).parents[1])
PACKAGES = next(path for path in sys.path if path.endswith("-packages"))
NOBODY = 65534
# Run by the system's Python, which every user can read.
FIND = f"import json, sys\nsys.path[:0] = [{SOURCE!r}, {PACKAGES!r}]\n"
COMMAND = FIND + "from preftree.cli import main\nsys.exit(main(sys.argv[1:]))"
DOCTOR = FIND + (
    "from preftree.environment import diagnose\nprint(json.dumps({one.name: [one.ok, one.fix] for one in diagnose()}))"
)
# In a user namespace whose own limit on further ones is 0: what `sysctl user.max_user_namespaces=0` does to a machine.
BARRED = """
import ctypes, os, sys
inside = int(sys.argv[1])
ready, go = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(ready[1], b"x")
    os.read(go[0], 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    if inside:
        os.setgroups([])
        os.setresgid(inside, inside, inside)
        os.setresuid(inside, inside, inside)
    os.execv(sys.argv[2], sys.argv[2:])
os.read(ready[0], 1)
for kind, own in (("uid", os.getuid()), ("gid", os.getgid())):
    if own:
        with open(f"/proc/{child}/setgroups", "w") as file:
            file.write("deny")
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write(f"0 {own} 1\\n" + (f"{inside} {inside} 1\\n" if inside else ""))
os.write(go[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def execute(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "preftree", "exec", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text("import sys\nsys.stdin.buffer.read().decode()")
    return path


@pytest.fixture
def for_all(tmp_path: Path) -> tuple[str, Path]:
    """An interpreter and a program that an ordinary user can read."""
    python = shutil.which("python3", path="/usr/bin")
    if python is None or not all(os.stat(path).st_mode & 0o005 == 0o005 for path in (SOURCE, PACKAGES)):
        pytest.skip("no interpreter or package folder that an ordinary user can read")
    if subprocess.run([python, "-I", "-c", FIND + "import preftree.environment"], capture_output=True).returncode:
        pytest.skip("the system's Python can't load this environment's packages")
    folder = Path("/tmp") / f"preftree-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    program = folder / "program.py"
    program.write_text("import os\nos.getuid(), 6 * 7")
    program.chmod(0o644)
    return python, program


# ---------------------------------------------------------------- what it reads


def test_a_program_reads_the_file_that_is_named(program: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes("3 4\r\nünder\n".encode())
    done = execute(program, "--stdin", tmp_path / "in.txt", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["value"] == r"'3 4\r\nünder\n'"


def test_a_program_reads_standard_input(program: Path) -> None:
    assert json.loads(execute(program, "--stdin", "-", "--json", stdin=b"piped").stdout)["value"] == "'piped'"


def test_a_program_comes_from_standard_input_and_may_begin_with_a_mark() -> None:
    assert execute("-", stdin="\ufeff6 * 7".encode()).stdout == b"Out: 42\n"


def test_settings_are_growings(tmp_path: Path) -> None:
    program = tmp_path / "p.py"
    program.write_text("import sys\nwhile True: pass")
    done = execute(program, "environment.limits.cpu_s=0.2", "environment.preload=[]")
    assert b"limit of 0.2 s of CPU time" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["gone.py"], "gone.py: can't be read (No such file or directory)", id="no-file"),
        pytest.param(["."], ".: can't be read (Is a directory)", id="directory"),
        pytest.param(["latin1.py"], "latin1.py: not UTF-8 (byte 5 is 0xff)", id="not-utf-8"),
        pytest.param(["p.py", "--stdin", "gone"], "gone: can't be read (No such file or directory)", id="no-input"),
        pytest.param(["p.py", "--stdin", "latin1.py"], "latin1.py: not UTF-8", id="input-not-utf-8"),
        pytest.param(
            ["p.py", "--stdin", "large"], "large: longer than environment.limits.file_mb (16 MiB)", id="large"
        ),
        pytest.param(["large"], "large: longer than environment.limits.file_mb (16 MiB)", id="large-program"),
        pytest.param(["-", "--stdin", "-"], "can't both be standard input", id="both"),
        pytest.param(["p.py", "limits.cpu_s=3"], 'unknown setting "limits"; expected environment.', id="setting"),
        pytest.param(["p.py", "environment.isolated=1"], 'did you mean "isolation"?', id="misspelt"),
        pytest.param(["p.py", "environment.isolation=docker"], 'expected "bubblewrap" or "none"', id="isolation"),
        pytest.param(["p.py", "environment.limits.cpu_s=0"], "expected a positive number, got 0", id="limit"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from preftree.cli import main

    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text("1")
    Path("latin1.py").write_bytes(b"x = '\xff'")
    with Path("large").open("wb") as file:
        file.truncate((16 << 20) + 1)
    assert main(["exec", *words]) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


# ---------------------------------------------------------------- without a jail


def test_a_run_without_a_jail_says_so_in_its_result(tmp_path: Path) -> None:
    program = tmp_path / "p.py"
    program.write_text("import os\nos.getuid()")
    words = (program, "environment.isolation=none", "environment.preload=[]")
    done = execute(*words)
    assert done.stdout.decode().splitlines() == [
        f"[{UNJAILED}]",
        f"Out: {os.getuid()}",
    ]
    assert UNJAILED in done.stderr.decode()
    assert json.loads(execute(*words, "--json").stdout)["warnings"] == [UNJAILED]
    assert "warnings" not in json.loads(execute(program, "environment.preload=[]", "--json").stdout)


# ---------------------------------------------------------------- who may use it


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests run as an ordinary user then")
def test_an_ordinary_user_runs_a_program(for_all: tuple[str, Path]) -> None:
    python, program = for_all
    command = [python, "-I", "-c", COMMAND, "exec", str(program), "environment.preload=[]"]
    try:
        done = subprocess.run(
            command, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True, text=True, timeout=120
        )
    finally:
        shutil.rmtree(program.parent)
    assert (done.returncode, done.stdout) == (0, "Out: (1000, 42)\n"), done.stderr


@pytest.mark.parametrize("inside", [pytest.param(0, id="root"), pytest.param(NOBODY, id="ordinary-user")])
def test_where_user_namespaces_are_barred_it_refuses_and_says_what_to_do(
    inside: int, for_all: tuple[str, Path]
) -> None:
    python, program = for_all
    try:
        if inside and os.getuid() != 0:
            pytest.skip("only root can map a second user")
        if not _can_unshare():
            pytest.skip("user namespaces are barred here to begin with: see the other tests' failures")
        barred = [sys.executable, "-c", BARRED, str(inside), python, "-I", "-c"]
        run = subprocess.run([*barred, COMMAND, "exec", str(program)], cwd="/", capture_output=True, text=True)
        doctor = subprocess.run([*barred, DOCTOR], cwd="/", capture_output=True, text=True)
    finally:
        shutil.rmtree(program.parent)
    fix = "sysctl -w user.max_user_namespaces=15000"
    assert run.returncode == 1
    assert run.stdout == ""  # nothing ran
    assert run.stderr.startswith("preftree: the jail did not start (")
    assert len(run.stderr.splitlines()) == 1
    assert "; fix: " in run.stderr
    assert fix in run.stderr
    assert "Traceback" not in run.stderr
    found = json.loads(doctor.stdout)
    assert not found["user namespaces"][0]
    assert fix in found["user namespaces"][1].splitlines()[0]
    assert not found["jail"][0]


def _can_unshare() -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(ctypes.CDLL(None).unshare(0x10000000) != 0)
    return os.waitpid(pid, 0)[1] == 0
