"""One pass over a trie equals a plain pass for each sequence: values and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    Qwen2Config,
)

from preftree.errors import InputError
from preftree.tries import scores
from preftree.tries.attention import check_model, trie_hidden
from preftree.tries.scores import trie_logps, trie_rewards
from preftree.tries.trie import TokenSequence, build_trie

CASES = [
    pytest.param([([1, 2, 3, 4], 2)], id="one"),
    pytest.param([([1, 2, 3, 4], 2), ([1, 2, 3, 5], 2)], id="siblings-share-first-token"),
    pytest.param([([1, 2, 3], 2), ([1, 2, 3, 4, 5], 2)], id="prefix-of-another"),
    pytest.param([([1, 2, 3], 2), ([1, 2, 4], 2)], id="single-token-answers"),
    pytest.param([([1, 2, 3, 4], 2), ([1, 2, 3, 4], 2)], id="equal-chosen-and-rejected"),
    pytest.param([([1, 2, 3, 4], 2), ([1, 2, 3, 4], 3), ([1, 2, 3, 4, 9, 9], 4)], id="scored-and-then-history"),
    pytest.param([([1, 2, 3], 2), ([1, 2, 4], 2), ([7, 8, 9, 9], 1), ([7, 8, 2], 2)], id="two-problems"),
    pytest.param([([1, 5, 6, 3], 3), ([1, 5, 7, 3, 3], 3), ([1, 8, 3], 2), ([1, 5, 6, 4], 3)], id="common-preamble"),
    pytest.param([([(i % 3 + 1) * j % 40 for j in range(1, 40)], 7) for i in range(9)], id="long-rows"),
]


def sequences_of(rows: list[tuple[list[int], int]]) -> list[TokenSequence]:
    return [TokenSequence(tuple(row), ((start, len(row)),)) for row, start in rows]


def plain_logp(model: Any, sequence: TokenSequence) -> Tensor:
    logps = model(input_ids=torch.tensor([sequence.tokens])).logits[0].log_softmax(-1)
    ((start, stop),) = sequence.spans
    return torch.stack([logps[i - 1, sequence.tokens[i]] for i in range(start, stop)]).sum()


def gradients(model: Any, value: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, [p for p in model.parameters() if p.requires_grad], allow_unused=True))


def assert_same_gradients(got: list[Tensor], expected: list[Tensor], tolerance: float) -> None:
    """All together: a parameter whose true gradient is 0 holds nothing but rounding."""
    assert [one is None for one in got] == [other is None for other in expected]
    both = [(one, other) for one, other in zip(got, expected, strict=True) if one is not None]
    gap = torch.stack([(one - other).norm() for one, other in both]).norm()
    assert gap <= tolerance * torch.stack([other.norm() for _, other in both]).norm()


@pytest.mark.parametrize("share", [True, False], ids=["trie", "rows"])
@pytest.mark.parametrize("kind", ["nodes", "dense"])
@pytest.mark.parametrize("rows", CASES)
def test_logps_agree_with_rows(model: Any, rows: Any, kind: Any, share: bool) -> None:
    sequences = sequences_of(rows)
    weights = torch.linspace(-1.0, 2.0, len(sequences), dtype=torch.float64)
    expected = torch.stack([plain_logp(model, sequence) for sequence in sequences])
    got = trie_logps(model, build_trie(sequences, share=share), kind)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0.0)
    plain = gradients(model, (weights * expected).sum())
    assert_same_gradients(gradients(model, (weights * got).sum()), plain, 1e-11)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=6), min_size=1, max_size=6), st.integers(1, 5))
def test_any_trie_in_any_chunks(model: Any, rows: list[list[int]], chunk: int) -> None:
    sequences = sequences_of([(row, 1) for row in rows])
    expected = torch.stack([plain_logp(model, sequence) for sequence in sequences])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "_CHUNK_LOGITS", chunk * model.config.vocab_size)
        got = trie_logps(model, build_trie(sequences))
        plain = gradients(model, expected.sum())
        assert_same_gradients(gradients(model, got.sum()), plain, 1e-11)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("rows", CASES)
def test_rewards_agree_with_rows(reward_model: Any, rows: Any) -> None:
    sequences = sequences_of(rows)
    expected = torch.stack(
        [reward_model(input_ids=torch.tensor([sequence.tokens])).logits[0, 0] for sequence in sequences]
    )
    got = trie_rewards(reward_model, build_trie(sequences))
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0.0)
    plain = gradients(reward_model, expected.pow(2).sum())
    assert_same_gradients(gradients(reward_model, got.pow(2).sum()), plain, 1e-11)


SIZES: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "initializer_range": 0.2, "attention_dropout": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(MistralConfig(**SIZES, sliding_window=3), id="mistral-window"),
        pytest.param(Qwen2Config(**SIZES), id="qwen2"),
        pytest.param(MixtralConfig(**SIZES, num_local_experts=3), id="mixtral"),
        pytest.param(Gemma2Config(**SIZES, head_dim=8, sliding_window=3, final_logit_softcapping=2.0), id="gemma2"),
        pytest.param(
            GPT2Config(vocab_size=40, n_embd=24, n_layer=2, n_head=4, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0),
            id="gpt2",
        ),
    ],
)
def test_other_families_in_fp32(config: Any) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    check_model(model)
    sequences = sequences_of([([1, 2, 3, 4, 5, 6, 7], 3), ([1, 2, 3, 4, 9, 9], 4), ([1, 2, 8, 3, 3, 3, 3, 3], 2)])
    expected = torch.stack([plain_logp(model, sequence) for sequence in sequences])
    got = trie_logps(model, build_trie(sequences))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=0.0)
    assert_same_gradients(gradients(model, got.sum()), gradients(model, expected.sum()), 1e-4)


def test_a_recurrent_model_is_refused() -> None:
    model = AutoModelForCausalLM.from_config(MambaConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1))
    with pytest.raises(InputError, match="recurrent, convolutional"):
        check_model(model)


def test_a_model_that_sees_more_than_its_path_is_refused(model: Any) -> None:
    def leak(module: Any, args: Any, output: Tensor) -> Tensor:
        return output + output.roll(1, dims=1)

    handle = model.base_model.layers[0].mlp.register_forward_hook(leak)
    try:
        with pytest.raises(InputError, match="row by row"):
            check_model(model)
    finally:
        handle.remove()
    check_model(model)


def test_the_attention_of_a_model_is_left_as_it_was(model: Any) -> None:
    before = model.config._attn_implementation
    trie_hidden(model, build_trie([TokenSequence((1, 2))]))
    assert model.config._attn_implementation == before


def test_bf16_stays_near(model: Any) -> None:
    """Autocast changes rounding, never structure: a wrong mask would move these by nats."""
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(model.config).eval()
    sequences = sequences_of([([1, 2, 3, 4, 5], 2), ([1, 2, 3, 5, 6, 7], 2)])
    expected = torch.stack([plain_logp(plain, sequence) for sequence in sequences])
    with torch.autocast("cpu", torch.bfloat16):
        got = trie_logps(plain, build_trie(sequences))
    torch.testing.assert_close(got, expected, rtol=0.02, atol=0.0)
    assert all(grad.isfinite().all() for grad in gradients(plain, got.sum()))
