"""Answers without a ground truth: a model says whether they are right (Magicoder; FACTS section 1).

In:  actions of a problem whose rule is "judge". Out: the same actions with the judge's verdicts.
Always true: one call a sample, journalled; only a last line that says yes or no counts, and only if it is the one
ruling of a judge that came to its end; anything else is undecided. The answer stands between marks that its writer
can't know beforehand. Such actions make no pair.
"""

from __future__ import annotations

import re
from dataclasses import replace

from preftree.engine import BY_MODEL, together
from preftree.errors import InputError, RequestRefusedError
from preftree.forest import CallKey
from preftree.grow.growth import Growth
from preftree.grow.prompts import filled
from preftree.records import Action, Message, Request, Verdict, digest

_RULING = re.compile(r"\**verdict\**\s*:\s*\**\s*(yes|no)\s*\**\.?", re.IGNORECASE)


async def judged(growth: Growth, turn: int, actions: list[Action], role: str = "judge") -> list[Action]:
    """The actions, judged by a model where the problem asks for that; otherwise as they are."""
    if growth.problem.verifier != BY_MODEL:
        return actions
    return await together(*(_judge(growth, turn, action, role) for action in actions))


def ruling(text: str) -> Verdict:
    """The verdict that a judge's answer ends with."""
    lines = [line.strip() for line in text.strip().splitlines()]
    match = _RULING.fullmatch(lines[-1]) if lines else None
    if match is None:
        return Verdict("undecided", "the judge's last line is neither yes nor no")
    if sum(_RULING.fullmatch(line) is not None for line in lines) > 1:
        return Verdict("undecided", "the judge rules more than once")
    return Verdict("correct" if match[1].lower() == "yes" else "wrong", "in the judge's opinion")


async def _judge(growth: Growth, turn: int, action: Action, role: str) -> Action:
    judge = growth.actors.judge
    if judge is None:
        raise InputError(f"problem {growth.problem.id}: its answers are judged by a model, and no actor is the judge")
    mark = digest([growth.settings.seed, growth.problem.id, action.text])[:12]
    text = filled("judge", task=growth.problem.instruction, answer=action.text, mark=mark)
    request = Request(
        messages=(Message("user", text),),
        temperature=0.0,
        max_tokens=growth.settings.max_tokens,
        samples=(0,),
        seed=growth.seed(turn, "judge", action.sample),
    )
    key = CallKey(growth.tree, turn, role, action.stage, action.sample)
    try:
        (sample,) = await growth.engine.ask(judge, key, request)
    except RequestRefusedError as refusal:
        return replace(action, verdict=Verdict("undecided", f"the judge refuses: {refusal}"))
    if sample.finish_reason != "stop":
        return replace(action, verdict=Verdict("undecided", "the judge did not come to its end"))
    return replace(action, verdict=ruling(sample.text))
