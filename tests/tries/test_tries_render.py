"""Rendering: what is scored, and what is set aside with which reason."""

from __future__ import annotations

from typing import Any

import pytest

from preftree.records import Message
from preftree.tries.render import SetAsideError, render_messages, render_text

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
