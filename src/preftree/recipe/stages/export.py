"""Export a forest into rows: `sft`, `pairs` and `action_pairs`, as JSONL or Parquet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.export import ExportSettings, export
from preftree.recipe.runner import Context
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Settings:
    forest: str  # a forest's directory
    rows: ExportSettings = field(default_factory=ExportSettings)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    report = export(Path(settings.forest), context.out, settings.rows)
    num_trees = report.num_trees + report.held_out.get("trees", 0)
    if report.num_sft + report.held_out.get("sft", 0) == 0:
        raise InputError(
            f"{settings.forest}: none of its {num_trees} trees has a correct action to learn from; give the "
            "problems a `program` or `rationale`, or ask a stronger actor (docs/actors.md), remove the forest's folder "
            "and run again"
        )
    return to_json(report)
