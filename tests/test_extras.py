"""Extras: a missing one is named in a sentence, with exit status 2, before any work; the docs list each."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import preftree

ROOT = Path(__file__).parents[1]


def declared():
    """The extras of pyproject.toml; a parser of TOML is not in Python 3.10."""
    (table,) = re.findall(r"\[project\.optional-dependencies\]\n(.*?)\n\[", (ROOT / "pyproject.toml").read_text(), re.S)
    return set(re.findall(r"^([\w-]+) = \[", table, re.M))


WITHOUT = """
import sys

class Without:
    def __init__(self, package, others):
        self.package, self.others = package, others

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.package:
            return None
        return next((spec for other in self.others if (spec := other.find_spec(name, path, target))), None)

    def find_distributions(self, context):
        others = [] if context.name == self.package else self.others
        finders = [other.find_distributions for other in others if hasattr(other, "find_distributions")]
        return [found for find in finders for found in find(context)]

sys.meta_path = [Without({package!r}, sys.meta_path)]
"""


def without(package, code, directory):
    """Run a program in an environment that lacks one package, installed or not."""
    command = [sys.executable, "-c", WITHOUT.format(package=package) + code]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)


GROW = ["grow", "problems=problems.jsonl", "actors.a.model={model}", "ladder=[a]", "out=out"]
TRAIN = ["train", "sft", "model={model}", "rows=rows.jsonl", "out=out", "lora.rank=4"]


@pytest.mark.parametrize(
    ("package", "words", "sentence"),
    [
        pytest.param("ray", [*GROW, "engine=ray"], "engine=ray needs the extra ray", id="ray"),
        pytest.param("peft", TRAIN, "train.lora needs the extra peft", id="peft"),
        pytest.param(
            "bitsandbytes", [*TRAIN, "lora.four_bit=true", "lora.merge=false"],
            "train.lora.four_bit needs the extra four-bit", id="four-bit",
        ),
    ],
)  # fmt: skip
def test_a_missing_extra_is_named(package, words, sentence, tiny_model, tmp_path):
    (tmp_path / "problems.jsonl").write_text('{"problem": "What is 2 + 3?", "reference": "5"}\n')
    chat = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": chat}) + "\n")
    words = [word.format(model=tiny_model) for word in words]
    done = without(package, f"from preftree.cli import main\nsys.exit(main({words!r}))", tmp_path)
    assert done.returncode == 2, done.stderr
    extra = sentence.rpartition(" ")[2]
    assert done.stderr.strip().splitlines()[-1] == f"preftree: {sentence}: pip install 'preftree[{extra}]'"
    assert extra in declared()


def test_the_environment_of_verifiers_names_its_extra(tmp_path):
    """Asked for as `verifiers` asks: by its name in the package."""
    code = (
        "import preftree\nfrom preftree.errors import InputError\n"
        "try:\n    preftree.PreftreeEnvironment\nexcept InputError as error:\n    print(error.exit_status, error)"
    )
    done = without("verifiers", code, tmp_path)
    assert done.stdout.startswith("2 the environment for verifiers needs that package"), done.stderr
    assert done.stdout.rstrip().endswith("pip install 'preftree[verifiers]'")
    assert "verifiers" in declared()


def test_other_names_of_the_package_are_unknown():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = preftree.nothing


def test_the_docs_list_every_extra():
    listed = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "install.md").read_text(), re.M)
    assert sorted(listed) == sorted(declared() - {"dev", "docs"})
