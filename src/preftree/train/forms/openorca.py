"""OpenOrca (`Open-Orca/OpenOrca`): system_prompt (may be empty), question, response."""

from __future__ import annotations

import random
from collections.abc import Iterator

from preftree.records import Message
from preftree.train.forms.form import Form, Value, reply, text
from preftree.train.rows import Kind, Parsed


def _question(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    system = value.get("system_prompt") or ""
    prompt = [Message("system", system)] if system.strip() else []
    yield Parsed((reply([*prompt, Message("user", text(value, "question"))], text(value, "response")),), "", "openorca")


FORM = Form("openorca", ("single",), ("question", "response"), _question)
