"""Grow a forest of a file of problems, with actors by role."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.grow import Actors, GrowSettings, check_roles, grow
from preftree.recipe.actors import open_actors, pick
from preftree.recipe.runner import Context
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


def run(settings: Settings, context: Context) -> dict[str, Any]:
    problems = read_problems(settings.problems)

    async def work() -> dict[str, Any]:
        async with open_actors(settings.actors, context.name) as actors:
            report = await grow(
                problems,
                _roles(settings, actors, problems, context.name),
                settings.policy,
                context.out,
                environment=settings.environment,
                budget=settings.budget,
                title=f"growing {context.name}",
                on_tree=lambda tree: context.observer.tree(context.name, tree),
            )
        return to_json(report)

    return asyncio.run(work())


def _roles(settings: Settings, actors: Mapping[str, Actor], problems: Sequence[Problem], stage: str) -> Actors:
    """Who plays which role; InputError if one that a problem needs is played by nobody, before any call."""

    def named(*names: str | None) -> tuple[Actor, ...]:
        return pick(settings.actors, actors, [name for name in names if name], stage)

    def one(name: str | None) -> Actor | None:
        return next(iter(named(name)), None)

    ladder = named(*settings.ladder)
    if not ladder:
        raise InputError(f"stage {stage}: ladder: expected at least one actor with a model")
    try:
        roles = Actors(
            ladder=ladder,
            pool=named(*settings.pool),
            critic=one(settings.critic),
            hinter=one(settings.hinter),
            baseline=one(settings.baseline),
            judge=one(settings.judge),
            writer=one(settings.writer),
        )
        check_roles(problems, roles)
    except InputError as fault:
        raise InputError(f"stage {stage}: {fault}") from fault
    return roles
