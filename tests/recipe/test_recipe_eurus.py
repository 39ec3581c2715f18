"""The paper's recipes: settings that exist, figures that are the paper's (FACTS section 2), and runs of small rows."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from preftree.errors import InputError
from preftree.export import export
from preftree.forest import Forest
from preftree.problems.places import place_files
from preftree.recipe.runner import run_recipe
from preftree.recipe.settings import load_recipe, typed
from preftree.records import Action, Message, Problem, Reference, Tree, Turn, Verdict
from preftree.train import TrainSettings
from preftree.train.sources import mix_of

SOURCES = ("ultrainteract", "action_pairs", "ultrafeedback", "ultrasafety", "ultrachat", "openorca", "sharegpt")
SFT, PREFERENCE, REWARD = 2e-5, 5e-7, 1e-5
NAMES = [
    "eurus-sft", "eurus-sft-70b", "eurus-preference", "eurus-reward", "ablation-sft-ground-truth",
    "ablation-sft-open-only", "ablation-sft-ultrainteract-only", "ablation-reward-no-ldr", "ablation-reward-no-lbt",
    "ablation-reward-no-us", "ablation-reward-no-uf-us",
]  # fmt: skip


def train_stage(name: str, *overrides: str) -> TrainSettings:
    stages = load_recipe(name, overrides).stages
    (stage,) = [stage for stage in stages.values() if stage["kind"] == "train"]
    section = {key: value for key, value in stage.items() if key != "kind"}
    return typed(TrainSettings, section | {"out": "o"}, name)


@pytest.mark.parametrize("name", NAMES)
def test_what_all_share(name: str) -> None:
    settings = train_stage(name)
    assert (settings.epochs, settings.lr_scheduler, settings.warmup_ratio) == (1, "cosine", 0.1)
    assert settings.template == "mistral-instruct"
    assert settings.learning_rate == {"sft": SFT, "kto": PREFERENCE, "reward": REWARD}[settings.objective]
    assert mix_of(settings)


MISTRAL, EURUS = "mistralai/Mistral-7B-v0.1", "openbmb/Eurus-7b-sft"
CHAT = {"ultrachat": 32_000, "sharegpt": 30_000, "openorca": 50_000}
CHAT_70B = {"ultrachat": 63_000, "sharegpt": 30_000, "openorca": 70_000}
TREES = {"ultrainteract": None}


@pytest.mark.parametrize(
    ("name", "model", "caps"),
    [
        pytest.param("eurus-sft", MISTRAL, TREES | CHAT, id="sft"),
        pytest.param("eurus-sft-70b", "codellama/CodeLlama-70b-hf", TREES | CHAT_70B, id="sft-70b"),
        pytest.param("ablation-sft-open-only", MISTRAL, CHAT, id="open-only"),
        pytest.param("ablation-sft-ultrainteract-only", MISTRAL, TREES, id="ultrainteract-only"),
        pytest.param("ablation-sft-ground-truth", MISTRAL, TREES | CHAT, id="ground-truth"),
        pytest.param("eurus-preference", EURUS, {"tree": None, "ultrafeedback": None}, id="preference"),
        pytest.param("eurus-reward", EURUS, {"tree": None, "ultrafeedback": None, "ultrasafety": 3_000}, id="reward"),
        pytest.param("ablation-reward-no-us", EURUS, {"tree": None, "ultrafeedback": None}, id="no-us"),
        pytest.param("ablation-reward-no-uf-us", EURUS, {"tree": None}, id="no-uf-us"),
    ],
)
def test_models_and_mixes(name: str, model: str, caps: dict[str, Any]) -> None:
    settings = train_stage(name)
    assert settings.model == model
    assert {entry.name: entry.cap for entry in mix_of(settings)} == caps


@pytest.mark.parametrize("objective", ["kto", "nca", "dpo"])
def test_preference_settings(objective: str) -> None:
    settings = train_stage("eurus-preference", f"objective={objective}")
    assert settings.objective == objective
    assert (settings.beta, settings.lambda_desirable, settings.lambda_undesirable) == (0.1, 1.33, 1.0)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        pytest.param("eurus-reward", "bt+dr", id="both"),
        pytest.param("ablation-reward-no-ldr", "bt", id="no-ldr"),
        pytest.param("ablation-reward-no-lbt", "dr", id="no-lbt"),
    ],
)
def test_reward_terms(name: str, terms: str) -> None:
    settings = train_stage(name)
    assert settings.reward_terms == terms
    # Trajectory pairs and action pairs: both from trees, so both get L_DR.
    assert [entry.name for entry in mix_of(settings)] == ["tree", "tree", "ultrafeedback", "ultrasafety"]


@pytest.mark.parametrize(
    ("name", "base", "changed"),
    [
        pytest.param("eurus-sft-70b", "eurus-sft", {"model", "mix"}, id="70b"),
        pytest.param("ablation-sft-ground-truth", "eurus-sft", {"mix"}, id="ground-truth"),
        pytest.param("ablation-sft-open-only", "eurus-sft", {"mix"}, id="open-only"),
        pytest.param("ablation-sft-ultrainteract-only", "eurus-sft", {"mix"}, id="ultrainteract-only"),
        pytest.param("ablation-reward-no-ldr", "eurus-reward", {"reward_terms"}, id="no-ldr"),
        pytest.param("ablation-reward-no-lbt", "eurus-reward", {"reward_terms"}, id="no-lbt"),
        pytest.param("ablation-reward-no-us", "eurus-reward", {"mix"}, id="no-us"),
        pytest.param("ablation-reward-no-uf-us", "eurus-reward", {"mix"}, id="no-uf-us"),
    ],
)
def test_what_a_recipe_changes_of_its_base(name: str, base: str, changed: set[str]) -> None:
    """An ablation changes one thing; what it keeps of the mix is as the base has it (ground truth replaces rows)."""
    settings, before = train_stage(name), train_stage(base)
    fields = [field.name for field in dataclasses.fields(settings)]
    assert {name for name in fields if getattr(settings, name) != getattr(before, name)} == changed
    if name.startswith("ablation") and name != "ablation-sft-ground-truth":
        assert all(entry in mix_of(before) for entry in mix_of(settings))


@pytest.mark.parametrize("name", NAMES)
def test_own_places(name: str) -> None:
    """Every source and the model are variables: with all of them set, no hub id is left."""
    recipe = load_recipe(name)
    own = ["model", *(key for key in SOURCES if key in recipe.variables)]
    settings = train_stage(name, *(f"{key}=mine/{key}.jsonl" for key in own))
    places = [entry.rows for entry in mix_of(settings)]
    assert settings.model == "mine/model.jsonl"
    assert all(place.startswith(("mine/", "@")) for place in places), places


def test_a_place_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ShareGPT has no licensed copy on the hub: without a file of one's own the refusal names what to set."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"sharegpt\.jsonl: no "):
        place_files(mix_of(train_stage("eurus-sft"))[2].place)


def test_ground_truth_comes_from_a_forest() -> None:
    stages = load_recipe("ablation-sft-ground-truth", ["forest=f"]).stages
    assert stages["rows"] == {"kind": "export", "forest": "f", "rows": {"responses": "ground-truth"}}


def test_the_page_names_every_recipe() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith(("| `eurus-", "| `ablation-"))] == NAMES


# ---------------------------------------------------------------- run whole, with small rows and a tiny model

RIGHT, WRONG = "It is 6.", "It is 5."
RATINGS = [{"response": f"answer {score}", "overall_score": score} for score in (3, 5, 8, 8)]
HARMLESS = [{"response": f"r{rating}", "annotations": {"harmlessness": [{"Rating": rating}]}} for rating in "10"]


def own_rows(folder: Path) -> list[str]:
    """Two rows for every source, in the form of its hub id."""
    rows: dict[str, list[dict[str, Any]]] = {
        "ultrachat": [{"id": str(n), "data": [f"hello {n}", "hi", "more?", "no"]} for n in range(2)],
        "openorca": [{"system_prompt": "", "question": f"q {n}", "response": "r"} for n in range(2)],
        "sharegpt": [
            {"conversations": [{"from": "human", "value": f"h {n}"}, {"from": "gpt", "value": "g"}]} for n in range(2)
        ],
        "ultrafeedback": [{"instruction": f"do {n}", "completions": RATINGS} for n in range(2)],
        "ultrasafety": [{"instruction": f"harm {n}", "completions": HARMLESS} for n in range(2)],
        "action_pairs": [
            {
                "parent_id": str(n),
                "trajectory": [{"from": "user", "value": f"q {n}"}],
                "chosen": RIGHT,
                "rejected": "No.",
            }
            for n in range(2)
        ],
    }
    for name, found in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found))
    return [f"{name}={folder / name}.jsonl" for name in rows]


def own_forest(folder: Path) -> str:
    right, wrong = (Action(text, "a", "sample", 0, verdict=Verdict(outcome)) for text, outcome in
                    ((RIGHT, "correct"), (WRONG, "wrong")))  # fmt: skip

    async def write() -> None:
        with Forest(folder / "forest") as forest:
            for n in range(2):
                problem = Problem(f"p{n}", "GSM8K", "Math_CoT", f"q {n}", (Reference("6", "Two threes."),))
                turn = Turn(0, correct=(right,), incorrect=(wrong,))
                await forest.add_tree(Tree(problem.id, problem, (Message("user", f"q {n}"),), (turn,)), n)

    asyncio.run(write())
    export(folder / "forest", folder / "rows")
    return str(folder / "forest")


@pytest.mark.parametrize(
    ("name", "rows", "sources"),
    [
        pytest.param("eurus-sft", "sft", {"ultrainteract": 2, "ultrachat": 2, "sharegpt": 2, "openorca": 2}, id="sft"),
        pytest.param("eurus-preference", "pairs", {"tree": 2, "ultrafeedback": 10}, id="preference"),
        pytest.param("eurus-reward", "pairs", {"tree": 4, "ultrafeedback": 10, "ultrasafety": 2}, id="reward"),
        pytest.param("ablation-reward-no-uf-us", "pairs", {"tree": 4}, id="no-uf-us"),
        pytest.param(
            "ablation-sft-ground-truth", "", {"ultrainteract": 2, "ultrachat": 2, "sharegpt": 2, "openorca": 2},
            id="ground-truth",
        ),
    ],
)  # fmt: skip
def test_a_recipe_runs_whole(name: str, rows: str, sources: dict[str, int], tmp_path: Path, tiny_model: Path) -> None:
    places = [f"forest={own_forest(tmp_path)}", *own_rows(tmp_path), f"ultrainteract={tmp_path}/rows/{rows}.jsonl"]
    known = load_recipe(name).variables
    own = [word for word in places if word.partition("=")[0] in known]
    stages = run_recipe(load_recipe(name, [f"out={tmp_path / 'run'}", f"model={tiny_model}", *own]))
    (report,) = [stage["report"] for stage in stages.values() if stage["kind"] == "train"]
    assert report["sources"] == sources
    assert report["num_set_aside"] == 0
    if name == "ablation-sft-ground-truth":
        (first, _) = (tmp_path / "run" / "rows" / "sft.jsonl").read_text().splitlines()
        assert json.loads(first)["response"] == "Two threes.\nThe answer is 6"
