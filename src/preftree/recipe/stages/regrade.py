"""Judge the stored actions of a forest again: another verifier, other references, or this version's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from preftree.environment import EnvironmentSettings
from preftree.errors import InputError, nearest
from preftree.forest import Forest
from preftree.grow import GrowSettings
from preftree.grow.regrade import regrade
from preftree.recipe.grown import Grown, copy_grown, grown_with
from preftree.recipe.runner import Context
from preftree.recipe.stages.problems import read_problems
from preftree.records import Problem, to_json
from preftree.verify import VERIFIERS


@dataclass(frozen=True, slots=True)
class Settings:
    forest: str  # a forest's directory
    verifier: str | None = None  # the rule for all problems that have no tests
    problems: str | None = None  # JSONL of problems with other references, verifiers or tests, known by their ids
    rerun: bool = False  # run code again, in the jail; otherwise what it showed is what was kept
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    source = Path(settings.forest)
    if settings.verifier is not None and settings.verifier not in VERIFIERS:
        raise InputError(
            f'stage {context.name}: verifier "{settings.verifier}" is unknown{nearest(settings.verifier, VERIFIERS)}'
        )
    change = _change(settings, source)
    grown = grown_with(source) or Grown(GrowSettings())
    report = asyncio.run(
        regrade(
            source,
            context.out,
            change,
            grown.policy,
            pool=grown.pool,
            environment=settings.environment if settings.rerun else None,
        )
    )
    copy_grown(source, context.out)
    return to_json(report)


def _change(settings: Settings, source: Path) -> Callable[[Problem], Problem]:
    """From a stored problem to how it is judged now."""
    changed = {} if settings.problems is None else {p.id: p for p in read_problems(settings.problems)}
    with Forest(source, readonly=True) as forest:
        stored = {problem.id: problem for problem in forest.problems()}
    for problem in changed.values():
        before = stored.get(problem.id)
        if before is None:
            raise InputError(f"{settings.problems}: problem {problem.id}: {source} holds no problem of this id")
        if before.instruction != problem.instruction:
            raise InputError(
                f'{settings.problems}: problem {problem.id}, field "instruction": expected the one that it was grown '
                "with; regrading changes references, verifiers and tests only"
            )
        if before.tests != problem.tests and not settings.rerun:
            raise InputError(
                f'{settings.problems}: problem {problem.id}, field "tests": other tests need rerun=true, which runs '
                "the programs again"
            )

    def change(problem: Problem) -> Problem:
        new = changed.get(problem.id)
        if new is not None:
            tests = new.tests if settings.rerun else problem.tests
            problem = replace(problem, references=new.references, verifier=new.verifier, tests=tests)
        if settings.verifier is not None and problem.tests is None and problem.verifier != "judge":
            problem = replace(problem, verifier=settings.verifier)
        return problem

    return change
