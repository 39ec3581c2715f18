"""TRL's forms, standard (texts) and conversational (messages).

messages | text | prompt, completion | prompt, completion, label | prompt, chosen, rejected | chosen, rejected
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from preftree.records import Message
from preftree.train.forms.form import Form, Value, answer, answered, messages, number, split, text
from preftree.train.rows import Conversation, FieldError, Kind, Parsed, Text


def _messages(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    yield Parsed((split(messages(value, "messages"), "messages"),), _group(value), "")


def _text(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    yield Parsed((Text("", text(value, "text")),), _group(value), "")


def _prompt_completion(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    yield Parsed((answer(value, "completion"),), _group(value), "")


def _labelled(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    label = value["label"]
    if not isinstance(label, (bool, int)) or label not in (0, 1):
        raise FieldError("label", f"expected true or false, got {label!r}")
    yield Parsed((answer(value, "completion"),), _group(value), "", label=bool(label))


def _preference(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    margin = None if value.get("margin") is None else number(value["margin"], "margin")
    chosen, rejected = value.get("chosen"), value.get("rejected")
    lists = isinstance(chosen, list) and isinstance(rejected, list)
    pair: tuple[Conversation, Conversation] | tuple[Text, Text]
    if lists and not isinstance(value.get("prompt"), list):
        pair = _shared_messages(value)
    elif value.get("prompt") is not None:
        pair = (answer(value, "chosen"), answer(value, "rejected"))  # type: ignore[assignment]
    else:
        pair = _shared_text(text(value, "chosen"), text(value, "rejected"))
    yield Parsed(pair, _group(value), _source(value), margin=margin)


def _shared_messages(value: Value) -> tuple[Conversation, Conversation]:
    """The prompt is what both conversations begin with; a prompt as text repeats a question of it, or is all of it."""
    left, right = (answered(messages(value, side), side) for side in ("chosen", "rejected"))
    shared = 0
    while shared < min(len(left), len(right)) - 1 and left[shared] == right[shared]:
        shared += 1
    if any(side[shared].role != "assistant" for side in (left, right)):
        raise FieldError("rejected", "does not answer the prompt of chosen")
    prompt = left[:shared]
    asked = value.get("prompt")
    if isinstance(asked, str) and asked.strip():
        if not prompt:
            prompt = (Message("user", asked),)
        elif all(message.content.strip() != asked.strip() for message in prompt):
            raise FieldError("prompt", "is nowhere in what chosen and rejected begin with")
    return Conversation(prompt, left[shared:]), Conversation(prompt, right[shared:])


def _shared_text(chosen: str, rejected: str) -> tuple[Text, Text]:
    """The prompt is what both texts begin with; as in TRL, a space before the difference goes with the answers."""
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if shared and chosen[shared - 1] == " ":
        shared -= 1
    if not chosen[:shared].strip():
        raise FieldError("prompt", "missing, and chosen and rejected have no common beginning")
    if not chosen[shared:].strip() or not rejected[shared:].strip():
        raise FieldError("rejected", "one of chosen and rejected is the beginning of the other, and there is no prompt")
    return Text(chosen[:shared], chosen[shared:], cut=True), Text(rejected[:shared], rejected[shared:], cut=True)


def _group(value: Value) -> str:
    return str(value.get("parent_id") or "")


def _source(value: Value) -> str:
    source = value.get("source")
    return source if isinstance(source, str) else ""


MESSAGES = Form("messages", ("single",), ("messages",), _messages)
TEXT = Form("text", ("single",), ("text",), _text)
PROMPT_COMPLETION = Form("prompt_completion", ("single",), ("prompt", "completion"), _prompt_completion)
LABELLED = Form("prompt_completion_label", ("label",), ("prompt", "completion", "label"), _labelled)
PREFERENCE = Form(
    "prompt_chosen_rejected", ("pair",), (), _preference, known=lambda value: "chosen" in value or "rejected" in value
)
