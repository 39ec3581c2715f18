"""Step 3 of the paper: a correct action from the ground truth, when sampling gave none.

In:  a problem's references. Out: judged actions of stage "reference".
Always true: an action made from a reference is run and judged like any other; it is kept only if it is correct.

By task (FACTS section 1): a program is used directly; a rationale for a program task is translated into code by the
actor; for tool-free mathematics the actor sees the rationale with the answer's digits masked; for code it annotates
the reference solution.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from importlib import resources

from preftree.actors import Actor
from preftree.engine import Engine, Place, Sampling, act, settle
from preftree.engine.prompts import fill
from preftree.environment import Past
from preftree.grow.settings import GrowSettings
from preftree.records import Action, Message, Problem, Reference


async def from_references(
    engine: Engine,
    actor: Actor,
    settings: GrowSettings,
    problem: Problem,
    tree: str,
    index: int,
    messages: tuple[Message, ...],
    past: Sequence[Past],
) -> list[Action]:
    """The correct actions that the references give, one a reference at most."""
    found: list[Action] = []
    for number, reference in enumerate(problem.references):
        if reference.program is not None and problem.task == "Math_PoT":
            text = f"```python\n{reference.program.strip()}\n```"
            action = Action(text, "reference", "reference", number)
            # A reference stands for itself: no earlier session is needed to run it.
            candidates = [await settle(engine, problem, action, [])]
        else:
            hint = _hint(problem, reference)
            if hint is None:
                continue
            place = Place(tree, index, "hinted", f"reference-{number}")
            asked = (*messages[:-1], Message(messages[-1].role, f"{messages[-1].content}\n\n{hint}"))
            sampling = Sampling(
                settings.temperature, settings.top_p, settings.max_tokens, settings.stop, settings.prefill
            )
            candidates = await act(engine, actor, place, problem, asked, past, range(1), sampling, settings.seed)
        found += [action for action in candidates if action.verdict is not None and action.verdict.correct]
    return found


def _hint(problem: Problem, reference: Reference) -> str | None:
    if problem.task == "Coding" and reference.program is not None:
        return fill(_template("hint_coding"), reference=reference.program)
    if problem.task == "Math_PoT" and reference.rationale is not None:
        return fill(_template("hint_math_pot"), reference=reference.rationale)
    if reference.rationale is not None:
        return fill(_template("hint_math_cot"), reference=mask_numbers(reference.rationale))
    return None


def mask_numbers(text: str) -> str:
    """Every number becomes `[?]`, so that a rationale shows the way and not the answer."""
    return re.sub(r"\d+(?:[.,]\d+)*", "[?]", text)


@functools.cache
def _template(name: str) -> str:
    return (resources.files("preftree.grow") / "prompts" / f"{name}.txt").read_text("utf-8").rstrip("\n")
