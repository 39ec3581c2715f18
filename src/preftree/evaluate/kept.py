"""What took long to find out, a line at a time, so that a run that was killed goes on; and files that are whole.

In:  JSON values under keys that cover all they depend on. Out: the same values, in a later run too.
Always true: what `add` was given is on disk when it returns; the file only grows; a last line that a kill cut short is
left out, and its value is found again; any other line that can't be read is an InputError that names it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from preftree.errors import InputError


def write_whole(path: Path, text: str) -> None:
    """The file has this text, or is as it was."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


class Kept:
    """One JSONL file, written by one process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path.is_file():
            self._load()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def add(self, values: Mapping[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps([key, value]) + "\n" for key, value in values.items()))
            file.flush()
            os.fsync(file.fileno())
        self._values.update(values)

    def _load(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                key, value = json.loads(line)
            except (ValueError, TypeError) as fault:
                raise InputError(f"{self._path} row {number}: no kept value; remove the file to begin anew") from fault
            self._values[str(key)] = value
        if len(whole) < len(content):
            with self._path.open("r+b") as file:
                file.truncate(len(whole))
