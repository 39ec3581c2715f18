"""What a form is, and how its fields are read: texts, messages, answers.

In:  a raw value. Out: texts and messages, or a `FieldError` that names the field and what was expected.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from preftree.records import Message, Role
from preftree.train.rows import Answer, Conversation, FieldError, Kind, Parsed, Text

Value = dict[str, Any]

_ROLES: dict[str, Role] = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """`kinds` are what it gives; `columns` must all be there; `parse` makes rows of a value, with a seeded draw."""

    name: str
    kinds: tuple[Kind, ...]
    columns: tuple[str, ...]
    parse: Callable[[Value, Kind, random.Random], Iterable[Parsed]]
    known: Callable[[Value], bool] = lambda value: True

    def gives(self, kind: Kind) -> bool:
        # Where labels are wanted, pairs do as well.
        return kind in self.kinds or (kind == "label" and "pair" in self.kinds)

    def recognises(self, value: Value) -> bool:
        return all(value.get(column) is not None for column in self.columns) and self.known(value)


def text(value: Value, field: str) -> str:
    """A field with words in it."""
    content = value.get(field)
    if content is None:
        raise FieldError(field, "missing")
    if not isinstance(content, str):
        raise FieldError(field, f"expected text, got {type(content).__name__}")
    if not content.strip():
        raise FieldError(field, "empty")
    return content


def number(content: Any, field: str) -> float:
    """A finite number."""
    if isinstance(content, bool) or not isinstance(content, (int, float)) or not math.isfinite(content):
        raise FieldError(field, f"expected a number, got {str(content)[:40]}")
    return float(content)


def messages(value: Value, field: str) -> tuple[Message, ...]:
    """{role, content}, or {from, value} as UltraInteract and ShareGPT have it."""
    entries = value.get(field)
    if not isinstance(entries, list) or not entries:
        raise FieldError(field, "expected a list of messages")
    return tuple(_message(entry, f"{field}[{i}]") for i, entry in enumerate(entries))


def _message(entry: Any, where: str) -> Message:
    if not isinstance(entry, dict):
        raise FieldError(where, "expected an object")
    role, content = entry.get("role", entry.get("from")), entry.get("content", entry.get("value"))
    if not isinstance(role, str) or role not in _ROLES:
        raise FieldError(where, f"expected a role of {', '.join(_ROLES)}, got {role!r}")
    if not isinstance(content, str):
        raise FieldError(where, "expected text")
    return Message(_ROLES[role], content)


def answer(value: Value, field: str) -> Answer:
    """What follows the field `prompt`: text behind text, or messages (or the text of one) behind messages."""
    if not isinstance(value["prompt"], list):
        return Text(text(value, "prompt"), text(value, field))
    prompt = messages(value, "prompt")
    if isinstance(value.get(field), list):
        return Conversation(prompt, answered(messages(value, field), field))
    return Conversation(prompt, (Message("assistant", text(value, field)),))


def reply(prompt: Iterable[Message], content: str) -> Conversation:
    """One assistant message behind a prompt."""
    return Conversation(tuple(prompt), (Message("assistant", content),))


def split(found: tuple[Message, ...], field: str) -> Conversation:
    """A whole conversation: everything from the first assistant message on is the completion."""
    first = next((i for i, message in enumerate(found) if message.role == "assistant"), None)
    if first is None:
        raise FieldError(field, "no assistant message")
    return Conversation(found[:first], found[first:])


def answered(found: tuple[Message, ...], field: str) -> tuple[Message, ...]:
    """These messages, if the last is the assistant's."""
    if not found or found[-1].role != "assistant":
        raise FieldError(field, "the last message is not the assistant's")
    return found
