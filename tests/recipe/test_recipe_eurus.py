"""The paper's recipes: settings that exist, figures that are the paper's (FACTS section 2)."""

from __future__ import annotations

from typing import Any

import pytest

from preftree.recipe.settings import load_recipe, typed
from preftree.train import TrainSettings
from preftree.train.sources import mix_of

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


@pytest.mark.parametrize(
    ("name", "model", "caps"),
    [
        ("eurus-sft", "mistralai/Mistral-7B-v0.1",
         {"ultrainteract": None, "ultrachat": 32_000, "sharegpt": 30_000, "openorca": 50_000}),
        ("eurus-sft-70b", "codellama/CodeLlama-70b-hf",
         {"ultrainteract": None, "ultrachat": 63_000, "sharegpt": 30_000, "openorca": 70_000}),
        ("ablation-sft-open-only", "mistralai/Mistral-7B-v0.1",
         {"ultrachat": 32_000, "sharegpt": 30_000, "openorca": 50_000}),
        ("ablation-sft-ultrainteract-only", "mistralai/Mistral-7B-v0.1", {"ultrainteract": None}),
        ("ablation-sft-ground-truth", "mistralai/Mistral-7B-v0.1",
         {"ultrainteract": None, "ultrachat": 32_000, "sharegpt": 30_000, "openorca": 50_000}),
        ("eurus-preference", "openbmb/Eurus-7b-sft", {"tree": None, "ultrafeedback": None}),
        ("ablation-reward-no-us", "openbmb/Eurus-7b-sft", {"tree": None, "ultrafeedback": None}),
        ("ablation-reward-no-uf-us", "openbmb/Eurus-7b-sft", {"tree": None}),
        ("eurus-reward", "openbmb/Eurus-7b-sft", {"tree": None, "ultrafeedback": None, "ultrasafety": 3_000}),
    ],
)  # fmt: skip
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
    ("name", "terms"), [("eurus-reward", "bt+dr"), ("ablation-reward-no-ldr", "bt"), ("ablation-reward-no-lbt", "dr")]
)
def test_reward_terms(name: str, terms: str) -> None:
    settings = train_stage(name)
    assert settings.reward_terms == terms
    assert [entry.name for entry in mix_of(settings)] == ["tree", "tree", "ultrafeedback", "ultrasafety"]


def test_own_places() -> None:
    settings = train_stage("eurus-sft", "ultrachat=mine.jsonl", "model=tiny")
    assert settings.model == "tiny"
    assert mix_of(settings)[1].rows == "mine.jsonl"


def test_ground_truth_comes_from_a_forest() -> None:
    stages = load_recipe("ablation-sft-ground-truth", ["forest=f"]).stages
    assert stages["rows"] == {"kind": "export", "forest": "f", "rows": {"responses": "ground-truth"}}
