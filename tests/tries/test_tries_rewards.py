"""The reward model that reranking asks agrees with plain transformers, however the answers are batched."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
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


def test_what_cannot_be_read_is_never_chosen_and_is_counted(exported: Path, capsys: Any) -> None:
    """An answer beyond the model's positions stops nothing; its neighbours are scored as without it."""
    config = json.loads((exported / "config.json").read_text())
    limit = config["max_position_embeddings"]
    fine, long = answers("why", "because"), answers("why", "b" * limit, "so", "c" * limit)
    model = RewardModel(str(exported), precision="fp32")
    ((alone,),) = model.score([fine])
    assert model.set_aside == {}
    first, second = model.score([fine, long])
    assert first == pytest.approx([alone], rel=1e-5)
    assert [second[0], second[2]] == [-math.inf, -math.inf]
    assert math.isfinite(second[1])
    assert model.set_aside == {f"longer than the limit of {limit} tokens": 2}
    assert (
        f"2 answers set aside with a reward of -inf: longer than the limit of {limit} tokens" in capsys.readouterr().err
    )


def change_config(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def drop_head(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["score.weight"]
    save_file(state, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(drop_head, r"no weights for score\.weight", id="no-head"),
        pytest.param(
            lambda folder: change_config(folder, id2label={"0": "a", "1": "b"}), "2 labels, expected 1", id="two-labels"
        ),
        pytest.param(lambda folder: (folder / "chat_template.jinja").unlink(), "no chat template", id="no-template"),
        pytest.param(lambda folder: (folder / "config.json").unlink(), "no model directory there", id="no-config"),
    ],
)
def test_what_is_no_whole_reward_model_is_refused(
    exported: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    spoil(folder)
    with pytest.raises(InputError, match=says):
        RewardModel(str(folder))


def test_a_missing_model_is_named() -> None:
    with pytest.raises(InputError, match="nowhere"):
        RewardModel("nowhere")
