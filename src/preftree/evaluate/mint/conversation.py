"""One conversation: act, run or judge, be told, until solved or out of steps or proposals.

In:  an attempt; or, where responses came from elsewhere, these as its turns. Out: a result with an outcome a turn; a
grade.
Always true: a turn that proposes no solution is not solved; a proposal that could not be judged, and code that the jail
failed to run, end the conversation undecided; a request that the actor refuses ends it, as in MINT, unsolved. Given
responses are counted and judged in the same way, but their code is not run: no verdict depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from preftree.environment import Past
from preftree.errors import RequestRefusedError
from preftree.evaluate.benchmark import Attempt, Bench, Form, Grade, Item
from preftree.evaluate.converse import ask, asked_as, attempt_tree, request_of, result_of
from preftree.evaluate.mint.checkers import check
from preftree.evaluate.mint.feedback import ask_expert
from preftree.evaluate.mint.parser import Count, Move, own_turn, read_move
from preftree.evaluate.mint.prompts import WRONG, invalid, printed, told
from preftree.evaluate.mint.settings import MintSettings
from preftree.records import Message, Outcome, Result, Sample, Verdict

_UNSOLVED = Verdict("wrong", "no solution was right")


async def converse(settings: MintSettings, attempt: Attempt) -> Result:
    """Hold one conversation; all that it asks stands in the journal, so it goes on where it was."""
    asked = attempt.benchmark.ask(attempt.item, attempt.form)
    sampling = replace(asked.sampling, **attempt.overrides)
    if not attempt.actor.capabilities.prefill:
        sampling = replace(sampling, prefill="")
    bench = replace(attempt.bench, tree=attempt_tree(attempt), sample=attempt.sample)
    messages, past, count = asked.messages, list[Past](), Count()
    responses: list[str] = []
    samples: list[Sample] = []
    outcomes: list[Outcome] = []
    verdict = _UNSOLVED
    more: dict[str, Any] = {"asked": asked_as(asked, sampling), "moves": [], "no_feedback": 0}
    while not count.ended(settings):
        turn = len(responses)
        try:
            (sample,) = await ask(attempt, turn, request_of(attempt, sampling, turn, messages=messages))
        except RequestRefusedError as refusal:
            verdict = Verdict("wrong", str(refusal))
            more["refused"] = str(refusal)
            break
        samples.append(sample)
        responses.append(own_turn(sampling.prefill + sample.text))
        move = read_move(responses[-1], settings.tag)
        count = count.after(move)
        more["moves"].append(move.kind)
        given, said = await _consequence(settings, bench, attempt.item, move, past)
        outcomes.append("wrong" if given is None else given.outcome)
        if outcomes[-1] != "wrong":
            verdict = given or verdict
            break
        messages = (*messages, _acted(responses[-1]))
        if count.ended(settings):
            break
        observation = told(said, *count.left(settings))
        feedback = None
        if settings.with_feedback:
            feedback = await ask_expert(attempt, settings, turn, messages, observation)
            more["no_feedback"] += feedback is None
        messages = (*messages, Message("user", told(said, *count.left(settings), feedback or "")))
    result = result_of(attempt, responses, samples, Grade(verdict, _scores(outcomes, settings)), more)
    return replace(result, outcomes=tuple(outcomes) or (verdict.outcome,))


async def grade(settings: MintSettings, bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    """The grade of given responses, as the turns of one conversation; what follows its end is left out."""
    count, outcomes, verdict = Count(), list[Outcome](), _UNSOLVED
    for response in responses:
        if count.ended(settings):
            break
        move = read_move(own_turn(response), settings.tag)
        count = count.after(move)
        given = await check(bench, item, move.text) if move.kind == "solution" else None
        outcomes.append("wrong" if given is None else given.outcome)
        if given is not None:
            verdict = given
        if outcomes[-1] != "wrong":
            break
    return Grade(verdict, _scores(outcomes, settings))


async def _consequence(
    settings: MintSettings, bench: Bench, item: Item, move: Move, past: list[Past]
) -> tuple[Verdict | None, str]:
    """The verdict on a solution, or that the jail failed; and what the model is told. Code goes on the session."""
    if move.kind == "solution":
        return await check(bench, item, move.text), WRONG
    if move.kind == "invalid":
        return None, invalid(settings)
    tools = tuple(tool for tool in item.problem.tools if tool != "python")
    observation = await bench.engine.observe(move.text, past, tools)
    if observation.status == "broken":
        return Verdict("undecided", "the jail failed"), ""
    past.append(Past(move.text, observation.status, observation.tool_calls))
    return None, printed(observation, len(past))


def _acted(response: str) -> Message:
    """A turn as MINT keeps it: behind the name of its speaker, once."""
    named = response if response.lstrip().startswith("Assistant:") else f"Assistant:\n{response}"
    return Message("assistant", named + "\n")


def _scores(outcomes: Sequence[Outcome], settings: MintSettings) -> dict[str, float]:
    """Whether it was solved after each turn of this one run. Not success at k, for which the model is told k."""
    return {f"after_{turn}": float("correct" in outcomes[:turn]) for turn in range(1, settings.k + 1)}
