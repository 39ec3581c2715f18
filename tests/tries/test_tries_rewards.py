"""The reward model that reranking asks agrees with plain transformers, however the answers are batched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig

from preftree.errors import InputError
from preftree.records import Message
from preftree.tries import RewardModel


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("reward")
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, num_labels=1, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def answers(prompt: str, *texts: str) -> list[tuple[Message, ...]]:
    return [(Message("user", prompt), Message("assistant", text)) for text in texts]


@pytest.mark.parametrize("max_tokens", [1, 60, 4096])
@pytest.mark.parametrize("side", ["left", "right"])
def test_rewards_are_those_of_plain_transformers(exported: Path, max_tokens: int, side: str) -> None:
    groups = [answers("one and one", "2", "3", "it is 2"), answers("why", "because"), []]
    got = RewardModel(str(exported), max_tokens=max_tokens, precision="fp32").score(groups)
    assert [len(group) for group in got] == [3, 1, 0]

    tokenizer = AutoTokenizer.from_pretrained(exported, padding_side=side)
    model = AutoModelForSequenceClassification.from_pretrained(exported).eval()
    turns = [[{"role": m.role, "content": m.content} for m in talk] for group in groups for talk in group]
    batch = tokenizer.apply_chat_template(turns, return_tensors="pt", padding=True, return_dict=True)
    with torch.no_grad():
        plain = model(**batch).logits[:, 0]
    torch.testing.assert_close(torch.tensor([r for group in got for r in group]), plain, rtol=1e-5, atol=1e-6)


def test_a_missing_model_is_named() -> None:
    with pytest.raises(InputError, match="nowhere"):
        RewardModel("nowhere")
