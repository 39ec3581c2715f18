"""What to do where user namespaces are barred.

In:  this machine's /proc/sys, marks that container runtimes leave, the bubblewrap in use. Out: one fix a line; each
names a command or a setting whole, so that it can be pasted.
Always true: what this machine itself shows to bar them comes first; no fix takes the jail away.
"""

from __future__ import annotations

import os
from pathlib import Path

_SYS = Path("/proc/sys")
_CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_OWN_NAMESPACE = Path("/proc/self/ns/user")

# New namespaces and mounts are barred by the runtime's filter; a fresh /proc by paths of the old one that are covered.
_CONTAINERS = (
    "Docker: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined …",
    "Podman: podman run --security-opt seccomp=unconfined --security-opt label=disable --security-opt unmask=ALL …",
    "Kubernetes: in the pod's spec hostUsers: false, and in the container's securityContext procMount: Unmasked, "
    "seccompProfile: {type: Unconfined} and appArmorProfile: {type: Unconfined}",
)


def remedies(bubblewrap: str | None) -> list[str]:
    """Fixes for this machine; for every kind of machine if it shows no reason."""
    return [*_kernel(bubblewrap or "/usr/bin/bwrap"), *(_CONTAINERS if _in_container() else ())] or list(_CONTAINERS)


def _kernel(bubblewrap: str) -> list[str]:
    if not _OWN_NAMESPACE.exists():
        return ["This kernel has no user namespaces: run one that is built with CONFIG_USER_NS"]
    fixes = []
    if _value("kernel/apparmor_restrict_unprivileged_userns") == "1":
        fixes.append(f"Ubuntu 23.10 and later, for this program alone: {_apparmor_profile(bubblewrap)}")
        fixes.append(f"Or for all programs: {_sysctl('kernel.apparmor_restrict_unprivileged_userns=0')}")
    if _value("kernel/unprivileged_userns_clone") == "0":
        fixes.append(f"Debian and its kin: {_sysctl('kernel.unprivileged_userns_clone=1')}")
    if _value("user/max_user_namespaces") == "0":
        fixes.append(f"RHEL and hardened systems: {_sysctl('user.max_user_namespaces=15000')}")
    return fixes


def _value(name: str) -> str | None:
    path = _SYS / name
    return path.read_text().strip() if path.exists() else None


def _sysctl(setting: str) -> str:
    """Now, and after each start of the machine."""
    return f"echo {setting} | sudo tee -a /etc/sysctl.d/90-preftree.conf && sudo sysctl -w {setting}"


def _apparmor_profile(bubblewrap: str) -> str:
    profile = rf'abi <abi/4.0>,\nprofile preftree-bwrap "{bubblewrap}" flags=(unconfined) {{\n  userns,\n}}\n'
    path = "/etc/apparmor.d/preftree-bwrap"
    return f"printf '{profile}' | sudo tee {path} && sudo apparmor_parser -r {path}"


def _in_container() -> bool:
    return any(mark.exists() for mark in _CONTAINER_MARKS) or "KUBERNETES_SERVICE_HOST" in os.environ
