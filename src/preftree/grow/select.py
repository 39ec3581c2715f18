"""Which problems are grown: the baseline actor's filter, and tests where a program's problem has none.

In:  a problem. Out: the problem as it is to be grown, or the reason why it is passed over.
Always true: every call stands in the journal under the problem's tree, so a run that goes on decides alike.

Only problems that a baseline model fails are grown (FACTS section 1, "Instructions"), where a source asks for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from preftree.engine import act, opening
from preftree.errors import InputError, RequestRefusedError
from preftree.grow.growth import Growth
from preftree.grow.inputs import with_inputs
from preftree.grow.judging import judged
from preftree.grow.settings import lacks_tests
from preftree.records import Problem


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A problem that gets no tree, and why."""

    problem: str
    reason: str


SOLVED = "the baseline actor solves it"


async def select(growth: Growth) -> Problem | PassedOver:
    """The problem, completed; or why there is no tree of it."""
    if lacks_tests(growth.problem):
        completed = await with_inputs(growth)
        if isinstance(completed, str):
            return PassedOver(growth.problem.id, completed)
        growth = replace(growth, problem=completed)
    if growth.problem.filter and await _solved(growth):
        return PassedOver(growth.problem.id, SOLVED)
    return growth.problem


async def _solved(growth: Growth) -> bool:
    """Whether the baseline actor gives a correct answer, asked as in an evaluation: with the opening alone."""
    actor, settings = growth.actors.baseline, growth.settings
    if actor is None:
        raise InputError(f"problem {growth.problem.id}: has a filter, and no actor is the baseline")
    sampling = replace(growth.sampling, temperature=settings.baseline_temperature, prefill="")
    place, asked = growth.place(0, "baseline", "filter"), opening(growth.problem)
    samples = range(settings.baseline_samples)
    try:
        actions = await act(growth.engine, actor, place, growth.problem, asked, [], samples, sampling, settings.seed)
    except RequestRefusedError:
        # What the baseline does not read (too long, filtered) it does not solve.
        return False
    actions = await judged(growth, 0, actions, "judge-of-baseline")
    return any(action.verdict is not None and action.verdict.correct for action in actions)
