"""Exported models are read as before by transformers 5, and hold what transformers 4 looks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

from preftree.train.portable import write_for_predecessors

LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rope", "scaling"),
    [
        pytest.param({"rope_type": "default", "rope_theta": 100000.0}, None, id="another base"),
        pytest.param(LLAMA3, {key: value for key, value in LLAMA3.items() if key != "rope_theta"}, id="scaled"),
    ],
)
def test_positions_are_named_as_before_and_rewards_stay(tmp_path: Path, rope: dict[str, Any], scaling: Any) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_labels=1,
        max_position_embeddings=512, rope_parameters=rope, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    write_for_predecessors(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert (saved["rope_theta"], saved["rope_scaling"]) == (rope["rope_theta"], scaling)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    token_BT = torch.arange(1, 61)[None]
    with torch.no_grad():
        assert torch.equal(again(token_BT).logits, model(token_BT).logits)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"model_type": "gpt2", "n_positions": 8}, id="no rotary positions"),
        pytest.param({"rope_parameters": {"full_attention": {"rope_theta": 1e6}}}, id="positions by layer"),
    ],
)
def test_other_models_are_left_as_they_are(tmp_path: Path, config: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    write_for_predecessors(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == config


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("TokenizersBackend", "PreTrainedTokenizerFast", id="of transformers 5"),
        pytest.param("LlamaTokenizer", "LlamaTokenizer", id="known to both"),
    ],
)
def test_the_tokenizer_has_a_class_that_both_know(tmp_path: Path, name: str, expected: str) -> None:
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({"tokenizer_class": name, "eos_token": "</s>"}))
    write_for_predecessors(tmp_path)
    saved = json.loads(file.read_text())
    assert saved["tokenizer_class"] == expected
    # Else it makes token types, which a causal model of transformers 4 refuses.
    assert (saved.get("model_input_names") == ["input_ids", "attention_mask"]) == (name != expected)
