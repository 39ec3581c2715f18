"""What is shipped: the wheel holds the package, all of it and nothing else, and works where there is no checkout."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ("src", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE")
SMALL = """base: quickstart
max_tokens: 16
stages:
  problems:
    splits:
      forest-1: {chain_sum: 3, leg_counting: 2, basic_arithmetic: 2, gsm8k: 2, letter_counting: 1}
"""
# Of the clean environment: whatever opens a file of the checkout fails.
WATCH = """import os, sys
def watch(event, args, root={root!r}):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(args[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(args[0]))
        if path == root or path.startswith(root + os.sep):
            raise RuntimeError(f"{{path}} of the checkout is read")
sys.addaudithook(watch)
"""


def run(*command, cwd, **more):
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=environment | more, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """(source archive, wheel), built from a copy: nothing is left in the checkout, nothing old is found there."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "copy").mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "copy" / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / "copy" / name)
    # The wheel is made from the archive, as an installer without wheels makes it.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "copy", cwd=folder)
    (archive,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return archive, wheel


def files_of_the_package():
    paths = (path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*") if path.is_file())
    return {str(path) for path in paths if "__pycache__" not in path.parts and ".egg-info" not in path.parts[0]}


def test_the_wheel_is_the_package(dist):
    """Every file under src, so that no kind of data can be forgotten, and no tests."""
    names = zipfile.ZipFile(dist[1]).namelist()
    assert {name for name in names if ".dist-info/" not in name} == files_of_the_package()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "name",
    [
        "preftree/py.typed",
        "preftree/recipe/recipes/quickstart.yaml",
        "preftree/recipe/schemas/recipe.json",
        "preftree/grow/prompts/critique.txt",
        "preftree/train/templates/chatml.jinja",
        "preftree/report/page.css",
        "preftree/report/viewer/page/page.html",
        "preftree/report/paper/table1.csv",
        "preftree/problems/data/gsm8k_slice.jsonl",
        "preftree/problems/data/LICENSE-gsm8k.md",
    ],
)
def test_each_kind_of_data_is_in_it(dist, name):
    assert zipfile.ZipFile(dist[1]).getinfo(name).file_size == (ROOT / "src" / name).stat().st_size


def test_rows_of_others_stand_beside_their_licence(dist):
    """Each folder with rows or tables holds a text that says whose they are."""
    names = [Path(name) for name in zipfile.ZipFile(dist[1]).namelist()]
    folders = {name.parent for name in names if name.suffix in (".jsonl", ".csv")}
    said = {name.parent for name in names if name.name == "README.md" or name.name.startswith("LICENSE")}
    assert len(folders) >= 4
    assert folders <= said


def test_the_licence_and_the_command_are_in_it(dist):
    wheel = zipfile.ZipFile(dist[1])
    (head,) = [name.split("/")[0] for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    assert wheel.read(f"{head}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "preftree = preftree.cli:main" in wheel.read(f"{head}/entry_points.txt").decode()


def test_the_source_archive_is_what_a_build_needs(dist):
    """It made the wheel above; of the tests, which need the rest of the checkout, it holds none."""
    with tarfile.open(dist[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {f"src/{name}" for name in files_of_the_package()} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "docs"))]


def test_the_index_would_take_both(dist):
    run(sys.executable, "-m", "twine", "check", "--strict", *dist, cwd=dist[0].parent)


@pytest.mark.slow  # it installs everything anew, torch too, and fetches the embedded model: minutes
@pytest.mark.timeout(1800)
def test_a_wheel_runs_the_first_stages(dist, tmp_path):
    """In a clean environment with an empty home, from elsewhere."""
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home/cache"), "TMPDIR": str(tmp_path)}
    (tmp_path / "home").mkdir()
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", dist[1], cwd=tmp_path, **home)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    Path(site, "sitecustomize.py").write_text(WATCH.format(root=str(ROOT)))
    with pytest.raises(AssertionError, match="of the checkout is read"):  # the watch does watch
        run(python, "-c", f"open({str(ROOT / 'pyproject.toml')!r})", cwd=tmp_path)

    (tmp_path / "small.yaml").write_text(SMALL)
    command = tmp_path / "clean" / "bin" / "preftree"
    run(command, "run", "small.yaml", "--until", "forest-1", f"out={tmp_path / 'runs'}", cwd=tmp_path, **home)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["forest-1", "problems"]
    stage = json.loads((tmp_path / "runs" / "forest-1" / "stage.json").read_text())
    assert stage["report"]["trees"] == 10
