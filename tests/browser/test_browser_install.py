"""`make browser` on machines of all kinds: programs that do nothing stand in for theirs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("make", "sh", "env", "true", "chmod")
# Installing writes a chromium beside the other programs.
APT = (
    'echo "$*" >> "$LOG"\n'
    'case "$*" in *install*chromium*) echo > "$PLACE/chromium"; chmod +x "$PLACE/chromium";; esac\n'
)
CAN_NOT = 'echo "$*" >> "$LOG"\necho "E: no network" >&2\nexit 100\n'


@pytest.mark.parametrize(
    ("programs", "in_ci", "status", "says", "asked"),
    [
        pytest.param({"chromium": "", "id": "echo 0", "apt-get": APT}, True, 0, "", 0, id="there already"),
        pytest.param({"google-chrome-stable": "", "id": "echo 0"}, True, 0, "", 0, id="another there already"),
        pytest.param({"id": "echo 0", "apt-get": APT}, False, 0, "", 2, id="root"),
        pytest.param({"id": "echo 0", "apt-get": CAN_NOT}, False, 0, "will be skipped", 2, id="root, no network"),
        pytest.param({"id": "echo 0", "apt-get": CAN_NOT}, True, 2, "before CI runs", 2, id="root, no network, in CI"),
        pytest.param({"id": "echo 0"}, True, 2, "before CI runs", 0, id="no apt, in CI"),
        pytest.param({"id": "echo 7", "apt-get": APT}, False, 0, "will be skipped", 0, id="a user"),
        pytest.param({"id": "echo 7", "apt-get": APT}, True, 2, "before CI runs", 0, id="a user, in CI"),
        pytest.param(
            {"id": "echo 7", "apt-get": APT, "sudo": 'shift\nexec "$@"\n'}, False, 0, "will be skipped", 0,
            id="a user who may, but was not asked",
        ),
        pytest.param(
            {"id": "echo 7", "apt-get": APT, "sudo": 'shift\nexec "$@"\n'}, True, 0, "", 2, id="a user who may, in CI"
        ),
    ],
)  # fmt: skip
def test_a_browser_is_installed_or_missed(tmp_path, programs, in_ci, status, says, asked):
    for name in NEEDED:
        (tmp_path / name).symlink_to(shutil.which(name))
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!{tmp_path}/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    log = tmp_path / "log"
    environment = {"PATH": str(tmp_path), "PLACE": str(tmp_path), "LOG": str(log)}
    environment |= {"PREFTREE_NEED_BROWSER": "1"} if in_ci else {}
    done = subprocess.run(["make", "-s", "browser"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert says in done.stdout + done.stderr
    assert (says == "") is (done.stdout + done.stderr == "")
    assert len(log.read_text().splitlines() if log.exists() else ()) == asked
