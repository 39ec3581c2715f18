"""Grow a forest of a file of problems, with actors by role."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.grow import Actors, GrowSettings, grow
from preftree.recipe.actors import open_actors, pick
from preftree.recipe.runner import Context
from preftree.recipe.stages.problems import read_problems
from preftree.records import to_json


@dataclass(frozen=True, slots=True)
class Settings:
    problems: str  # JSONL of problems
    actors: dict[str, Any]  # name → settings of an actor
    ladder: tuple[str, ...]  # the actor, then stronger ones, by name; an empty name is passed over
    pool: tuple[str, ...] = ()  # actors whose incorrect actions are preferred
    critic: str | None = None  # an actor's name; none: critiques from the trace alone
    policy: GrowSettings = field(default_factory=GrowSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)


def run(settings: Settings, context: Context, only: Collection[str] | None = None) -> dict[str, Any]:
    """`only`: a pilot of these problems (docs/after.md)."""
    problems = read_problems(settings.problems)

    async def work() -> dict[str, Any]:
        async with open_actors(settings.actors, context.name) as actors:
            ladder, pool, critics = (
                pick(settings.actors, actors, names, context.name)
                for names in (settings.ladder, settings.pool, (settings.critic,) if settings.critic else ())
            )
            if not ladder:
                raise InputError(f"stage {context.name}: ladder: expected at least one actor with a model")
            roles = Actors(ladder, pool, critics[0] if critics else None)
            report = await grow(
                problems,
                roles,
                settings.policy,
                context.out,
                environment=settings.environment,
                budget=settings.budget,
                title=f"growing {context.name}",
                on_tree=lambda tree: context.observer.tree(context.name, tree),
                only=only,
            )
        return to_json(report)

    return asyncio.run(work())
