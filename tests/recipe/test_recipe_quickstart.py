"""The quickstart as users run it, with the embedded model: minutes long, so only in `make test-all`."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


def run(out):
    command = [sys.executable, "-m", "preftree", "run", "quickstart", f"out={out}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_the_quickstart(tmp_path):
    done = run(tmp_path / "run")
    results = json.loads((tmp_path / "run/report/results.json").read_text())
    assert "turn 1" in done.stderr
    assert "leg_counting" in done.stdout
    assert int(max(results["forests"][-1]["report"]["trees_by_turns"])) >= 2
    assert max(stage["peak_memory_mb"] for stage in results["stages"]) < 8000
    solved = {
        row["model"]: row["value"]
        for row in results["evaluation"]["groups"]
        if row["group"] == "trained families" and row["turns"] == 1
    }
    assert solved["sft"] >= solved["bare"] + 0.30
    before = (tmp_path / "run/report/results.json").read_bytes()
    again = run(tmp_path / "run")
    assert again.stderr.count("done before") == 11
    assert (tmp_path / "run/report/results.json").read_bytes() == before
