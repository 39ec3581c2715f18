"""Thoughts apart from answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.actors import ActorSettings, make_actor
from preftree.actors.thoughts import joined, split_thought
from preftree.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("just this", (None, "just this"), id="none"),
        pytest.param("<think>hm</think>\n\nyes", ("hm", "yes"), id="tags"),
        pytest.param("\n<think>\nhm\n</think>yes", ("hm", "yes"), id="blanks-before"),
        pytest.param("<think>\n\n</think>\n\nyes", (None, "yes"), id="empty-thought"),
        pytest.param("<think>hm, so", ("hm, so", ""), id="cut-by-the-limit"),
        pytest.param("hm\n</think>\nyes", ("hm", "yes"), id="opened-by-the-template"),
        pytest.param("<think>a</think>b</think>c", ("a", "b</think>c"), id="closed-twice"),
        pytest.param("print('<think>')", (None, "print('<think>')"), id="opened-within-an-action"),
        pytest.param("x = '<think></think>'", (None, "x = '<think></think>'"), id="both-within-an-action"),
        pytest.param("  indented", (None, "  indented"), id="untouched"),
    ],
)
def test_split_thought(text: str, expected: tuple[str | None, str]) -> None:
    assert split_thought(text) == expected


def test_a_thought_that_the_prompt_opened() -> None:
    assert split_thought("hm", inside=True) == ("hm", "")
    assert split_thought("hm</think>yes", inside=True) == ("hm", "yes")


def test_other_tags_and_none() -> None:
    assert split_thought("[T]a[/T]b", ("[T]", "[/T]")) == ("a", "b")
    assert split_thought("<think>a</think>b", ()) == (None, "<think>a</think>b")
    assert joined(None, "a", "", "b") == "a\nb"
    assert joined(None, None) is None


@given(st.text().filter(lambda text: "</think>" not in text), st.text())
def test_what_was_put_together_comes_apart(thought: str, text: str) -> None:
    assert split_thought(f"<think>{thought}</think>{text}") == (thought.strip() or None, text.lstrip())


@pytest.mark.parametrize("tags", [("<think>",), ("", "</think>"), ("<t>", "<t>")], ids=["one", "empty", "equal"])
def test_wrong_tags_are_one_sentence(tags: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"thought_tags is .*, expected an opening and a closing tag"):
        make_actor(ActorSettings(kind="endpoint", base_url="http://x", thought_tags=tags))
