"""What took long to find out, a line at a time, so that a run that was killed goes on.

In:  values under keys. Out: the same values, in a later run too.
Always true: the file only grows; a line that a crash cut short is left out, and its value is found again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Kept:
    """JSON values by key in a JSONL file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if not path.is_file():
            return
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            key, value = json.loads(line)
            self._values[key] = value
        if len(whole) < len(content):
            with path.open("r+b") as file:
                file.truncate(len(whole))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def add(self, values: dict[str, Any]) -> None:
        """They are on disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps([key, value]) + "\n" for key, value in values.items()))
            file.flush()
            os.fsync(file.fileno())
        self._values |= values
