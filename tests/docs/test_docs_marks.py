"""Every block of the README and the docs is run, checked, or says why not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pages import ROOT, Block, blocks, name_of, pages

# Groups that are played beside what they are about.
ELSEWHERE = {
    ("sources", "sources"): "tests/recipe/test_recipe_sources.py",
    ("report", "report"): "tests/recipe/test_recipe_report.py",
    ("reinforcement", "grpo"): "tests/rl/test_rl_grpo.py",
    ("reinforcement", "verifiers"): "tests/rl/test_rl_verifiers.py",
}
_COMMANDS = ("bash", "console", "sh", "shell", "python")
_GROUP = re.compile(r'group\(\s*"([\w/-]+)",\s*"([\w-]+)"\s*\)')
_INDENTED = re.compile(r"^ {4}\S.*$", re.MULTILINE)


def all_blocks() -> list[Block]:
    return [block for page in pages() for block in blocks(page)]


def test_every_command_is_run_or_says_why_not() -> None:
    bare = [
        block.place for block in all_blocks() if block.language in _COMMANDS and block.kind not in ("test", "not run")
    ]
    assert bare == [], "mark each with <!-- test: NAME --> or <!-- not run: REASON -->"


def test_a_reason_is_a_reason() -> None:
    """Not a word, but what is needed: a GPU, a key, a hub, hours, a service, an installation."""
    needs = ("GPU", "key", "hub", "hour", "minutes", "install", "machine", "server", "environment")
    empty = [
        f"{block.place}: {block.words}"
        for block in all_blocks()
        if block.kind == "not run" and (len(block.words.split()) < 4 or not any(need in block.words for need in needs))
    ]
    assert empty == []


def test_no_command_hides_in_an_indented_block() -> None:
    """Only a fence can be marked."""
    hidden = []
    for page in pages():
        text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for found in _INDENTED.finditer(text):
            before = text[: found.start()].rstrip("\n").rpartition("\n")[2]
            # A list goes on like this, and so do the options of a reference's `:::`.
            if not re.match(r"\s*([-*]|\d+\.|:::)\s", before):
                hidden.append(f"{name_of(page)}: {found[0].strip()}")
    assert hidden == []


def test_every_marked_group_is_played() -> None:
    marked = {(block.page, block.words) for block in all_blocks() if block.kind == "test"}
    played = set(ELSEWHERE)
    for file in Path(__file__).parent.glob("test_docs_*.py"):
        played |= set(_GROUP.findall(file.read_text("utf-8")))
    assert marked - played == set(), "no test plays these"
    assert played - marked == set(), "nothing is marked so"
    for (_, name), file in ELSEWHERE.items():
        assert f"<!-- test: {name}" in (ROOT / file).read_text("utf-8")


def test_a_mark_is_never_mistaken_for_a_comment() -> None:
    """A mark that is misspelt, or that no fence follows, would be no mark."""
    for page in pages():
        text = page.read_text("utf-8")
        loose = re.findall(r"<!-- ((?:test|settings|not run)\b[^\n]*) -->\n(?!```)", text)
        assert loose == [], f"{name_of(page)}: no fence follows"
        for mark, language in re.findall(r"<!-- ([^\n]*) -->\n```(\w*)", text):
            assert re.match(r"(test|settings|not run): \S", mark), f"{name_of(page)}: {mark} ({language})"


_SETTINGS = [block for block in all_blocks() if block.language in ("yaml", "yml")]


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in _SETTINGS])
def test_settings_are_what_a_schema_takes(block: Block) -> None:
    """The YAML of a recipe or of a stage, whole or below a field; what a test plays is read by its command."""
    if block.kind == "not run":
        return
    import jsonschema
    import yaml

    from preftree.recipe.schema import FOLDER

    data = yaml.safe_load(block.text)
    kind, at = (block.words, block.at) if block.kind == "settings" else ("", "")
    if block.kind == "test":
        # A recipe's own variables may stand at the top beside `base`, and a file of settings may be any stage's.
        kind = "recipe" if "base" in data or "stages" in data else ""
    else:
        assert kind, f"{block.place}: mark it <!-- settings: STAGE -->"
    if kind:
        schema = json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
        jsonschema.validate({at: data} if at else data, schema)


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.place) for block in all_blocks() if block.language == "json"]
)
def test_rows_are_json(block: Block) -> None:
    for line in block.text.splitlines():
        json.loads(line)
