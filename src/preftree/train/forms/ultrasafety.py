"""UltraSafety (`openbmb/UltraSafety`): one pair an instruction, a harmless completion over a harmful one; where there
are several, drawn by the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from preftree.records import Message, digest
from preftree.train.forms.form import Form, Value, reply, text
from preftree.train.rows import FieldError, Kind, Parsed


def _pair(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    # The instruction inside a jailbreak, where the row has one, is what the models were asked.
    asked = text(value, "prompt") if value.get("prompt") else text(value, "instruction")
    harmless = [entry for entry in value["completions"] if _rating(entry) == 1]
    harmful = [entry for entry in value["completions"] if _rating(entry) == 0]
    if not harmless or not harmful:
        raise FieldError("completions", f"no {'harmful' if harmless else 'harmless'} completion among them")
    prompt = (Message("user", asked),)
    answers = (
        reply(prompt, text(draw.choice(harmless), "response")),
        reply(prompt, text(draw.choice(harmful), "response")),
    )
    yield Parsed(answers, digest(["ultrasafety", value["instruction"]]), "ultrasafety")


def _rating(completion: dict[str, Any]) -> int | None:
    notes = (completion.get("annotations") or {}).get("harmlessness") or [{}]
    rating = str((notes[0] if isinstance(notes, list) else notes).get("Rating"))
    return int(rating) if rating in ("0", "1") else None


def _is_safety(value: Value) -> bool:
    return isinstance(value["completions"], list) and any(
        "harmlessness" in (entry.get("annotations") or {}) for entry in value["completions"] if isinstance(entry, dict)
    )


FORM = Form("ultrasafety", ("pair",), ("instruction", "completions"), _pair, known=_is_safety)
