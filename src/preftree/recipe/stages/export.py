"""Export a forest into rows: `sft.jsonl` and `pairs.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.export import ExportSettings, export
from preftree.recipe.runner import Context
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Settings:
    forest: str  # a forest's directory
    rows: ExportSettings = field(default_factory=ExportSettings)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    return to_json(export(Path(settings.forest), context.out, settings.rows))
