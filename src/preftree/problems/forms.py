"""The two forms of a problem of mathematics: solved with a program, or in words alone (FACTS section 1).

In:  problems as their source makes them, the forms wanted. Out: for each problem its forms, one after the other.
Always true: forms of one problem share their `group`; the id of the form with a program is that of the problem, the
other's ends in `-cot`, so an id does not depend on which other forms are wanted. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preftree.records import Problem, Task

MATH_FORMS: tuple[Task, ...] = ("Math_PoT", "Math_CoT")


def in_forms(problems: Sequence[Problem], forms: Sequence[Task]) -> tuple[Problem, ...]:
    """Each problem in these forms, always in the order of `MATH_FORMS`."""
    return tuple(_form(problem, form) for problem in problems for form in MATH_FORMS if form in forms)


def _form(problem: Problem, form: Task) -> Problem:
    if form == "Math_PoT":
        return replace(problem, task=form)
    return replace(problem, id=f"{problem.id}-cot", task=form, tools=())
