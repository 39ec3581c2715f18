"""Import published UltraInteract rows: a forest for every tool that reads one. The stage's kind is `import`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from preftree.errors import InputError
from preftree.export import import_rows
from preftree.recipe.runner import Context
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Settings:
    rows: tuple[str, ...]  # files, directories or hub ids: SFT rows, pairs, or both


def run(settings: Settings, context: Context) -> dict[str, Any]:
    if not settings.rows:
        raise InputError("import: rows: expected at least one file, directory or hub id")
    return to_json(import_rows(settings.rows, context.out))
