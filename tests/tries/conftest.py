"""Tiny random models in fp64, whose plain passes are exact enough to be an oracle at 1e-12, and a tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

VOCABULARY = 40


def exact(model: Any) -> Any:
    """In fp64 throughout: transformers' own norm rounds to fp32 inside."""
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__.endswith("RMSNorm"):
                norm = torch.nn.RMSNorm(child.weight.shape[0], eps=child.variance_epsilon)
                torch.nn.init.normal_(norm.weight, mean=1.0, std=0.1)
                setattr(module, name, norm)
    return model.double().eval()


def tiny_config(**settings: Any) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, pad_token_id=0, **settings,
    )  # fmt: skip


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Tiny tensors lose more to waiting for threads than they gain, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model() -> Any:
    torch.manual_seed(0)
    return exact(AutoModelForCausalLM.from_config(tiny_config()))


@pytest.fixture(scope="session")
def reward_model() -> Any:
    torch.manual_seed(1)
    return exact(AutoModelForSequenceClassification.from_config(tiny_config(num_labels=1)))


CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def byte_tokenizer(template: str) -> Any:
    """Bytes as tokens, with ChatML's marks; the end mark doubles as padding, as in SmolLM2."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE(vocab={char: i for i, char in enumerate(alphabet)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|im_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = template
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return byte_tokenizer(CHATML)
