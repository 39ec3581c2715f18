"""Evaluate models: on benchmarks by name or a suite, or on a file of problems of one's own.

In:  settings. Out: `results.jsonl` (every answer with its grade); for benchmarks `summary.json` and, a model each,
`lm_eval_results.json`; for own problems the accuracy after one turn and after all turns, with paired tests.
Always true: names, modes, files and a judge that is missing are told before anything is written or asked.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate import ProblemSet, Protocol, accuracy_rows, compare_pairs, evaluate, write_results
from preftree.evaluate.suites import Asking, Choice, choose
from preftree.recipe import measuring
from preftree.recipe.runner import Context
from preftree.recipe.settings import listed, typed
from preftree.recipe.stages.problems import read_problems
from preftree.records import Problem, Result


@dataclass(frozen=True, slots=True)
class Settings:
    models: dict[str, Any]  # name → settings of an actor
    problems: str | None = None  # JSONL of problems of one's own
    groups: str | None = None  # JSON: group → data sets; for own problems
    benchmarks: str | tuple[str, ...] = ()  # names (`preftree evaluate --list`)
    suite: str = ""  # or those of a suite: eurus (table 3), knowledge (table 8), reranking (table 9's first column)
    data: str | None = None  # file or folder of data sets; else $PREFTREE_DATA, else the hub
    modes: str | tuple[str, ...] = ()  # text, program, choice; none: those of each benchmark
    limit: int | None = None  # the first items of each benchmark only
    judge: dict[str, Any] = field(default_factory=dict)  # the actor that grades, where a benchmark needs one
    # A protocol's name, or its name and what stands in the place of its own; for own problems their protocol.
    protocol: Any = None
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        given = [name for name in ("problems", "benchmarks", "suite") if getattr(self, name)]
        if len(given) != 1:
            raise InputError(
                f"evaluate: expected one of problems=FILE, benchmarks=[NAME, …] and suite=NAME, got "
                f"{' and '.join(given) or 'none'}"
            )
        if self.limit is not None and self.limit < 1:
            raise InputError(f"limit: expected at least 1, got {self.limit}")
        others = ("data", "modes", "limit", "judge") if self.problems else ("groups",)
        unused = [name for name in others if getattr(self, name)]
        if unused:
            raise InputError(f"{unused[0]}: is no setting of {'own problems' if self.problems else 'benchmarks'}")
        object.__setattr__(self, "protocol", _protocol(self.protocol, own=self.problems is not None))
        if not self.problems:
            self.choice()

    def choice(self) -> Choice:
        """Which benchmarks, in which forms."""
        judge = bool(self.judge.get("model"))
        return choose(listed(self.benchmarks), self.suite, listed(self.modes), self.protocol.name, judge=judge)


def _protocol(given: Any, *, own: bool) -> Protocol | Asking:
    if isinstance(given, str) and not own:
        given = {"name": given}
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"protocol: expected {'settings' if own else 'a name or settings'}, got {given!r}")
    return typed(Protocol, given or {}, "protocol") if own else typed(Asking, given or {}, "protocol")


def inputs(settings: Settings) -> dict[str, str]:
    """The files of rows, by what they are: they belong to the mark wherever they were found."""
    return {} if settings.problems else measuring.files(settings.choice(), settings.data)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    if not settings.problems:
        return measuring.run(settings, context)
    problems = read_problems(settings.problems)
    groups = read_groups(settings.groups, problems)
    own = ProblemSet(context.name, tuple(problems), settings.protocol)

    async def one(models: Mapping[str, Actor]) -> list[Result]:
        return await evaluate(own, models, context.out, environment=settings.environment, budget=settings.budget)

    results = asyncio.run(measuring.each_model(settings.models, context.name, one))
    write_results(context.out / "results.jsonl", results)
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
