"""The routing loss over a trie against transformers' own on the same sequences row by row."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    MixtralConfig,
    OlmoeConfig,
    PreTrainedConfig,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
)
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from preftree.tries.attention import trie_hidden
from preftree.tries.routing import multiplicity
from preftree.tries.trie import TokenSequence, build_trie

SIZES: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.5, "output_router_logits": True,
    "pad_token_id": 0,
}  # fmt: skip
ROWS = [[1, 2, 3, 4, 5], [1, 2, 3, 6], [1, 2, 7, 8, 9, 10], [1, 2, 3, 4], [11, 12]]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(MixtralConfig(**SIZES, num_local_experts=4), id="mixtral"),
        pytest.param(Qwen2MoeConfig(**SIZES, num_experts=4, moe_intermediate_size=12), id="qwen2-moe"),
        pytest.param(Qwen3MoeConfig(**SIZES, num_experts=4, moe_intermediate_size=12, head_dim=8), id="qwen3-moe"),
        pytest.param(OlmoeConfig(**SIZES, num_experts=4), id="olmoe"),
    ],
)
def test_it_equals_the_loss_of_the_rows(config: PreTrainedConfig) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "gate" in name and "proj" not in name:
                weight.normal_(std=1.0)
    found: list[torch.Tensor] = []
    trie_hidden(model, build_trie([TokenSequence(tuple(row)) for row in ROWS]), routing=found)
    longest = max(map(len, ROWS))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in ROWS])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ROWS])
    out = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False, output_router_logits=True)
    experts = getattr(config, "num_local_experts", None) or config.num_experts
    expected = 0.5 * load_balancing_loss_func(out.router_logits, experts, 2, mask)
    (loss,) = found
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    weights = [w for name, w in model.named_parameters() if "gate" in name and "proj" not in name]
    ours, plain = (torch.autograd.grad(value, weights, allow_unused=True) for value in (loss, expected))
    for mine, theirs in zip(ours, plain, strict=True):
        if theirs is not None:
            assert mine is not None
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-7)


def test_a_shared_token_counts_once_for_each_sequence() -> None:
    trie = build_trie([TokenSequence(tuple(row)) for row in ROWS])
    counts = dict(zip(trie.tokens, multiplicity(trie), strict=True))
    assert counts == {1: 4, 2: 4, 3: 3, 4: 2, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: 1, 11: 1, 12: 1}


def test_no_routing_loss_unless_the_model_asks() -> None:
    config = MixtralConfig(**(SIZES | {"output_router_logits": False}), num_local_experts=4)
    found: list[torch.Tensor] = []
    trie_hidden(AutoModelForCausalLM.from_config(config), build_trie([TokenSequence((1, 2))]), routing=found)
    assert not found
