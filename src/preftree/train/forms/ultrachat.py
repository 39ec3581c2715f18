"""UltraChat as first published (`stingning/ultrachat`): `data` is a list of texts, the user's and the assistant's in
turn. The 200k version has `messages`, which is TRL's form.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from preftree.records import Message
from preftree.train.forms.form import Form, Value, split
from preftree.train.rows import FieldError, Kind, Parsed


def _turns(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    turns = value["data"]
    if not isinstance(turns, list) or not all(isinstance(turn, str) and turn.strip() for turn in turns):
        raise FieldError("data", "expected a list of texts")
    found = [Message("user" if at % 2 == 0 else "assistant", turn) for at, turn in enumerate(turns)]
    # A last question without an answer teaches nothing.
    kept = found[: len(found) - len(found) % 2]
    yield Parsed((split(tuple(kept), "data"),), "", "ultrachat")


FORM = Form("ultrachat", ("single",), ("data",), _turns)
