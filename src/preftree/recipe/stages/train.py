"""Train on rows: SFT, a preference objective or a reward model; the trend of its rewards as a figure beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from preftree.actors.weights import resolve_model
from preftree.recipe.runner import Context
from preftree.records import to_json
from preftree.report import reward_trend_svg
from preftree.train import TrainSettings, train

Settings = TrainSettings


def run(settings: TrainSettings, context: Context) -> dict[str, Any]:
    report = train(replace(settings, model=str(resolve_model(settings.model))))
    out = Path(settings.out)
    lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    figure = reward_trend_svg(out.name, [json.loads(line) for line in lines])
    if figure is not None:
        (out / "rewards.svg").write_text(figure, encoding="utf-8")
    return to_json(report)
