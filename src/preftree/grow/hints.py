"""Step 3 of the paper: a correct action from the ground truth, when sampling gave none.

In:  a problem's references. Out: judged actions of stage "reference".
Always true: an action made from a reference is run and judged like any other; it is kept only if it is correct; one a
reference at most, so a problem with several ground truths gets a correct action for each.

By task (FACTS section 1): for code the actor annotates, explains and refines the reference solution; for tool-free
mathematics it sees the rationale with the numbers masked; for program mathematics the rationale is translated into
code, which is used directly or converted to modular form (the schema drawn), and then planned around. Without schemata
the program stands as it is, with no plan and no call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from preftree.engine import act, settle
from preftree.environment import Past
from preftree.errors import RequestRefusedError
from preftree.grow.growth import Growth
from preftree.grow.prompts import filled
from preftree.grow.schemata import manner_of
from preftree.records import Action, Message, Problem, Reference


async def from_references(
    growth: Growth, turn: int, messages: tuple[Message, ...], past: Sequence[Past]
) -> list[Action]:
    """The correct actions that the references give, one a reference at most."""
    found: list[Action] = []
    for number, reference in enumerate(growth.problem.references):
        try:
            action = await _from_reference(growth, turn, messages, past, number, reference)
        except RequestRefusedError:
            # The hint makes the conversation longer than the hinter reads: this reference gives nothing.
            continue
        if action is not None:
            found.append(action)
    return found


def mask_numbers(text: str) -> str:
    """Every number becomes `[?]`, so that a rationale shows the way and not the answer."""
    return re.sub(r"\d+(?:[.,]\d+)*", "[?]", text)


def mask_answer(text: str, answer: str) -> str:
    """The answer becomes `[?]` wherever it stands as words of its own; so do numbers."""
    if answer.strip():
        text = re.sub(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", "[?]", text, flags=re.IGNORECASE)
    return mask_numbers(text)


async def _from_reference(
    growth: Growth,
    turn: int,
    messages: tuple[Message, ...],
    past: Sequence[Past],
    number: int,
    reference: Reference,
) -> Action | None:
    if growth.problem.task != "Math_PoT":
        hint = _hint(growth.problem, reference)
        return None if hint is None else await _hinted(growth, turn, messages, past, number, hint)
    program: Action | None = None
    if reference.program is not None:
        text = f"```python\n{reference.program.strip()}\n```"
        # A reference stands for itself: no earlier session is needed to run it.
        given = await settle(growth.engine, growth.problem, Action(text, "reference", "reference", number), [])
        program = given if given.verdict is not None and given.verdict.correct else None
    if program is None and reference.rationale is not None:
        hint = filled("hint_math_pot", reference=reference.rationale)
        stage = "code" if growth.settings.schemata else ""
        program = await _hinted(growth, turn, messages, past, number, hint, stage)
    if program is None or not growth.settings.schemata:
        return program
    hint = filled("hint_program", reference=program.code or program.text)
    # Where no plan around it comes out right, the program is used directly.
    return await _hinted(growth, turn, messages, past, number, hint) or program


def _hint(problem: Problem, reference: Reference) -> str | None:
    if problem.task == "Coding":
        return filled("hint_coding", reference=reference.program) if reference.program is not None else None
    if reference.rationale is None:
        return None
    if problem.task == "Logic":
        return filled("hint_logic", reference=mask_answer(reference.rationale, reference.answer))
    return filled("hint_math_cot", reference=mask_numbers(reference.rationale))


async def _hinted(
    growth: Growth,
    turn: int,
    messages: tuple[Message, ...],
    past: Sequence[Past],
    number: int,
    hint: str,
    part: str = "",
) -> Action | None:
    """The first correct action of one who is shown the hint; a `part` of the work ("code") is not told a schema."""
    settings, actors = growth.settings, growth.actors
    stage = "-".join(filter(None, ("reference", str(number), part)))
    asked = (*messages[:-1], Message(messages[-1].role, f"{messages[-1].content}\n\n{hint}"))
    manner = manner_of(replace(settings, schemata=()) if part else settings, growth.problem, turn, stage)
    for sample in range(settings.hint_attempts):
        (action,) = await act(
            growth.engine,
            actors.hinter or actors.ladder[0],
            growth.place(turn, "hinted", stage),
            growth.problem,
            asked,
            past,
            (sample,),
            growth.sampling,
            settings.seed,
            manner,
        )
        if action.verdict is not None and action.verdict.correct:
            return action
    return None
