"""Measure reward models, implicit rewards and judges on pairs of answers that people compared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.items import files_of
from preftree.evaluate.rewards import FigureSettings, JudgeSettings, RewardRun, ScorerSettings
from preftree.evaluate.rewards.registry import find_reward_benchmark
from preftree.recipe.actors import open_actors
from preftree.recipe.runner import Context, hand_back_memory
from preftree.recipe.settings import listed, typed


@dataclass(frozen=True, slots=True)
class Settings:
    benchmarks: str | tuple[str, ...]  # of rewardbench, autoj, mt_bench_human; `a,b` is the two
    scorers: dict[str, Any] = field(default_factory=dict)  # name → a reward model or a policy on this machine
    judges: dict[str, Any] = field(default_factory=dict)  # name → settings of an actor that compares answers
    data: str | None = None  # a file, or a folder of data sets; else $PREFTREE_DATA, or the hub
    limit: int | None = None  # the first so many rows of each benchmark
    figures: FigureSettings = field(default_factory=FigureSettings)
    judging: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        if not listed(self.benchmarks):
            raise InputError("benchmarks: expected at least one")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit: expected 1 or more, got {self.limit}")
        if not self.scorers and not self.judges:
            raise InputError("scorers: expected at least one, as in scorers.rm.model=DIR (or a judge, in judges)")
        both = sorted(set(self.scorers) & set(self.judges))
        if both:
            raise InputError(f"judges.{both[0]}: a scorer has this name too")
        for name, section in self.scorers.items():
            scorer(name, section)


def scorer(name: str, section: Any) -> ScorerSettings:
    """A scorer's settings, checked."""
    if not isinstance(section, dict):
        raise InputError(f"scorers.{name}: expected settings such as {{model: DIR}}")
    return typed(ScorerSettings, section, f"scorers.{name}")


def inputs(settings: Settings) -> dict[str, str]:
    """The files of rows, by what they are: they belong to the mark wherever they were found."""
    return files_of(map(find_reward_benchmark, listed(settings.benchmarks)), settings.data)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    work = RewardRun(
        listed(settings.benchmarks), context.out, data=settings.data, limit=settings.limit, figures=settings.figures
    )
    for name, section in settings.scorers.items():
        work.score(name, scorer(name, section))
        hand_back_memory()

    async def judge() -> None:
        for name, section in settings.judges.items():
            async with open_actors({name: section}, context.name) as actors:
                await work.judge(name, actors[name], settings.judging)

    asyncio.run(judge())
    return work.write()
