"""Grow a forest of a file of problems, with actors by role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from preftree.actors import Actor, ActorSettings, Prices
from preftree.engine import Budget, ClusterSettings
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.grow import (
    OPTIONAL_ROLES,
    Actors,
    GrowSettings,
    check_ladder,
    check_roles,
    grow,
    grow_on_cluster,
    join_shards,
)
from preftree.recipe.actors import open_actors, pick
from preftree.recipe.runner import Context
from preftree.recipe.settings import typed
from preftree.recipe.stages.problems import read_problems
from preftree.records import Problem, to_json


@dataclass(frozen=True, slots=True)
class Settings:
    problems: str  # JSONL of problems
    actors: dict[str, Any]  # name → settings of an actor
    ladder: tuple[str, ...]  # the actor, then up to three stronger ones, by name; an empty name is passed over
    pool: tuple[str, ...] = ()  # actors of which one, drawn for each turn, writes incorrect actions
    critic: str | None = None  # an actor's name; none: critiques from the trace alone
    hinter: str | None = None  # who writes from references; none: the first of the ladder
    baseline: str | None = None  # whom a problem with a filter is asked first
    judge: str | None = None  # who judges answers of problems without a ground truth
    writer: str | None = None  # who writes inputs for problems without tests
    policy: GrowSettings = field(default_factory=GrowSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)
    engine: Literal["asyncio", "ray"] = "asyncio"  # on this machine, or on a Ray cluster
    cluster: ClusterSettings = field(default_factory=ClusterSettings)


def run(settings: Settings, context: Context, only: Collection[str] | None = None) -> dict[str, Any]:
    """`only`: a pilot of these problems (docs/after.md)."""
    problems = read_problems(settings.problems)
    _check(settings, problems, context.name)
    common: dict[str, Any] = {
        "environment": settings.environment,
        "budget": settings.budget,
        "title": f"growing {context.name}",
        "on_tree": lambda tree: context.observer.tree(context.name, tree),
    }
    # A pilot is small: it is grown here, and what it made is dealt to the shards afterwards.
    if settings.engine == "ray" and only is None:
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
            return to_json(await grow(problems, actors, settings.policy, context.out, only=only, **common))

    join_shards(problems, context.out)
    return asyncio.run(work())


@asynccontextmanager
async def roles(settings: Settings, stage: str) -> AsyncIterator[Actors]:
    """Who plays which role, made in the process that grows."""
    async with open_actors(settings.actors, stage) as actors:

        def named(*names: str | None) -> tuple[Actor, ...]:
            return pick(settings.actors, actors, [name for name in names if name], stage)

        optional = {role: next(iter(named(getattr(settings, role))), None) for role in OPTIONAL_ROLES}
        yield Actors(named(*settings.ladder), named(*settings.pool), **optional)


def _check(settings: Settings, problems: Sequence[Problem], stage: str) -> None:
    """InputError for a role that a problem needs and nobody plays, before any actor is made or called."""

    def played(*names: str | None) -> list[str]:
        pick(settings.actors, {}, [name for name in names if name], stage)
        return [name for name in names if name and settings.actors[name].get("model")]

    if settings.budget.usd is not None:
        roles = (*settings.ladder, *settings.pool, *(getattr(settings, role) for role in OPTIONAL_ROLES))
        for name in played(*roles):
            actor = typed(ActorSettings, {"name": name, **settings.actors[name]}, f"stage {stage}, actor {name}")
            if actor.kind == "endpoint" and actor.prices == Prices():
                raise InputError(
                    f"stage {stage}: budget.usd can't be held: actor {name} has no price; set its input_usd and "
                    "output_usd (US dollars for a million tokens)"
                )
    ladder, optional = played(*settings.ladder), [role for role in OPTIONAL_ROLES if played(getattr(settings, role))]
    try:
        check_ladder(len(ladder))
        check_roles(problems, optional)
    except InputError as fault:
        raise InputError(f"stage {stage}: {fault}") from fault
