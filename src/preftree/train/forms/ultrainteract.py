"""UltraInteract: `openbmb/UltraInteract_sft` and `openbmb/UltraInteract_pair` (FACTS section 1), and what
`preftree export` writes. Rows of one `parent_id` belong to one tree.

SFT also reads any set with `instruction` and `response` (Magicoder-Evol-Instruct, say).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from preftree.records import Message
from preftree.train.forms.form import Form, Value, messages, reply, text
from preftree.train.rows import FieldError, Kind, Parsed


def _sft(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    for other in ("context", "input"):
        if value.get(other):
            raise FieldError(other, "this form has no such column, so it would be left out; put it into instruction")
    prompt = Message("user", text(value, "instruction"))
    yield Parsed((reply([prompt], text(value, "response")),), str(value.get("parent_id") or ""), "ultrainteract")


def _pair(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    prompt = messages(value, "trajectory")
    answers = tuple(reply(prompt, text(value, field)) for field in ("chosen", "rejected"))
    # Only pairs of trees get the direct reward loss; every row of this form is one.
    yield Parsed(answers, str(value.get("parent_id") or ""), "tree")


SFT = Form("ultrainteract_sft", ("single",), ("instruction",), _sft, known=lambda value: "completions" not in value)
PAIR = Form("ultrainteract_pair", ("pair",), ("trajectory",), _pair)
