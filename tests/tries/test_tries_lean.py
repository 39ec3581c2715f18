"""Layers made lighter: the same results, the same gradients, less kept; and only layers that are known."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    PhiConfig,
    Qwen2Config,
    Qwen3Config,
)

from preftree.tries.attention import trie_hidden
from preftree.tries.lean import lighten
from preftree.tries.trie import TokenSequence, build_trie

TRIE = build_trie([TokenSequence(row) for row in ((1, 2, 3, 4, 5), (1, 2, 3, 6), (1, 2, 7, 8, 9, 10))])
SIZES: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "initializer_range": 0.3,
}  # fmt: skip
GATED, LINEAR, NORM = "_gated", "linear", "_normed"


def made(config: Any) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    for name, weight in model.named_parameters():
        if name.endswith(("norm.weight", "bias")):
            torch.nn.init.normal_(weight, mean=1.0, std=0.2)
    return model


def passes(model: Any, *, lowered: bool = False) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Hidden states and the gradients of every weight that takes one."""
    with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
        hidden_TW = trie_hidden(model, TRIE)
    slope_W = torch.linspace(-1, 1, hidden_TW.shape[1])
    weights = {name: weight for name, weight in model.base_model.named_parameters() if weight.requires_grad}
    found = torch.autograd.grad((hidden_TW.float() ** 2 * slope_W).sum(), list(weights.values()))
    return hidden_TW.detach(), dict(zip(weights, found, strict=True))


def touched(model: Any) -> set[str]:
    return {module.forward.func.__name__ for module in model.modules() if "forward" in vars(module)}


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        pytest.param(LlamaConfig(**SIZES), {GATED, LINEAR, NORM}, id="llama"),
        pytest.param(LlamaConfig(**SIZES, mlp_bias=True, attention_bias=True), {GATED, LINEAR, NORM}, id="biases"),
        pytest.param(LlamaConfig(**SIZES, hidden_act="gelu"), {GATED, LINEAR, NORM}, id="gelu"),
        pytest.param(LlamaConfig(**SIZES, hidden_act="linear"), {GATED, LINEAR, NORM}, id="act-that-is-its-input"),
        pytest.param(MistralConfig(**SIZES, sliding_window=3), {GATED, LINEAR, NORM}, id="mistral"),
        pytest.param(Qwen2Config(**SIZES), {GATED, LINEAR, NORM}, id="qwen2"),
        pytest.param(Qwen3Config(**SIZES, head_dim=8), {GATED, LINEAR, NORM}, id="qwen3-norms-of-heads"),
        pytest.param(Gemma2Config(**SIZES, head_dim=8), {GATED, LINEAR}, id="gemma2-norms-of-its-own"),
        pytest.param(MixtralConfig(**SIZES, num_local_experts=3), {LINEAR, NORM}, id="mixtral"),
        pytest.param(PhiConfig(**SIZES | {"hidden_size": 32}, resid_pdrop=0.0), {LINEAR}, id="phi"),
    ],
)
def test_the_same_results(config: Any, kinds: set[str]) -> None:
    plain = made(config)
    light = copy.deepcopy(plain)
    lighten(light)
    assert touched(light) == kinds
    (expected, slopes), (got, light_slopes) = passes(plain), passes(light)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    for name, slope in slopes.items():
        assert (light_slopes[name] - slope).norm() <= 1e-4 * slope.norm(), name


def test_in_autocast_it_is_as_near_as_the_plain_model() -> None:
    exact = made(LlamaConfig(**SIZES))
    light = copy.deepcopy(exact)
    lighten(light)
    (expected, slopes), (plain, plain_slopes) = passes(exact), passes(exact, lowered=True)
    got, light_slopes = passes(light, lowered=True)
    assert got.dtype == plain.dtype
    assert 0 < (got - expected).norm() <= 1.5 * (plain - expected).norm()
    for name, slope in slopes.items():
        assert light_slopes[name].dtype == slope.dtype
        assert (light_slopes[name] - slope).norm() <= 2 * (plain_slopes[name] - slope).norm() + 1e-3 * slope.norm()


def test_rows_that_were_changed_are_kept_as_they_are() -> None:
    model = made(LlamaConfig(**SIZES))
    norm, layer = model.model.layers[0].input_layernorm, model.model.layers[0].self_attn.q_proj
    lighten(model)
    found = []
    for changed in (lambda rows: rows.mul_(3), lambda rows: rows * 3):
        rows = changed(norm(torch.randn(5, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()))
        found.append(torch.autograd.grad(layer(rows).sum(), layer.weight)[0])
    torch.testing.assert_close(*found)


def test_an_activation_with_weights_is_left_alone() -> None:
    model = made(LlamaConfig(**SIZES, hidden_act="xielu"))
    lighten(model)
    assert touched(model) == {LINEAR, NORM}


def test_frozen_weights_get_no_gradient() -> None:
    model = made(LlamaConfig(**SIZES))
    free = [name for name, _ in model.named_parameters() if "up_proj" in name or "layers.1.input_layernorm" in name]
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in free)
    light = copy.deepcopy(model)
    lighten(light)
    (_, slopes), (_, light_slopes) = passes(model), passes(light)
    assert len(slopes) == len(free) == 3
    for name, slope in slopes.items():
        torch.testing.assert_close(light_slopes[name], slope, rtol=1e-4, atol=1e-5)


def test_half_is_kept() -> None:
    """Bytes that wait for the backward pass, weights left out."""

    def kept(model: Any) -> int:
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        held: dict[int, torch.Tensor] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            held[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            trie_hidden(model, TRIE)
        return sum(t.untyped_storage().nbytes() for place, t in held.items() if place not in weights)

    plain = made(LlamaConfig(**SIZES | {"num_hidden_layers": 8, "intermediate_size": 64}))
    light = copy.deepcopy(plain)
    lighten(light)
    assert kept(light) < 0.6 * kept(plain)


def test_what_was_touched_before_stays_as_it_is() -> None:
    model = made(LlamaConfig(**SIZES))
    lighten(model)
    before = {name: vars(module).get("forward") for name, module in model.named_modules()}
    lighten(model)
    assert before == {name: vars(module).get("forward") for name, module in model.named_modules()}
