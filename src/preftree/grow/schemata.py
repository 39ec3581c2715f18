"""The reasoning schema of each sample, and how its actor is told of it (FACTS section 1, "One turn").

In:  a problem, where a sample stands. Out: the schema drawn, and the instruction for it.
Always true: the draw depends on the seed, the problem, the turn, the role and the sample's index, never on timing; the
instruction is no part of the exported prompt; a problem without a tool and without code has nothing to define tools
with, so it is always reasoned about step by step.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from preftree.engine import Manner
from preftree.grow.prompts import template
from preftree.grow.settings import GrowSettings
from preftree.records import Problem, digest


def manner_of(settings: GrowSettings, problem: Problem, turn: int, role: str) -> Callable[[int], Manner]:
    """The manner of each sample of this role in this turn, by the sample's index."""

    def manner(sample: int) -> Manner:
        if not settings.schemata:
            return Manner()
        schemata = settings.schemata if may_define(problem) else ("cot",)
        draw = random.Random(digest(["schema", settings.seed, problem.id, turn, role, sample]))
        schema = draw.choice(schemata)
        return Manner(schema, instruction(problem, schema))

    return manner


def may_define(problem: Problem) -> bool:
    """Whether an action of this problem may hold functions."""
    return problem.task in ("Coding", "Math_PoT") or (problem.task == "Logic" and bool(problem.tools))


def instruction(problem: Problem, schema: str) -> str:
    """What the actor is told, by the problem's kind and the schema."""
    kind = problem.task.lower()
    if kind == "logic" and may_define(problem):
        kind = "logic_tool"
    elif kind == "coding" and problem.tests is None:
        # Table questions and the like: the code's result is the answer, no program is tested.
        kind = "coding_answer"
    return template(f"act_{kind}_{schema}")
