"""What a user is told where no jail can be started: fixes for what this machine shows, a line each."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from preftree.cli import doctor as command
from preftree.environment import Diagnosis, EnvironmentSettings, Limits, doctor, remedies
from preftree.environment.tools import ToolSettings

CONTAINERS = ("docker run ", "podman run ", "hostUsers: false")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in the place of /proc/sys and of the marks of containers."""
    monkeypatch.setattr(remedies, "_SYS", tmp_path)
    monkeypatch.setattr(remedies, "_CONTAINER_MARKS", (tmp_path / ".dockerenv",))
    monkeypatch.setattr(remedies, "_OWN_NAMESPACE", tmp_path / "user")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for folder in ("kernel", "user"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, CONTAINERS, id="nothing-seen"),
        pytest.param({".dockerenv": ""}, CONTAINERS, id="container"),
        pytest.param(
            {"kernel/apparmor_restrict_unprivileged_userns": "1\n"},
            ("sudo apparmor_parser -r", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
            id="ubuntu",
        ),
        pytest.param(
            {"kernel/unprivileged_userns_clone": "0\n", "user/max_user_namespaces": "15000\n"},
            ("sysctl -w kernel.unprivileged_userns_clone=1",),
            id="debian",
        ),
        pytest.param(
            {"user/max_user_namespaces": "0\n"}, ("sudo sysctl -w user.max_user_namespaces=15000",), id="rhel"
        ),
        pytest.param(
            {"kernel/apparmor_restrict_unprivileged_userns": "0", "kernel/unprivileged_userns_clone": "1"},
            CONTAINERS,
            id="all-is-allowed-by-the-kernel",
        ),
        pytest.param(
            {"user/max_user_namespaces": "0", ".dockerenv": ""},
            ("user.max_user_namespaces=15000", *CONTAINERS),
            id="a-container-on-a-hardened-machine",
        ),
    ],
)
def test_fixes_are_for_what_the_machine_shows(machine: Path, files: dict[str, str], expected: tuple[str, ...]) -> None:
    for name, content in files.items():
        (machine / name).write_text(content)
    found = remedies.remedies("/opt/bwrap")
    assert len(found) == len(expected)
    assert all(part in fix for part, fix in zip(expected, found, strict=True)), found
    assert all("\n" not in fix for fix in found)
    assert not any("isolation=none" in fix for fix in found)


def test_in_a_cluster_the_pod_is_what_to_change(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "user/max_user_namespaces").write_text("0")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert "procMount: Unmasked" in remedies.remedies(None)[-1]


def test_a_kernel_without_user_namespaces_is_named(machine: Path) -> None:
    (machine / "user").rmdir()
    assert "CONFIG_USER_NS" in remedies.remedies(None)[0]


def test_the_profile_is_for_the_program_that_is_run(machine: Path) -> None:
    (machine / "kernel/apparmor_restrict_unprivileged_userns").write_text("1")
    assert 'profile preftree-bwrap "/venv/bin/bwrap" flags=(unconfined)' in remedies.remedies("/venv/bin/bwrap")[0]


def test_the_doctor_prints_a_fix_a_line_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Diagnosis("user namespaces", False, "bwrap: no", "Docker: do this\nPodman: do that")
    monkeypatch.setattr("preftree.environment.diagnose", lambda: [broken])
    monkeypatch.setattr(command, "_machine", lambda: [])
    monkeypatch.setattr(command, "_engines", lambda: [])
    monkeypatch.setattr(command, "_embedded", lambda: command._check("embedded model", True, "x", needed=False))
    from preftree.cli import main

    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "NO  user namespaces: bwrap: no",
        "    fix: Docker: do this",
        "    fix: Podman: do that",
        "ok  embedded model: x",
    ]


def test_a_jail_that_can_not_be_made_names_all_fixes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(doctor.jail, "bubblewrap", lambda: str(fake))
    found = {one.name: one for one in doctor.diagnose()}
    assert not found["user namespaces"].ok
    assert "No permissions" in found["user namespaces"].detail
    assert found["user namespaces"].fix.splitlines() == remedies.remedies(str(fake))
    assert not found["jail"].ok
    assert found["seccomp"].ok


def test_the_guide_names_every_setting_and_every_fix() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "jail.md").read_text("utf-8").replace("`", "")
    for prefix, settings in (("", EnvironmentSettings()), ("limits.", Limits()), ("tools.", ToolSettings())):
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if not dataclasses.is_dataclass(value):
                shown = ", ".join(value) if isinstance(value, tuple) else {None: "null", "": '""'}.get(value, value)
                assert f"| {prefix}{field.name} | {shown} |" in guide
    for part in ("--security-opt systempaths=unconfined", "--security-opt unmask=ALL", "hostUsers: false"):
        assert part in " ".join(remedies._CONTAINERS)
        assert part in guide
