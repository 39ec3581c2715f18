"""Train on rows: SFT, DPO, KTO, NCA or a reward model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from preftree.actors.weights import resolve_model
from preftree.recipe.runner import Context
from preftree.records import to_json
from preftree.train import TrainSettings, train

Settings = TrainSettings


def run(settings: TrainSettings, context: Context) -> dict[str, Any]:
    return to_json(train(replace(settings, model=str(resolve_model(settings.model)))))
