"""Grow a forest of a file of problems, with actors by role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from preftree.actors import ActorSettings
from preftree.engine import Budget, ClusterSettings
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.grow import Actors, GrowSettings, grow, grow_on_cluster, join_shards
from preftree.recipe.actors import open_actors, pick
from preftree.recipe.runner import Context
from preftree.recipe.settings import typed
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
    engine: Literal["asyncio", "ray"] = "asyncio"  # on this machine, or on a Ray cluster
    cluster: ClusterSettings = field(default_factory=ClusterSettings)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    problems = read_problems(settings.problems)
    common: dict[str, Any] = {
        "environment": settings.environment,
        "budget": settings.budget,
        "title": f"growing {context.name}",
        "on_tree": lambda tree: context.observer.tree(context.name, tree),
    }
    if settings.engine == "ray":
        cast = partial(roles, settings, context.name)
        prices = {
            name: typed(ActorSettings, {"name": name, **section}, context.name).prices
            for name, section in settings.actors.items()
        }
        report = grow_on_cluster(
            problems, cast, settings.policy, context.out, cluster=settings.cluster, prices=prices, **common
        )
        return to_json(report)

    async def work() -> dict[str, Any]:
        async with roles(settings, context.name) as actors:
            return to_json(await grow(problems, actors, settings.policy, context.out, **common))

    join_shards(problems, context.out)
    return asyncio.run(work())


@asynccontextmanager
async def roles(settings: Settings, stage: str) -> AsyncIterator[Actors]:
    """Who plays which role, made in the process that grows."""
    async with open_actors(settings.actors, stage) as actors:
        ladder, pool, critics = (
            pick(settings.actors, actors, names, stage)
            for names in (settings.ladder, settings.pool, (settings.critic,) if settings.critic else ())
        )
        if not ladder:
            raise InputError(f"stage {stage}: ladder: expected at least one actor with a model")
        yield Actors(ladder, pool, critics[0] if critics else None)
