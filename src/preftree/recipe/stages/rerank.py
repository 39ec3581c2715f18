"""Best of N of a policy's samples by a reward model, beside random choice, self-consistency and pass@N."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate import ProblemSet, Protocol, RerankSettings, rerank
from preftree.recipe.actors import open_actors
from preftree.recipe.runner import Context
from preftree.recipe.stages.problems import read_problems
from preftree.records import Message


@dataclass(frozen=True, slots=True)
class Settings:
    problems: str  # JSONL of problems
    policy: dict[str, Any]  # one name → settings of the actor that answers
    reward_model: str  # a directory
    protocol: Protocol = field(default_factory=lambda: Protocol(samples=8, temperature=1.0))
    ranking: RerankSettings = field(default_factory=RerankSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        if len(self.policy) != 1:
            raise InputError(f"policy: expected one name and its actor's settings, got {len(self.policy)}")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    benchmark = ProblemSet(context.name, tuple(read_problems(settings.problems)), settings.protocol)

    def reward(conversations: Sequence[Sequence[tuple[Message, ...]]]) -> list[list[float]]:
        from preftree.tries import RewardModel

        return RewardModel(settings.reward_model).score(conversations)

    async def work() -> dict[str, Any]:
        async with open_actors(settings.policy, context.name) as actors:
            ((name, actor),) = actors.items()
            return await rerank(
                benchmark,
                name,
                actor,
                reward,
                settings.ranking,
                context.out,
                environment=settings.environment,
                budget=settings.budget,
            )

    report = asyncio.run(work())
    return report | {"reward_model": settings.reward_model}
