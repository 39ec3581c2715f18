"""FlexAttention against the dense mask: on the CPU uncompiled, on CUDA (where there is one) as it runs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, LlamaConfig, MistralConfig

from preftree.tries.attention import trie_hidden
from preftree.tries.flex import padded_size
from preftree.tries.trie import TokenSequence, build_trie

SIZES: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0, "head_dim": 16,
}  # fmt: skip
CONFIGS = [
    pytest.param(LlamaConfig(**SIZES), id="llama"),
    pytest.param(MistralConfig(**SIZES, sliding_window=3), id="mistral-window"),
    pytest.param(Gemma2Config(**SIZES, sliding_window=3, attn_logit_softcapping=2.0), id="gemma2-softcap"),
]
ROWS = [[1, 2, 3, 4, 5], [1, 2, 3, 6], [1, 2, 7, 8, 9, 10], [1, 2, 3, 4], [11, 12]]


def hidden(config: Any, kind: Any, device: str, *, gradients: bool) -> list[torch.Tensor]:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).to(device)
    trie = build_trie([TokenSequence(tuple(row)) for row in ROWS])
    with torch.set_grad_enabled(gradients):
        hidden_TW = trie_hidden(model, trie, kind)
    if not gradients:
        return [hidden_TW]
    weights = list(model.base_model.parameters())
    slope_W = torch.linspace(-1, 1, hidden_TW.shape[1], device=device)
    return [hidden_TW.detach(), *torch.autograd.grad((hidden_TW**2 * slope_W).sum(), weights)]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_the_rule_is_that_of_the_dense_mask(config: Any) -> None:
    """Forward alone: FlexAttention has no backward pass on the CPU."""
    (dense,), (flex,) = (hidden(config, kind, "cpu", gradients=False) for kind in ("dense", "flex"))
    torch.testing.assert_close(flex, dense, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the compiled kernel needs CUDA")
@pytest.mark.parametrize("config", CONFIGS)
def test_the_compiled_kernel(config: Any) -> None:
    both = (hidden(config, kind, "cuda", gradients=True) for kind in ("dense", "flex"))
    for dense, flex in zip(*both, strict=True):
        torch.testing.assert_close(flex, dense, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("length", "size"), [(1, 1024), (1024, 1024), (1025, 1536), (1537, 2048), (2049, 3072), (5000, 6144)]
)
def test_rows_come_in_few_sizes(length: int, size: int) -> None:
    assert padded_size(length) == size
    assert len({padded_size(n) for n in range(1, 12_289)}) == 8
