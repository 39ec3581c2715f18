"""The critique of a wrong action: by a model that sees the reference, or from the trace alone.

In:  the conversation, the wrong action, the reference. Out: a critique, and whether it gives the answer away.
Always true: a critique made without a critic never sees the reference; one that leaks is asked for again, and marked
if it still does.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources

from preftree.actors import Actor
from preftree.engine import Engine, reply, trace_critique
from preftree.engine.prompts import fill
from preftree.forest import CallKey
from preftree.grow.settings import GrowSettings
from preftree.records import Action, Message, Problem, Request, digest


@dataclass(frozen=True, slots=True)
class Critique:
    text: str
    leaked: bool = False


async def criticise(
    engine: Engine,
    critic: Actor | None,
    settings: GrowSettings,
    problem: Problem,
    tree: str,
    index: int,
    messages: tuple[Message, ...],
    wrong: Action,
) -> Critique:
    """What the actor is told of its wrong action, beside the observation and the verdict."""
    if critic is None:
        return Critique(trace_critique(wrong))
    spoken = (*messages, Message("assistant", wrong.text), Message("user", reply(wrong, None)))
    prompt = fill(
        _template(),
        verdict="wrong",
        reference=problem.answer,
        conversation="\n\n".join(f"[{message.role}]\n{message.content}" for message in spoken),
    )
    critique = Critique("")
    for attempt in range(1 + settings.leak_attempts):
        request = Request(
            messages=(Message("user", prompt),),
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            samples=(attempt,),
            seed=int(digest([settings.seed, problem.id, index, "critic"])[:12], 16),
        )
        (sample,) = await engine.ask(critic, CallKey(tree, index, "critic", "critique", 0, attempt), request)
        text = sample.text.strip()
        critique = Critique(text, leaks(text, problem.answer, [message.content for message in spoken]))
        if not critique.leaked:
            break
    return critique


def leaks(critique: str, answer: str, said: list[str]) -> bool:
    """Whether a critique states the reference answer, where the conversation before did not."""
    bare = answer.strip().strip("$")
    if not bare:
        return False
    # Numbers are compared by value: "1,234" and "5.0" give 1234 and 5 away.
    plain = _plain_numbers(bare)
    # Not inside a longer number or word: "7" is no part of "17" or of "7.5".
    pattern = rf"(?<![\w.]){re.escape(plain)}(?!\w|\.\d)"
    told = _plain_numbers(critique)
    if re.search(rf"\b(?:answer|result)\b[^.\d]{{0,30}}{pattern}", told, re.IGNORECASE):
        return True
    found = re.compile(pattern, re.IGNORECASE)
    return bool(found.search(told)) and not any(found.search(_plain_numbers(text)) for text in said)


def _plain_numbers(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return re.sub(r"(\d+)\.0+(?!\d)", r"\1", text)


@functools.cache
def _template() -> str:
    return (resources.files("preftree.grow") / "prompts" / "critique.txt").read_text("utf-8").rstrip("\n")
