"""One turn of a conversation: act, run, judge, observe.

In:  a problem, its history, an actor and the indices of the samples wanted. Out: actions with their observations
and verdicts, and the next user message.
Always true: actions come in the order of their sample indices; an action's verdict depends on its text, its history
and the reference alone, never on when it came or beside what it ran.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from preftree.actors import Actor
from preftree.engine.calls import Engine
from preftree.engine.code import judge_code
from preftree.engine.run import together
from preftree.environment import Past
from preftree.environment.observe import NOTHING
from preftree.forest import CallKey
from preftree.records import Action, Message, Observation, Problem, Request, Sample, Verdict, digest
from preftree.verify import answer_of_observation, find_answer, solution_of

_FENCE = re.compile(r"^[ \t]*```([^\n`]*)\n(.*?)(?:^[ \t]*```|```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
# What a fence may be called for its block to be run; other blocks (output, text) are not code.
_PYTHON = {"", "py", "python", "python3"}
# The rule of problems whose answers a model judges (they have no ground truth).
BY_MODEL = "judge"
"""The verifier of problems whose answers a model judges."""
_EXECUTE = re.compile(r"<execute>\s*(.*?)\s*(?:</execute>|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an actor's answers are drawn."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    prefill: str = ""
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How an action is to be written: the schema's name, and what the actor is told beside the conversation."""

    schema: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run an action stands: its call key but for the sample index."""

    tree: str
    turn: int
    role: str
    stage: str


async def act(
    engine: Engine,
    actor: Actor,
    place: Place,
    problem: Problem,
    messages: tuple[Message, ...],
    past: Sequence[Past],
    samples: Sequence[int],
    sampling: Sampling,
    seed: int,
    manner: Callable[[int], Manner] = lambda sample: Manner(),
) -> list[Action]:
    """Draw the samples of these indices from one actor, run them and judge them.

    A prefill is an aid: it is left out, in the request and in the actions, for an actor that can't go on with one.
    `manner` gives each sample's, by its index: added to what is asked, no part of the history.
    """
    if not actor.capabilities.prefill:
        sampling = replace(sampling, prefill="")
    # One call a sample: what was answered is kept, whatever becomes of the others. A local model reads their common
    # prompt once all the same.
    drawn = await together(
        *(
            engine.ask(
                actor,
                CallKey(place.tree, place.turn, place.role, place.stage, sample),
                _request(problem, place, _told(messages, manner(sample)), sample, sampling, seed),
            )
            for sample in samples
        )
    )
    actions = [
        from_sample(actor.name, place.stage, sampling.prefill, sample, manner(sample.index).schema)
        for (sample,) in drawn
    ]
    return await together(*(settle(engine, problem, action, past) for action in actions))


def _told(messages: tuple[Message, ...], manner: Manner) -> tuple[Message, ...]:
    """The same conversation, with the manner at the end of its last message."""
    if not manner.text:
        return messages
    last = messages[-1]
    return (*messages[:-1], Message(last.role, f"{last.content}\n\n{manner.text}"))


def _request(
    problem: Problem, place: Place, messages: tuple[Message, ...], sample: int, sampling: Sampling, seed: int
) -> Request:
    return Request(
        messages=messages,
        prefill=sampling.prefill,
        stop=sampling.stop,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        samples=(sample,),
        # The draw depends on problem, turn and (through the sample's index) sample; never on timing.
        seed=int(digest([seed, problem.id, place.turn])[:12], 16),
        logprobs=sampling.logprobs,
    )


def from_sample(actor: str, stage: str, prefill: str, sample: Sample, schema: str = "") -> Action:
    """The action that a sample is, before it ran. What the model thought stands beside it, never in its text."""
    return Action(
        text=(prefill + sample.text).rstrip(),
        actor=actor,
        stage=stage,
        sample=sample.index,
        input_tokens=sample.input_tokens,
        output_tokens=sample.output_tokens,
        truncated=sample.finish_reason == "length",
        schema=schema,
        thought=sample.thought,
    )


async def settle(engine: Engine, problem: Problem, action: Action, past: Sequence[Past]) -> Action:
    """The same action with its code, observation and verdict.

    Under the rule "judge" nothing is run, and the verdict is left to whoever asks a model.
    """
    code: str | None
    if problem.verifier == BY_MODEL:
        return replace(action, code=code_of(action.text), verdict=Verdict("undecided", "to be judged by a model"))
    if problem.tests is not None:
        code = code_of(action.text) or action.text
        observation, verdict = await judge_code(engine, problem, code)
    else:
        code, observation, verdict = await _run_and_judge(engine, problem, action, past)
    return replace(action, code=code, observation=observation, verdict=verdict)


async def _run_and_judge(
    engine: Engine, problem: Problem, action: Action, past: Sequence[Past]
) -> tuple[str | None, Observation, Verdict]:
    """The action's code, what came of it, and whether its answer is right."""
    # Tools are functions that code calls, so any tool comes with the interpreter.
    code = code_of(action.text) if problem.tools else None
    functions = tuple(tool for tool in problem.tools if tool != "python")
    observation = Observation("none") if code is None else await engine.observe(code, past, functions)
    if observation.status == "broken":
        return code, observation, Verdict("undecided", "the jail failed")
    solution = solution_of(action.text)
    if code is None or solution is not None:
        verdict = await judge(engine, problem, find_answer(action.text, problem.task), observation)
    else:
        verdict = await judge(engine, problem, _answer_of(observation), observation)
    if not verdict.correct and solution is not None and problem.tools:
        now = past if code is None else [*past, Past(code, observation.status, observation.tool_calls)]
        verdict = await _judge_expression(engine, problem, solution, now) or verdict
    return code, observation, verdict


async def _judge_expression(engine: Engine, problem: Problem, solution: str, past: Sequence[Past]) -> Verdict | None:
    """The verdict on a solution that names something of the session (the paper's figure 3 has `x`); None if it
    doesn't."""
    try:
        names = [node for node in ast.walk(ast.parse(solution, mode="eval")) if isinstance(node, ast.Name)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not names:
        return None
    value = await engine.observe(solution, past)
    if value.status != "ok" or value.value is None:
        return None
    return await judge(engine, problem, answer_of_observation(value), value)


def _answer_of(observation: Observation) -> str | None:
    """The program's answer; what the environment says of an empty output is none."""
    silent = observation.value is None and observation.output == NOTHING
    return None if silent else answer_of_observation(observation)


async def judge(engine: Engine, problem: Problem, answer: str | None, observation: Observation) -> Verdict:
    """Correct if the answer equals any of the problem's references."""
    if answer is None:
        return Verdict("wrong", "no answer" if observation.status in ("ok", "none") else observation.status)
    verdicts = []
    for reference in problem.references:
        verdicts.append(await engine.verdict(problem.verifier, answer, reference.answer))
        if verdicts[-1].correct:
            break
    # Correct under one reference is correct; not judged under one, and right under none, is undecided.
    order = ("correct", "undecided", "wrong")
    best = min(verdicts, key=lambda verdict: order.index(verdict.outcome))
    return Verdict(best.outcome, best.why, answer)


def code_of(text: str) -> str | None:
    """The Python code of an action: its fenced blocks (or `<execute>` tags) in order, as one cell; None if none."""
    code = "\n".join(block.rstrip("\n") for _, _, block in code_blocks(text))
    return code or None


def code_blocks(text: str) -> list[tuple[int, int, str]]:
    """Where each block of Python code begins and ends in an action's text, its marks included, and the code."""
    blocks = [(m.start(), m.end(), m[1]) for m in _EXECUTE.finditer(text)] or [
        (m.start(), m.end(), m[2]) for m in _FENCE.finditer(text) if m[1].strip().lower() in _PYTHON
    ]
    return [block for block in blocks if block[2].strip()]


def past_of(actions: Sequence[Action]) -> list[Past]:
    """What the session of these earlier actions holds: their code and how each ended."""
    return [
        Past(action.code, action.observation.status, action.observation.tool_calls)
        for action in actions
        if action.code is not None and action.observation is not None
    ]


def reply(action: Action, critique: str | None) -> str:
    """The next user message: execution result, verdict, critique (FACTS section 1, "Observation")."""
    shown = action.observation.output.rstrip() if action.observation is not None else ""
    said = "correct" if action.verdict is not None and action.verdict.correct else "wrong"
    return "\n".join(part for part in (shown, f"Your answer is {said}.", critique) if part)


def trace_critique(problem: Problem, action: Action) -> str:
    """A critique made from the trace and the verdict alone, for runs without a critic. It can't know the answer."""
    status = action.observation.status if action.observation is not None else "none"
    answered = action.verdict is not None and action.verdict.answer is not None
    if status == "none" and (answered or not problem.tools):
        status = "words" if answered else "no answer"
    elif status == "ok" and not answered:
        status = "mute"
    return _CRITIQUES.get(status, _CRITIQUES["error"])


_CRITIQUES = {
    "ok": "The code runs, but its result is wrong. Check how each step reads the problem, and try again.",
    "mute": "The code runs, but shows no result. End it with the answer as the last expression, and try again.",
    "words": "Check each step against the problem, and try again.",
    "no answer": "No answer is found. Go through the problem step by step, and say what the answer is.",
    "none": "Send Python code whose last expression is the answer.",
    "error": "The code fails. Mend the line that the traceback names, and try again.",
    "syntax": "The code is not valid Python. Mend the line that the error names, and try again.",
    "time": "The code takes too long. Find a shorter way, and try again.",
    "memory": "The code needs too much memory. Find a leaner way, and try again.",
    "output": "The code prints too much. Show the answer alone, and try again.",
}
