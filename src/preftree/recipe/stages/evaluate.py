"""Evaluate models on a file of problems: accuracy after one turn and after all turns, with paired tests."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.evaluate import ProblemSet, Protocol, accuracy_rows, compare_pairs, evaluate, write_results
from preftree.recipe.actors import open_actors
from preftree.recipe.runner import Context, hand_back_memory
from preftree.recipe.stages.problems import read_problems
from preftree.records import Problem, Result


@dataclass(frozen=True, slots=True)
class Settings:
    problems: str  # JSONL of problems
    models: dict[str, Any]  # name → settings of an actor
    groups: str | None = None  # JSON: group → data sets
    protocol: Protocol = field(default_factory=Protocol)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    problems = read_problems(settings.problems)
    groups = read_groups(settings.groups, problems)
    benchmark = ProblemSet(context.name, tuple(problems), settings.protocol)

    async def work() -> list[Result]:
        found: list[Result] = []
        # One model after another: several at once are no faster on one machine, and fill its memory.
        for name, section in settings.models.items():
            async with open_actors({name: section}, context.name) as models:
                found += await evaluate(
                    benchmark, models, context.out, environment=settings.environment, budget=settings.budget
                )
            hand_back_memory()
        write_results(context.out / "results.jsonl", found)
        return found

    results = asyncio.run(work())
    turns = sorted({1, settings.protocol.turns})
    rows, by_group = accuracy_rows(results, turns, groups)
    models = list(dict.fromkeys(result.model for result in results))
    pairs = list(itertools.pairwise(models))
    trained = groups.get("trained families")
    return {
        "models": models,
        "turns": turns,
        "rows": [row | {"trained": trained is None or row["dataset"] in trained} for row in rows],
        "groups": by_group,
        "paired": compare_pairs(results, pairs, turns, groups),
        "input_tokens": sum(result.input_tokens for result in results),
        "output_tokens": sum(result.output_tokens for result in results),
        "truncated": sum(result.truncated for result in results),
        "undecided": sum("undecided" in result.outcomes for result in results),
    }


def read_groups(path: str | None, problems: list[Problem]) -> dict[str, list[str]]:
    """Groups of data sets from a file, or one group of all."""
    if path is None:
        return {"all": list(dict.fromkeys(problem.dataset for problem in problems))}
    groups: dict[str, list[str]] = json.loads(Path(path).read_text("utf-8"))
    return groups
