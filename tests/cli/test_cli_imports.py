"""Asking for help is quick because nothing heavy is imported: a timing is no test, what makes it slow is."""

import json
import subprocess
import sys

import pytest

# Of other projects: the light ones that the command line may import before it knows what it is asked for.
LIGHT = {"jinja2", "markupsafe"}
CODE = """
import json, sys
before = set(sys.modules)
from preftree.cli import main
try:
    main({words!r})
except SystemExit as end:
    assert end.code == 0, end.code
sys.stdout.write("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in set(sys.modules) - before}})))
"""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["run", "--help"], ["grow", "--help"], ["train", "--help"], ["evaluate", "--help"]],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(words):
    done = subprocess.run([sys.executable, "-c", CODE.format(words=words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    foreign = set(json.loads(done.stdout.splitlines()[-1])) - set(sys.stdlib_module_names) - {"preftree"}
    assert foreign <= LIGHT
