"""The card is metadata that the hub takes, tables that nothing breaks, and code that runs as it stands."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from transformers import AutoTokenizer

from preftree.train.card import model_card
from preftree.train.reward import load_reward_model
from preftree.train.settings import OBJECTIVE_NAMES, LoraSettings, TrainReport, TrainSettings

REPORT = TrainReport(
    "out", "dpo", num_rows=1234, num_set_aside=3, steps=77, tokens_rows=50_000, tokens_trie=20_000,
    tokens_reference=9_000, seconds=61.4, precision="bf16", final_metrics={"loss": 0.123456789, "rewards/margins": 1.5},
    eval_metrics={"eval_loss": 0.25}, sources={"tree": 1000, "ultrafeedback": 234},
    reasons={"longer than the limit of 2048 tokens": 3},
)  # fmt: skip
VERSIONS = {"preftree": "0.1.0", "torch": "2.13.0"}


def settings(objective: Any = "dpo", **changed: Any) -> TrainSettings:
    return TrainSettings(objective, **({"model": "me/base", "rows": "rows.jsonl", "out": "runs/mine"} | changed))


def code_of(card: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)\n```", card, re.DOTALL)
    return str(code)


@pytest.mark.parametrize("objective", OBJECTIVE_NAMES)
def test_the_hub_reads_its_metadata(objective: Any) -> None:
    data = huggingface_hub.ModelCard(model_card(settings(objective), REPORT, VERSIONS)).data
    assert data.base_model == "me/base"
    assert data.library_name == "transformers"
    assert data.pipeline_tag == ("text-classification" if objective == "reward" else "text-generation")
    assert {"preftree", objective} <= set(data.tags)
    assert data.license is None


@pytest.mark.parametrize(
    ("objective", "changed", "formula"),
    [
        ("dpo", {}, "-log sigmoid(r_c - r_w)\nr = beta log(pi / pi_ref) of an answer"),
        ("simpo", {}, "-log sigmoid(beta l_c - beta l_w - gamma)\nl = log pi of an answer, a token"),
        (
            "reward",
            {},
            "L_BT + L_DR = -log sigmoid(R_c - R_w) - log sigmoid(R_c) - log sigmoid(-R_w) on pairs from trees",
        ),
        ("reward", {"reward_terms": "bt", "reward_centering": 0.01}, "-log sigmoid(R_c - R_w)\n+ 0.01 (R_c + R_w)^2"),
    ],
)
def test_the_formula_is_that_of_the_settings(objective: Any, changed: dict[str, Any], formula: str) -> None:
    assert formula in model_card(settings(objective, **changed), REPORT, VERSIONS)


def test_what_came_of_it_stands_there() -> None:
    card = model_card(settings(beta=0.25, lora=LoraSettings(rank=4)), REPORT, VERSIONS)
    for line in (
        "# mine", "direct preference optimisation (DPO) ([arXiv 2305.18290](https://arxiv.org/abs/2305.18290))",
        "From rows.jsonl: 1,234 examples; 3 rows were set aside.", "| ultrafeedback | 234 |",
        "| longer than the limit of 2048 tokens | 3 |", "50,000 tokens", "20,000 were computed, 9,000 more",
        "77 steps in 61 s, in bf16.", "| loss | 0.123457 |", "| eval_loss | 0.25 |", "| beta | 0.25 |",
        "| lora.rank | 4 |", "| torch | 2.13.0 |",
    ):  # fmt: skip
        assert line in card


def test_data_sets_of_the_hub_are_named_once_and_files_are_not(tmp_path: Path) -> None:
    rows = tmp_path / "own.jsonl"
    rows.write_text("")
    mix = ({"rows": "org/pairs"}, {"rows": "org/pairs", "cap": 3}, {"rows": "org/more"}, {"rows": str(rows)})
    data = huggingface_hub.ModelCard(model_card(settings(rows="", mix=mix), REPORT, VERSIONS)).data
    assert data.datasets == ["org/pairs", "org/more"]


def test_no_directory_of_this_machine_is_named(tmp_path: Path) -> None:
    """Neither of the model, nor of rows, nor of what was written."""
    for name in ("base", "reference", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "rows.jsonl").write_text("")
    places = {"model": "base", "reference_model": "reference", "out": "out", "rows": "rows.jsonl"}
    local = settings(
        **{name: str(tmp_path / place) for name, place in places.items()}, template=str(tmp_path / "my.jinja"),
        reference_cache=str(tmp_path / "cache"), eval_rows=str(tmp_path / "rows.jsonl"),
    )  # fmt: skip
    card = model_card(local, REPORT, VERSIONS)
    assert str(tmp_path) not in card
    assert "Trained from base with" in card
    # A directory's name is no hub id, which is what the metadata would take it for.
    assert huggingface_hub.ModelCard(card).data.base_model is None


def test_adapters_alone_say_so() -> None:
    card = model_card(settings(lora=LoraSettings(merge=False)), REPORT, VERSIONS)
    assert huggingface_hub.ModelCard(card).data.library_name == "peft"
    assert "pip install peft" in card


@given(st.text(max_size=40), st.text(max_size=40))
@runs(max_examples=60, deadline=None)
def test_nothing_that_rows_or_users_wrote_breaks_it(source: str, reason: str) -> None:
    """The same lines, headings and tables as with harmless words, and metadata that says what was said."""
    rows = {"rows": "r.jsonl"}
    odd = dataclasses.replace(REPORT, sources={source: 5}, reasons={reason: 3}, precision=reason)
    plain = dataclasses.replace(REPORT, sources={"tree": 5}, reasons={"why": 3}, precision="bf16")
    cards = [model_card(settings(rows="", mix=(rows,)), report, VERSIONS) for report in (odd, plain)]
    shapes = [[line[:1] + str(line.count("|")) for line in card.split("\n")] for card in cards]
    assert len(shapes[0]) == len(shapes[1])
    assert [s for s in shapes[0] if s[0] in "|#-`"] == [s for s in shapes[1] if s[0] in "|#-`"]
    assert "<" not in cards[0]
    assert huggingface_hub.ModelCard(cards[0]).data.to_dict() == huggingface_hub.ModelCard(cards[1]).data.to_dict()


@pytest.mark.parametrize("model", ["a: [b`|\n---", "---", "'\"", "{x}", "ü/é", "null"])
def test_metadata_are_quoted(model: str) -> None:
    card = model_card(settings(model=model), REPORT, VERSIONS)
    assert huggingface_hub.ModelCard(card).data.base_model == model
    assert "\n# mine\n" in card


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "text"])
@pytest.mark.parametrize("objective", ["sft", "reward"])
def test_its_code_runs(
    objective: Any, chat: bool, model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """In the directory's parent, under the directory's name, where a hub id would stand."""
    (tmp_path / "me").mkdir()
    monkeypatch.chdir(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    if objective == "reward":
        model = load_reward_model(str(model_dir), tokenizer, {10}, seed=0)
    else:
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(model_dir)
    model.save_pretrained("me/trained")
    tokenizer.save_pretrained("me/trained")
    code = code_of(model_card(settings(objective, push_to_hub="me/trained"), REPORT, VERSIONS, chat=chat))
    assert ("apply_chat_template" in code) is chat
    exec(compile(code, "card", "exec"), {})
    printed = capsys.readouterr().out.strip()
    if objective == "reward" and chat:
        talk = [{"role": "user", "content": "What is 12 + 30?"}, {"role": "assistant", "content": "42"}]
        ids = tokenizer.apply_chat_template(talk, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            assert float(printed) == pytest.approx(model.eval()(**ids).logits.item(), rel=1e-6)
    else:
        assert printed
