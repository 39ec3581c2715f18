"""Export a forest into rows: `sft`, `pairs`, `action_pairs` (and `unpaired`), with a card; to the hub, if asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.export import ExportSettings, Push, export
from preftree.recipe.runner import Context
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Settings:
    forest: str  # a forest's directory
    rows: ExportSettings = field(default_factory=ExportSettings)
    push_to_hub: str = ""  # a data set's id on the hub; the token is HF_TOKEN's
    push_private: bool = True  # whether that repository is made private


def run(settings: Settings, context: Context) -> dict[str, Any]:
    push = Push(settings.push_to_hub, settings.push_private) if settings.push_to_hub else None
    made = tuple(makers(Path(settings.forest)))
    report = export(Path(settings.forest), context.out, settings.rows, made=made, push=push)
    num_trees = report.num_trees + report.held_out.get("trees", 0)
    if report.num_sft + report.held_out.get("sft", 0) == 0:
        if report.num_left_out:
            raise InputError(
                f"{settings.forest}: no SFT row can be written: its {report.num_left_out} correct actions have no "
                "known reference or history; set rows.response=action and rows.history=drop"
            )
        raise InputError(
            f"{settings.forest}: none of its {num_trees} trees has a correct action to learn from; give the "
            "problems a `program` or `rationale`, or ask a stronger actor (docs/actors.md), remove the forest's folder "
            "and run again"
        )
    return to_json(report)


def makers(forest: Path) -> Iterator[dict[str, Any]]:
    """What the stage that made a forest reported of itself, and those that made the forests before it."""
    seen: set[Path] = set()
    while (file := forest / "stage.json").is_file() and forest not in seen:
        seen.add(forest)
        stage = json.loads(file.read_text("utf-8"))
        yield stage
        forest = Path(str(stage["settings"].get("forest") or ""))
