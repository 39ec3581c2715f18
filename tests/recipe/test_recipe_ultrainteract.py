"""The packaged recipe that grows UltraInteract: sources, roles and settings are the paper's (FACTS section 1)."""

import dataclasses

import pytest

from preftree.problems import SourceSettings
from preftree.recipe.actors import check_actors
from preftree.recipe.settings import load_recipe, typed
from preftree.recipe.stages import export, grow, problems


@pytest.fixture
def recipe():
    return load_recipe("ultrainteract")


def _section(recipe, stage):
    return {key: value for key, value in recipe.stages[stage].items() if key != "kind"}


def test_the_sources_are_the_papers(recipe):
    sources = {source["name"]: source for source in recipe.stages["problems"]["sources"]}
    both = ["Math_PoT", "Math_CoT"]
    assert {name: source.get("forms") for name, source in sources.items()} == {
        **dict.fromkeys(("gsm8k", "math", "mathqa", "numglue"), both),
        "tabmwp": ["Math_PoT"],
        **dict.fromkeys(("codecontests", "taco", "wikitablequestions", "magicoder_evol")),
        **dict.fromkeys(("reclor", "strategyqa", "hotpotqa")),
    }
    assert {name for name, source in sources.items() if not source.get("filter")} == {"gsm8k", "math"}


def test_the_problems_stage_reads_its_section(recipe):
    if "sources" not in {field.name for field in dataclasses.fields(problems.Settings)}:
        pytest.skip("the problems stage takes no sources yet")
    settings = typed(problems.Settings, _section(recipe, "problems"), "problems")
    assert all(isinstance(source, SourceSettings) for source in settings.sources)


def test_the_roles_are_the_papers(recipe):
    settings = typed(grow.Settings, _section(recipe, "forest"), "forest")
    check_actors(settings.actors, "forest")
    model = {name: section["model"] for name, section in settings.actors.items()}
    assert [model[name] for name in settings.ladder] == ["gpt-3.5-turbo", *["gpt-4-turbo"] * 3]
    assert (model[settings.hinter], model[settings.baseline]) == ("gpt-3.5-turbo", "gpt-3.5-turbo")
    assert (model[settings.critic], model[settings.writer], model[settings.judge]) == ("gpt-4", "gpt-4", "gpt-4-turbo")
    assert len({model[name] for name in settings.pool}) == 4


def test_the_settings_are_the_papers(recipe):
    policy = typed(grow.Settings, _section(recipe, "forest"), "forest").policy
    assert (policy.batches, policy.choice, policy.max_turns) == ((20,), "random", 5)
    assert (policy.correct, policy.incorrect, policy.hints, policy.critique_correct) == (1, 1, True, True)
    assert policy.schemata == ("cot", "modular")
    typed(export.Settings, _section(recipe, "rows"), "rows")


def test_a_role_without_a_model_is_passed_over():
    recipe = load_recipe("ultrainteract", ["critic_model=", "strong_model=", "pool_4="])
    actors = recipe.stages["forest"]["actors"]
    assert [name for name, section in actors.items() if not section["model"]] == ["strong", "critic", "pool-4"]
