"""ShareGPT's format (also SlimOrca's): `conversations` of {from: human|gpt|system, value}."""

from __future__ import annotations

import random
from collections.abc import Iterator

from preftree.train.forms.form import Form, Value, messages, split
from preftree.train.rows import FieldError, Kind, Parsed


def _conversation(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    found = list(messages(value, "conversations"))
    # Exports of browsers may begin with an answer to a question that is lost, or end with a question.
    while found and found[0].role == "assistant":
        found.pop(0)
    while found and found[-1].role != "assistant":
        found.pop()
    if not found:
        raise FieldError("conversations", "no question with an answer")
    yield Parsed((split(tuple(found), "conversations"),), "", "sharegpt")


FORM = Form("sharegpt", ("single",), ("conversations",), _conversation)
