"""A tiny random chat model on disk, and rows of small trees."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tiny tensors lose more to waiting for threads than they gain, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.2, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=None, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    return path


def sft_rows(count: int) -> list[dict[str, Any]]:
    return [
        {"id": f"p{i}_1_0", "parent_id": f"p{i}", "task": "Math_PoT", "dataset": "sums",
         "instruction": f"Solve: {i}+{i % 7}", "response": f"Step 1: {i + i % 7}"}
        for i in range(count)
    ]  # fmt: skip


def pair_rows(trees: int, turns: int = 3) -> list[dict[str, Any]]:
    """Trees whose wrong actions are expanded. Among the answers: equal ones, a prefix, one of a single byte."""
    rows = []
    for i in range(trees):
        history = [{"from": "user", "value": f"Solve: {i}+{i % 7}"}]
        for turn in range(turns):
            chosen, rejected = f"It is {i + i % 7}.", f"It is {i}"
            if (i + turn) % 4 == 1:
                chosen, rejected = "7", "8"
            if (i + turn) % 4 == 2:
                rejected = chosen
            rows.append(
                {"id": f"p{i}_{turns}_{turn}", "parent_id": f"p{i}", "task": "Math_PoT", "dataset": "sums",
                 "trajectory": list(history), "chosen": chosen, "rejected": rejected}
            )  # fmt: skip
            history += [{"from": "assistant", "value": rejected}, {"from": "user", "value": f"Wrong {turn}."}]
    return rows


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[[list[dict[str, Any]]], str]:
    def write(rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def make_rows() -> Callable[[str, int], list[dict[str, Any]]]:
    """SFT rows, or the pairs of that many trees."""
    return lambda objective, count: sft_rows(count) if objective == "sft" else pair_rows(count)
