"""Many actions at once, a tenth of them hostile: nothing leaks, each ends as it does alone. See benchmarks/soak.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("actions", [200, pytest.param(3000, marks=pytest.mark.slow)])
def test_load_changes_nothing_and_leaks_nothing(actions: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", str(actions)], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"actions             {actions}\n" in done.stdout
    assert "faults              []" in done.stdout


@pytest.mark.slow
def test_a_leak_and_another_outcome_would_be_seen() -> None:
    """The check itself: what it is told is wrong makes it fail."""
    code = (
        "import asyncio, sys\nfrom benchmarks import soak\n"
        "leaky = soak.Job('leaky', soak._cell('1', [], '2'), frozenset({'ok'}))\n"
        "soak._attacks = lambda: [leaky]\n"
        "now = soak.Held.now\n"
        "kept = []\n"
        "def later():\n    held = now()\n    kept.append(open('/dev/null'))\n    return held\n"
        "soak.Held.now = staticmethod(later)\n"
        "sys.exit(asyncio.run(soak.main(20)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr  # False: not all went as it should
    assert "leaky: ('ok, but not the value 2', '1')" in done.stdout
    assert "descriptors: " in done.stdout
