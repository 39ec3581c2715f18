"""Rendering: what is scored, and what is set aside with which reason."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from preftree.records import Message
from preftree.tries.render import SetAsideError, render_messages, render_text
from preftree.tries.segments import Segments

TALK = (Message("user", "hi"), Message("assistant", "yo"), Message("user", "so"), Message("assistant", "ok"))


def scored_text(tokenizer: Any, sequence: Any) -> list[str]:
    return [tokenizer.decode(sequence.tokens[start:stop]) for start, stop in sequence.spans]


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        pytest.param((3,), ["ok<|im_end|>\n"], id="last"),
        pytest.param((1, 3), ["yo<|im_end|>\n", "ok<|im_end|>\n"], id="every-answer"),
        pytest.param((), [], id="none"),
    ],
)
def test_an_answer_is_scored_to_the_end_of_its_turn(
    tokenizer: Any, scored: tuple[int, ...], expected: list[str]
) -> None:
    sequence = render_messages(tokenizer, TALK, scored=scored, max_length=200)
    assert scored_text(tokenizer, sequence) == expected
    assert tokenizer.decode(sequence.tokens).endswith("assistant\nok<|im_end|>\n")


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        pytest.param("1+1=", "2", "2<|im_end|>", id="end-added"),
        pytest.param("1+1=", "2<|im_end|>", "2<|im_end|>", id="end-there"),
        pytest.param("", "abc", "bc<|im_end|>", id="no-prompt"),
    ],
)
def test_plain_text(tokenizer: Any, prompt: str, completion: str, expected: str) -> None:
    sequence = render_text(tokenizer, prompt, completion, max_length=50)
    assert scored_text(tokenizer, sequence) == [expected]


FORGETS = "{% for m in messages %}{% if loop.last or m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}"
CHANGES = (
    "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}>{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "scored", "limit", "reason"),
    [
        pytest.param(CHANGES, (3,), 200, "does not start", id="prompt-is-no-prefix"),
        pytest.param(FORGETS, (1,), 200, "does not start", id="earlier-answer-forgotten"),
        pytest.param(None, (3,), 10, "longer than the limit of 10 tokens", id="too-long"),
        pytest.param(None, (2,), 200, "not written by the assistant", id="not-an-answer"),
    ],
)
def test_set_aside(
    tokenizer: Any, monkeypatch: Any, template: str | None, scored: tuple[int, ...], limit: int, reason: str
) -> None:
    if template is not None:
        monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(SetAsideError, match=reason):
        render_messages(tokenizer, TALK, scored=scored, max_length=limit)


TEXTS = [
    "<|im_start|>user\nWhat is 1+1?<|im_end|>\n",
    " a\n\nb  ",
    "",
    "<|im_end|><|im_end|>",
    "é \u4f60 <|im_start|>x",
]


@pytest.mark.parametrize("prefix_space", [False, True], ids=["byte-level", "with-a-space-before-the-first-word"])
def test_stretches_give_the_tokens_of_whole_texts(tokenizer: Any, prefix_space: bool) -> None:
    changed = copy.deepcopy(tokenizer)
    changed.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    segments = Segments(changed)
    # A tokenizer that looks at what stood before is given whole texts.
    assert (segments._marks is None) == prefix_space
    whole = [changed(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
    assert segments.tokenise(TEXTS) == whole


@given(st.lists(st.text(max_size=12) | st.sampled_from(["<|im_start|>", "<|im_end|>", "\n", " "]), max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_text(tokenizer: Any, words: list[str]) -> None:
    text = "".join(words)
    assert Segments(tokenizer).tokenise([text]) == [tokenizer(text, add_special_tokens=False)["input_ids"]]


def test_the_embedded_model_takes_the_short_cut() -> None:
    """SmolLM2's tokenizer splits digits and bytes; every text of its template is cut at the same places."""
    rules = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)])
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    alphabet = {char: i for i, char in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=alphabet | {"Ġ1": 300, "12": 301}, merges=[]))
    backend.pre_tokenizer = rules
    smol = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|im_end|>", bos_token="<|im_start|>")
    segments = Segments(smol)
    assert segments._marks is not None
    text = "<|im_start|>user\n12 and 3<|im_end|>\n<|im_start|>assistant\n 12"
    assert segments.tokenise([text]) == [smol(text, add_special_tokens=False)["input_ids"]]
