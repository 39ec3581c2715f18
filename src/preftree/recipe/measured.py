"""Lengths of answers and actions, and the turns that conversations took, from what a run kept.

In:  `results.jsonl`, a forest. Out: a row a model or actor: how many, quantiles of tokens, how many were cut off.
Always true: a file is read line by line; what was not written by a model (a scored choice, an action made of the
reference) has no length.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from preftree.forest.raw import written_actions
from preftree.report.charts import QUANTILES


@dataclass(slots=True)
class _Sums:
    tokens: array[int] = field(default_factory=lambda: array("q"))
    truncated: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    most_turns: int = 0

    def add(self, tokens: int, truncated: bool) -> None:
        self.tokens.append(tokens)
        self.truncated += truncated

    def row(self) -> dict[str, Any]:
        points = [float(name.removesuffix("%")) for name in QUANTILES]
        found: Any = np.percentile(self.tokens, points) if self.tokens else []
        return {
            "written": len(self.tokens),
            "tokens": {name: float(value) for name, value in zip(QUANTILES, found, strict=False)},
            "mean": float(np.mean(self.tokens)) if self.tokens else None,
            "truncated": self.truncated,
        }


def answer_lengths(file: Path) -> list[dict[str, Any]]:
    """A row a model; `turns` counts conversations by the turn that solved them. None where the file is gone."""
    sums: dict[str, _Sums] = {}
    if not file.is_file():
        return []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            result = json.loads(line)
            mine = sums.setdefault(result["model"], _Sums())
            if result["output_tokens"]:
                mine.add(result["output_tokens"], result["truncated"])
            outcomes = result["outcomes"]
            mine.most_turns = max(mine.most_turns, len(outcomes))
            solved = str(outcomes.index("correct") + 1) if "correct" in outcomes else "unsolved"
            mine.turns[solved] += 1
    return [
        {"model": model, **mine.row(), "turns": dict(sorted(mine.turns.items())), "most_turns": mine.most_turns}
        for model, mine in sums.items()
    ]


def action_lengths(forest: Path) -> list[dict[str, Any]]:
    """A row an actor. None where the forest is gone."""
    if not (forest / "forest.sqlite").is_file():
        return []
    sums: dict[str, _Sums] = {}
    for actor, tokens, truncated in written_actions(forest):
        sums.setdefault(actor, _Sums()).add(tokens, truncated)
    return [{"actor": actor, **mine.row()} for actor, mine in sums.items()]
