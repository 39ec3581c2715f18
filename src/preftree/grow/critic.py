"""The critiques of actions: by a model that sees the ground truth, or from the trace alone.

In:  the conversation, an action, the problem. Out: a critique, and whether it gives the answer away.
Always true: a critique made without a critic never sees the reference; one that leaks, or is empty, is asked for again,
and is marked if it still leaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from preftree.actors import Actor
from preftree.engine import reply, trace_critique
from preftree.forest import CallKey
from preftree.grow.growth import Growth
from preftree.grow.leaks import gives_away
from preftree.grow.prompts import filled, template
from preftree.records import Action, Message, Problem, Reference, Request


@dataclass(frozen=True, slots=True)
class Critique:
    text: str
    leaked: bool = False


async def criticise(growth: Growth, turn: int, messages: tuple[Message, ...], wrong: Action) -> Critique:
    """What the actor is told of its wrong action, beside the observation and the verdict."""
    critic = growth.actors.critic
    if critic is None:
        return Critique(trace_critique(growth.problem, wrong))
    spoken = _spoken(messages, wrong)
    said = [message.content for message in spoken]
    asked: tuple[Message, ...] = (_question("critique", growth.problem, spoken),)
    critique = Critique("")
    for attempt in range(1 + growth.settings.leak_attempts):
        if attempt:
            again = Message("user", template("critique_again"))
            asked = (asked[0], Message("assistant", critique.text or "-"), again)
        text = await _ask(growth, critic, turn, "critique", 0, attempt, asked)
        critique = Critique(text, gives_away(text, growth.problem, said))
        if critique.text and not critique.leaked:
            break
    return critique


async def praise(growth: Growth, turn: int, messages: tuple[Message, ...], right: Action, place: int) -> Critique:
    """What the critic says of a correct action: its turn is over, so nothing is given away."""
    critic = growth.actors.critic
    assert critic is not None
    question = _question("praise", growth.problem, _spoken(messages, right))
    return Critique(await _ask(growth, critic, turn, "praise", place, 0, (question,)))


def ground_truth(problem: Problem) -> str:
    """What the problem's references know, in words."""
    parts = [part for reference in problem.references for part in _known(reference)]
    return "\n".join(dict.fromkeys(parts)) or "There is no reference; judge by the tests' outcome."


def _known(reference: Reference) -> list[str]:
    parts = [f"The right answer is {reference.answer}."] if reference.answer.strip() else []
    if reference.rationale:
        parts.append(f"How it is solved:\n{reference.rationale.strip()}")
    if reference.program:
        parts.append(f"A program that solves it:\n{reference.program.strip()}")
    return parts


def _spoken(messages: tuple[Message, ...], action: Action) -> tuple[Message, ...]:
    """The conversation up to what the environment said of the action."""
    return (*messages, Message("assistant", action.text), Message("user", reply(action, None)))


def _question(name: str, problem: Problem, spoken: tuple[Message, ...]) -> Message:
    conversation = "\n\n".join(f"[{message.role}]\n{message.content}" for message in spoken)
    return Message("user", filled(name, truth=ground_truth(problem), conversation=conversation))


async def _ask(
    growth: Growth,
    critic: Actor,
    turn: int,
    stage: str,
    place: int,
    attempt: int,
    messages: tuple[Message, ...],
) -> str:
    request = Request(
        messages=messages,
        temperature=growth.settings.temperature,
        max_tokens=growth.settings.max_tokens,
        samples=(attempt,),
        seed=growth.seed(turn, "critic", *(() if stage == "critique" else (stage, place))),
    )
    key = CallKey(growth.tree, turn, "critic", stage, place, attempt)
    (sample,) = await growth.engine.ask(critic, key, request)
    return sample.text.strip()
