"""Recipes: bases, variables, overrides; and one sentence for each mistake."""

from pathlib import Path

import pytest
import yaml

from preftree.errors import InputError
from preftree.grow import GrowSettings
from preftree.recipe import load_recipe, load_section
from preftree.recipe.settings import typed


def _write(path: Path, value) -> str:
    path.write_text(yaml.safe_dump(value))
    return str(path)


def test_the_quickstart_loads():
    recipe = load_recipe("quickstart")
    assert list(recipe.stages)[:3] == ["problems", "forest-1", "sft-rows"]
    assert recipe.stages["sft"]["model"] == "embedded"
    assert "preference-nca" in recipe.stages


def test_variables_fill_values_keys_and_names():
    recipe = load_recipe("quickstart", ["objective=kto", "model=some/where", "out=runs/x"])
    assert recipe.out == Path("runs/x")
    assert recipe.stages["preference-kto"]["objective"] == "kto"
    assert set(recipe.stages["evaluation"]["models"]) == {"bare", "sft", "kto"}
    assert recipe.stages["forest-1"]["actors"]["bare"]["model"] == "some/where"


def test_a_file_of_ones_own_over_a_base(tmp_path):
    own = {"base": "quickstart", "name": "mine", "out": "o", "stages": {"sft": {"epochs": 3}}}
    recipe = load_recipe(_write(tmp_path / "mine.yaml", own), ["sft.learning_rate=2e-5"])
    assert recipe.name == "mine"
    assert (recipe.stages["sft"]["epochs"], recipe.stages["sft"]["learning_rate"]) == (3, 2e-5)
    assert recipe.stages["sft"]["batch_size"] == 8


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["objectiv=kto"], 'no variable "objectiv"; did you mean "objective"?', id="variable"),
        pytest.param(["sfd.epochs=1"], 'no stage "sfd"; did you mean "sft"?', id="stage"),
        pytest.param(["objective"], '"objective": expected key=value', id="no-value"),
        pytest.param(["seed=[1"], "not valid YAML", id="yaml"),
        pytest.param(["out=3"], "variable out: expected a directory", id="out"),
    ],
)
def test_wrong_overrides(words, said):
    with pytest.raises(InputError) as caught:
        load_recipe("quickstart", words)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[1, 2]", "expected a mapping", id="list"),
        pytest.param("base: nothing", 'no recipe "nothing"', id="base"),
        pytest.param("base: quickstart\nmodle: x", 'no variable "modle"; did you mean "model"?', id="variable"),
        pytest.param("base: quickstart\nstages: {sfd: {}}", 'no stage "sfd"', id="stage"),
        pytest.param("name: x", "expected base, or name, variables and stages", id="parts"),
        pytest.param("a: b: c", "not valid YAML", id="yaml"),
        pytest.param(
            "name: x\nvariables: {out: o}\nstages: {s: {kind: '${gone}'}}", 'no variable "gone"', id="unknown-mark"
        ),
    ],
)
def test_wrong_files(tmp_path, text, said):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_recipe(str(tmp_path / "r.yaml"))
    assert said in str(caught.value)


def test_no_such_file():
    with pytest.raises(InputError, match=r"gone\.yaml: can't be read"):
        load_recipe("gone.yaml")


def test_a_dash_is_a_dash():
    """YAML reads a lone one as a list; docs/growing.md leaves a source out by it."""
    assert load_section(["a=-"]) == {"a": "-"}
    sources = load_recipe("ultrainteract", ["reclor=-"]).stages["problems"]["sources"]
    assert [source["path"] for source in sources if source["name"] == "reclor"] == ["-"]


def test_a_section_from_words():
    assert load_section(["a.b=1e-4", "c=[x, y]"]) == {"a": {"b": 1e-4}, "c": ["x", "y"]}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        pytest.param({"sead": 1}, 'unknown setting "sead"; did you mean "seed"?', id="unknown"),
        pytest.param({"max_turns": "three"}, "stage grow: max_turns: expected a whole number, got text", id="type"),
        pytest.param({"batches": 4}, "stage grow: batches: expected a list, got a number", id="list"),
    ],
)
def test_typed_settings(section, said):
    with pytest.raises(InputError) as caught:
        typed(GrowSettings, section, "stage grow")
    assert str(caught.value).startswith("stage grow: ")
    assert said in str(caught.value)
