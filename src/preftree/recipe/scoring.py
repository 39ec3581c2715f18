"""`preftree score`: its settings, and the model that grades, if one is named, opened and closed around the scoring."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.environment import EnvironmentSettings
from preftree.evaluate.scoring import score
from preftree.recipe.actors import check_actors, open_actors
from preftree.recipe.settings import typed


@dataclass(frozen=True, slots=True)
class Settings:
    predictions: str  # rows {"id": …, "response": …}
    data: str | None = None  # a file, or a folder of data sets by name; none: $PREFTREE_DATA, then the hub
    protocol: str = "standard"  # eurus (eurus-2024-04), eurus-2024-09 or standard
    mode: str = ""  # text, program or choice; none: the benchmark's first
    out: str | None = None  # keep journal and results.jsonl here, for `preftree compare`
    model: str = "given"  # the name of whoever answered, in results
    partial: bool = False  # score the items that have a response, and no others
    judge: dict[str, Any] = field(default_factory=dict)  # settings of the model that grades
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)


def run_score(benchmark: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """What `evaluate.scoring` returns. Raises InputError where rows or settings are wrong."""
    settings = typed(Settings, section, "score")
    judges = {"judge": settings.judge} if settings.judge else {}
    check_actors(judges, "score")

    async def work() -> dict[str, Any]:
        async with open_actors(judges, "score") as actors:
            return await score(
                benchmark,
                settings.predictions,
                data=settings.data,
                protocol=settings.protocol,
                mode=settings.mode,
                out=Path(settings.out) if settings.out else None,
                model=settings.model,
                partial=settings.partial,
                judge=actors.get("judge"),
                environment=settings.environment,
            )

    return asyncio.run(work())
