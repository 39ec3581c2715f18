"""What a model thought, apart from what it answered.

In:  the text of an answer; the pair of tags that holds thoughts.
Out: the thought (None: none) and the text without it.
Always true: an answer that begins with no thought and holds no lone closing tag comes back as it was; nothing but the
tags and the blanks around them is lost.

Only a thought at the start is one: further on the tags may be part of an action, in a string or a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from preftree.errors import InputError

TAGS = ("<think>", "</think>")


def split_thought(text: str, tags: Sequence[str] = TAGS, *, inside: bool = False) -> tuple[str | None, str]:
    """(thought, text) of an answer.

    `inside`: the prompt ended with the opening tag, so the answer begins in the thought. Where that is not known, a
    closing tag that was never opened says it. A thought that is not closed (the token limit cut it) is all there is.
    """
    if not tags:
        return None, text
    opening, closing = tags
    start = text.lstrip()
    opened = start.startswith(opening)
    if opened:
        text = start[len(opening) :]
    elif not inside and not _closed_only(text, opening, closing):
        return None, text
    thought, closed, rest = text.partition(closing)
    return thought.strip() or None, rest.lstrip() if closed else ""


def check_tags(name: str, tags: Sequence[str]) -> None:
    """Refuse what is no pair of tags."""
    if tags and (len(tags) != 2 or not all(tags) or tags[0] == tags[1]):
        raise InputError(f"actor {name}: thought_tags is {list(tags)}, expected an opening and a closing tag, or none")


def joined(*thoughts: str | None) -> str | None:
    """Thoughts of one answer from several places, as one."""
    return "\n".join(thought for thought in thoughts if thought) or None


def _closed_only(text: str, opening: str, closing: str) -> bool:
    closes = text.find(closing)
    return closes >= 0 and opening not in text[:closes]
