"""The batched sampler against transformers, and against itself in other company."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from preftree.actors.decoder import Decoder, Row, draw
from preftree.actors.slots import PrefixStore, shared_length
from preftree.errors import ActorError

END = frozenset({261})
PREAMBLE = tuple(range(30, 60))
PROMPTS = [PREAMBLE + tuple(range(first, first + length)) for first, length in ((60, 3), (70, 20), (90, 9), (60, 5))]


@pytest.fixture(scope="module")
def model(tiny_checkpoint: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_checkpoint, dtype=torch.float32).eval()


def row(prompt: tuple[int, ...], seed: int = 0, max_tokens: int = 24, **settings: float) -> Row:
    return Row(prompt, np.random.default_rng(seed).random(max_tokens), max_tokens, **settings)


def run(decoder: Decoder, rows: list[Row]) -> list[Row]:
    """Draw all rows, letting new ones in as others end."""
    waiting = list(rows)
    while waiting or decoder.rows:
        if waiting and decoder.free:
            batch, waiting = waiting[: decoder.free], waiting[decoder.free :]
            decoder.admit(batch)
            decoder.drop_finished()
        if decoder.rows:
            decoder.step()
            decoder.drop_finished()
    return rows


@pytest.mark.parametrize("max_rows", [1, 3, 8])
def test_greedy_equals_generate(model: Any, max_rows: int) -> None:
    rows = run(Decoder(model, END, max_rows), [row(prompt, temperature=0.0) for prompt in PROMPTS])
    for drawn in rows:
        ids = torch.tensor([drawn.prompt])
        mask = torch.ones_like(ids)
        out = model.generate(ids, attention_mask=mask, max_new_tokens=24, do_sample=False, eos_token_id=list(END))
        assert drawn.tokens == out[0, ids.shape[1] :].tolist()
        assert drawn.finish == ("stop" if drawn.tokens[-1] in END else "length")


def test_logprobs_are_the_models_own(model: Any) -> None:
    """Whatever the temperature; and `score` of the same tokens agrees."""
    decoder = Decoder(model, END, 4)
    rows = run(decoder, [row(prompt, seed, temperature=0.7) for seed, prompt in enumerate(PROMPTS)])
    for drawn in rows:
        ids = torch.tensor([[*drawn.prompt, *drawn.tokens]])
        with torch.no_grad():
            logps = model(input_ids=ids).logits[0].log_softmax(-1)
        expected = [logps[len(drawn.prompt) + at - 1, token].item() for at, token in enumerate(drawn.tokens)]
        np.testing.assert_allclose(drawn.logprobs, expected, atol=1e-4)
        np.testing.assert_allclose(decoder.score(drawn.prompt, drawn.tokens), expected, atol=1e-4)


def test_a_draw_does_not_depend_on_its_company(model: Any) -> None:
    def rows() -> list[Row]:
        return [row(prompt, seed, top_p=(0.8 if seed % 2 else 1.0)) for seed, prompt in enumerate(PROMPTS * 4)]

    alone = [run(Decoder(model, END, 1), [one])[0].tokens for one in rows()]
    together = [one.tokens for one in run(Decoder(model, END, 16), rows())]
    crowded = [one.tokens for one in run(Decoder(model, END, 3), rows())]
    backwards = [one.tokens for one in run(Decoder(model, END, 5), rows()[::-1])][::-1]
    assert alone == together == crowded == backwards
    assert len({tuple(tokens) for tokens in alone}) > 12


def test_a_known_prefix_is_not_read_again(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, read = Decoder(model, END, 8), []
    forward = decoder._forward

    def counting(tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        read.append(tokens.shape[1])
        return forward(tokens, *rest)

    monkeypatch.setattr(decoder, "_forward", counting)
    decoder.admit([row(prompt) for prompt in PROMPTS for _ in range(2)])
    # The preamble once for one row, then the longest rest.
    assert read == [len(PREAMBLE), 20]
    decoder.rows.clear()
    decoder.admit([row(PROMPTS[1] + (5, 6))])
    assert read[2:] == [2]


def test_short_choices_cost_one_reading(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the prompt once, of a next prompt what is new; each further token of a choice one column."""
    decoder, read = Decoder(model, END, 8), []
    forward = decoder._forward

    def counting(tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        read.append(tokens.shape[1])
        return forward(tokens, *rest)

    monkeypatch.setattr(decoder, "_forward", counting)
    choices = [(40,), (41,), (42, 43, 44)]
    scores = decoder.score_all([(PROMPTS[1], choice) for choice in choices])
    assert read == [len(PROMPTS[1]), 1, 1]
    for choice, found in zip(choices, scores, strict=True):
        np.testing.assert_allclose(found, decoder.score(PROMPTS[1], choice), atol=1e-4)
    decoder.score_all([(PROMPTS[2], choice) for choice in choices[:2]])
    assert read[3:] == [len(PROMPTS[2]) - shared_length(PROMPTS[1], PROMPTS[2])]


def test_long_prompts_grow_the_slots(model: Any) -> None:
    """Longer than the columns that are there at first, beside a short one that is already on its way."""
    long = tuple(int(token) for token in np.random.default_rng(5).integers(0, 255, 400))
    decoder = Decoder(model, END, 4)
    short, late = row(PROMPTS[0], temperature=0.0), row(long, temperature=0.0)
    decoder.admit([short])
    decoder.step()
    run(decoder, [late])
    assert late.tokens == run(Decoder(model, END, 1), [row(long, temperature=0.0)])[0].tokens
    assert short.tokens == run(Decoder(model, END, 1), [row(PROMPTS[0], temperature=0.0)])[0].tokens


def test_long_rows_leave_fewer_slots(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: 512 columns, half the slots; and back again when nothing is on its way."""
    monkeypatch.setattr("preftree.actors.decoder._SLOT_BYTES", 4 * 256 * 2 * 2 * 2 * 8 * 4)
    decoder = Decoder(model, END, 16)
    assert decoder.free == 4
    prompts = [(token,) * 300 for token in range(6)]
    crowded = run(decoder, [row(prompt, temperature=0.0) for prompt in prompts])
    decoder.admit([row(prompts[0])])
    assert decoder.free == 1
    decoder.rows.clear()
    decoder.admit([row(PROMPTS[0])])
    assert decoder.free == 3
    alone = [run(Decoder(model, END, 1), [row(prompt, temperature=0.0)])[0] for prompt in prompts]
    assert [one.tokens for one in crowded] == [one.tokens for one in alone]


def test_other_kinds_of_layers_are_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.config, "layer_types", ["full_attention", "linear_attention"], raising=False)
    with pytest.raises(ActorError, match="not plain attention"):
        Decoder(model, END, 1)


@pytest.mark.parametrize("top_p", [1.0, 0.6])
def test_draws_follow_the_distribution(top_p: float) -> None:
    """A grid of uniforms gives each token its share, and none outside the nucleus."""
    probability = torch.tensor([0.4, 0.0, 0.3, 0.2, 0.1])
    num = 10_000
    tokens = draw(
        probability.log().expand(num, -1),
        torch.ones(num),
        torch.full((num,), top_p),
        (torch.arange(num) + 0.5) / num,
    )
    shares = torch.bincount(tokens, minlength=5) / num
    nucleus = probability * torch.tensor([1.0, 0, 1, 0, 0]) if top_p < 1 else probability
    torch.testing.assert_close(shares, nucleus / nucleus.sum(), atol=2e-3, rtol=0.0)


def test_a_wide_nucleus_is_sorted_out() -> None:
    """More tokens in the nucleus than are looked at first."""
    num_tokens = 5000
    tokens = draw(torch.zeros(4, num_tokens), torch.ones(4), torch.full((4,), 0.9), torch.tensor([0.0, 0.3, 0.6, 1.0]))
    assert len(set(tokens.tolist())) == 4


def test_the_last_uniform_finds_a_possible_token() -> None:
    logits = torch.tensor([[0.0, 1.0, float("-inf"), float("-inf")]])
    assert draw(logits, torch.ones(1), torch.ones(1), torch.ones(1)).item() == 1


def test_the_prefix_store_forgets_the_oldest() -> None:
    store = PrefixStore(max_bytes=2 * 4 * 8)
    for first in (1, 2, 3):
        store.add((first, 9, 9), [torch.zeros(8)])
    assert [store.longest((first, 9))[0] for first in (1, 2, 3)] == [0, 2, 2]
    assert store.num_bytes == 64


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([], [1], 0, id="empty"),
        pytest.param([1, 2], [1, 2, 3], 2, id="prefix"),
        pytest.param([1, 2, 3], [1, 5, 3], 1, id="fork"),
    ],
)
def test_shared_length(a: list[int], b: list[int], expected: int) -> None:
    assert shared_length(a, b) == expected
