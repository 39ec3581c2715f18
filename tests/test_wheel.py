"""A wheel, installed outside the checkout in a clean environment, runs the quickstart's first two stages."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow  # it installs everything anew, torch too: several minutes
@pytest.mark.timeout(1800)
def test_a_wheel_runs_the_first_stages(tmp_path):
    def run(*command):
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT))
    (wheel,) = (tmp_path / "dist").glob("preftree-*.whl")
    venv.create(tmp_path / "clean", with_pip=True)
    python = str(tmp_path / "clean" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel))
    assert str(ROOT) not in run(python, "-c", "import preftree; print(preftree.__file__)")
    command = str(tmp_path / "clean" / "bin" / "preftree")
    run(command, "run", "quickstart", "--until", "forest-1", f"out={tmp_path / 'runs'}")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["forest-1", "problems"]
    stage = json.loads((tmp_path / "runs" / "forest-1" / "stage.json").read_text())
    assert stage["report"]["trees"] > 0


def test_help_is_quick_because_nothing_heavy_is_imported():
    """A timing is no test; what makes it slow is."""
    code = (
        "import sys; from preftree.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'numpy', 'pandas', 'sympy', 'ray', 'aiohttp', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
