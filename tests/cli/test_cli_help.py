"""Help: every command has it with examples, it fits the terminal, and what the examples say is true."""

import argparse
import re
import shlex
import subprocess
import sys

import pytest

from preftree.cli import main, parser
from preftree.cli.known import recipe_names, stage_names, stage_settings
from preftree.recipe import load_recipe, load_section
from preftree.recipe.runner import KINDS, stage_module
from preftree.recipe.settings import typed


def commands():
    (found,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return found.choices


def examples(command):
    """The words of each example, as a shell reads them."""
    text = commands()[command].epilog.partition("Examples:")[2].partition("\n\n")[0]
    for line in text.strip().splitlines():
        words = shlex.split(line, comments=True)
        if "|" in words and words[0] != "preftree":
            words = words[words.index("|") + 1 :]
        for end in ("|", ">", "<"):
            words = words[: words.index(end)] if end in words else words
        assert words[0] == "preftree"
        yield words[1:]


EXAMPLES = [pytest.param(words, id=" ".join(words)[:70]) for command in commands() for words in examples(command)]


@pytest.mark.parametrize("command", commands())
def test_every_command_has_examples_and_says_what_it_does(command):
    assert list(examples(command))
    assert len(commands()[command].description) > 10


@pytest.mark.parametrize("words", EXAMPLES)
def test_an_example_is_true(words, tmp_path, monkeypatch):
    """Its options exist, and each of its settings is one of the command's, with a value of its type."""
    monkeypatch.chdir(tmp_path)
    for name in [word for word in words if word.endswith(".yaml")]:
        (tmp_path / name).write_text("base: quickstart\n" if words[0] in ("run", "settings") else "{}\n")
    arguments, rest = parser().parse_known_args(words)
    assert not [word for word in rest if word.startswith("-")]
    settings = [*getattr(arguments, "settings", []), *getattr(arguments, "words", []), *rest]
    if words[0] == "run":
        recipe = load_recipe(arguments.recipe, settings)
        assert arguments.until is None or arguments.until in recipe.stages
        return
    section = load_section([word for word in settings if "=" in word or word.endswith(".yaml")])
    of_view = ["tokenizer", "template", "reward_model", "policy", "reference_model", "max_tokens"]
    known = {"stats": ["tokenizer"], "view": of_view}.get(words[0])
    names = [setting.name for setting in stage_settings(words[0])] if known is None and section else known or []
    for key in section:
        assert any(name.partition(".")[0] == key for name in names), key
    if words[0] in KINDS and section and not any(word.endswith(".yaml") for word in words):
        # What the command adds to the settings.
        added = {"train": ("objective", "sft"), "import": ("rows", ["x"]), "decontaminate": ("rows", "x")}
        added |= {"regrade": ("forest", "x"), "report": ("run", "x")}
        known = stage_module(words[0]).Settings
        given = {key: value for key, value in section.items() if key != "out"}
        given |= dict([added[words[0]]] if words[0] in added else [])
        typed(known, given | ({"out": "x"} if "out" in known.__dataclass_fields__ else {}), words[0])


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", ["", *commands()])
def test_help_fits(command, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit) as ended:
        main([*([command] if command else []), "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    # A single word that is longer (an address, a setting with its value) stays whole, to be copied.
    long = [line for line in shown.splitlines() if len(line) > width]
    assert [line for line in long if len(re.findall(r"'.*'|[^\s\\]+", line)) > 1] == []


def test_an_example_that_is_broken_over_lines_is_still_one_command(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        main(["grow", "--help"])
    shown = capsys.readouterr().out.partition("Examples:\n")[2]
    first = re.match(r"(?:.*\\\n)*.*\n", shown)[0]
    assert first.count("\n") > 1
    assert shlex.split(first.replace("\\\n", "")) == ["preftree", *next(examples("grow"))]


def test_no_command_is_status_2_with_help(capsys):
    assert main([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Examples:" in shown.err


def test_the_version(capsys):
    from preftree import __version__

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"preftree {__version__}\n"


def test_help_is_quick():
    """Nothing heavy is loaded for it. (Loaded modules are counted, not seconds.)"""
    code = (
        "import sys, preftree.cli as cli\ncli.parser()\n"
        "heavy = {'torch', 'transformers', 'pandas', 'rich', 'yaml', 'argcomplete', 'preftree.recipe'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ---------------------------------------------------------------- preftree settings


@pytest.mark.parametrize("kind", [*KINDS, "score"])
def test_every_field_of_a_stage_is_listed(kind):
    from preftree.recipe.scoring import Settings

    expected = Settings if kind == "score" else stage_module(kind).Settings
    listed = {setting.name.partition(".")[0] for setting in stage_settings(kind)}
    assert set(expected.__dataclass_fields__) <= listed


def test_inner_settings_have_their_path_type_default_and_meaning():
    (turns,) = [one for one in stage_settings("grow") if one.name == "policy.max_turns"]
    assert (turns.type, turns.default) == ("integer", 5)
    assert turns.meaning
    (kind,) = [one for one in stage_settings("grow") if one.name == "actors.NAME.kind"]
    assert kind.values == ("local", "endpoint")


@pytest.mark.parametrize("name", [*stage_names(), "exec", *recipe_names()])
def test_settings_of(name, capsys):
    assert main(["settings", name]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_a_recipes_variables_are_listed_with_their_values(capsys):
    assert main(["settings", "quickstart"]) == 0
    shown = capsys.readouterr().out
    recipe = load_recipe("quickstart")
    assert f"objective\t{recipe.variables['objective']}" in shown
    assert "sft\ttrain\tsft.SETTING=value; preftree settings train" in shown
