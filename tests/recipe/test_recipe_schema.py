"""Schemas for editors: made from the settings' classes, packaged, and as strict as the program."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from preftree.cli import main
from preftree.recipe.runner import KINDS
from preftree.recipe.schema import FOLDER, recipe_schema, stage_schema, write


def test_the_packaged_schemas_are_those_of_today(tmp_path):
    """After a change of settings: `python -m preftree.recipe.schema`."""
    for path in write(tmp_path / "schemas"):
        assert (FOLDER / path.name).read_text() == path.read_text(), path.name
    assert {path.stem for path in FOLDER.glob("*.json")} == {"recipe", "score", *KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one(kind):
    Draft202012Validator.check_schema(stage_schema(kind))


def test_packaged_recipes_pass():
    validator = Draft202012Validator(recipe_schema())
    recipes = sorted((FOLDER.parent / "recipes").glob("*.yaml"))
    assert recipes
    for path in recipes:
        faults = [
            f"{'/'.join(map(str, fault.path))}: {fault.message}"
            for fault in validator.iter_errors(yaml.safe_load(path.read_text()))
        ]
        assert faults == [], path.name


@pytest.mark.parametrize(
    ("kind", "settings", "fault"),
    [
        pytest.param("grow", {"problems": "p.jsonl", "polcy": {}}, "polcy", id="a misspelt field"),
        pytest.param("grow", {"policy": {"max_turns": "many"}}, "many", id="no number"),
        pytest.param("train", {"objective": "sftt"}, "sftt", id="an unknown word"),
        pytest.param("grow", {"actors": {"a": {"modell": "x"}}}, "modell", id="an actor's field"),
    ],
)
def test_what_is_wrong_is_refused(kind, settings, fault):
    messages = [error.message for error in Draft202012Validator(stage_schema(kind)).iter_errors(settings)]
    assert any(fault in message for message in messages), messages


def test_fields_have_words():
    policy = stage_schema("grow")["$defs"]["GrowSettings"]["properties"]
    assert policy["max_turns"].get("description")
    assert stage_schema("grow")["$defs"]["ActorSettings"]["properties"]["base_url"]["description"].startswith(
        "endpoint"
    )


def test_the_command(capsys):
    assert main(["schema", "grow"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "preftree grow"
    assert main(["schema", "recipe", "--path"]) == 0
    assert capsys.readouterr().out.strip() == str(FOLDER / "recipe.json")
    assert main(["schema", "nothing"]) == 2
