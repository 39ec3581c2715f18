"""Numbers that a model gave, kept as they come: a killed scoring goes on where it was.

In:  keys (a digest of model and conversation) and numbers. Out: what is known of a key.
Always true: what `add` returned after is on disk; a last line cut short by a kill is dropped, and its number made
again; a key covers weights, tokenizer, template, precision and the conversation, so a stored number is never another's.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from preftree.errors import InputError

# A value, and over how many tokens it was summed; -inf (null in the file) where a model could not read a conversation.
Number = tuple[float, int]


class Scores:
    """One file, written by one process at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Number] = {}
        if file.is_file():
            self._load()

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> Number:
        return self._known[key]

    def add(self, numbers: Mapping[str, Number]) -> None:
        """Keep them; returns when they are on disk."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as stream:
            for key, (value, tokens) in numbers.items():
                stream.write(json.dumps([key, None if value == -math.inf else value, tokens]) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._known.update(numbers)

    def _load(self) -> None:
        text = self._file.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                key, value, tokens = json.loads(line)
                self._known[str(key)] = (-math.inf if value is None else float(value), int(tokens))
            except (ValueError, TypeError) as fault:
                raise InputError(
                    f"{self._file} row {number}: no stored number; remove the file to score anew"
                ) from fault
        if whole != text:
            with self._file.open("r+b") as stream:
                stream.truncate(len(whole))
