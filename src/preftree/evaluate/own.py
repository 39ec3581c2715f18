"""Problems of one's own under a protocol: several turns with feedback. The verifier is the problems' own.

In:  problems, a protocol. Out: a benchmark with a conversation of its own kind, for the one runner.
Always true: a conversation ends with its first correct turn, or after `turns`; after a wrong one the model sees
observation, verdict and a critique from the trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from preftree.engine import Place, Sampling, act, opening, past_of, reply, settle, trace_critique
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.benchmark import Asked, Attempt, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.converse import asked_as, measured
from preftree.records import Action, Message, Problem, Result, Verdict, digest

# The form that stands in results: there is one only.
OWN = Form("own", "text")


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a model is asked. After a wrong turn it sees observation, verdict and a critique from the trace."""

    turns: int = 1  # at most so many turns; a correct one ends the conversation
    samples: int = 1  # conversations a problem
    temperature: float = 0.0  # 0: greedy
    top_p: float = 1.0
    max_tokens: int = 512  # tokens a turn
    stop: tuple[str, ...] = ()
    prefill: str = ""
    seed: int = 0
    concurrency: int = 256  # conversations at a time

    def __post_init__(self) -> None:
        for name in ("turns", "samples", "max_tokens", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems under a protocol. Raise `version` when a score could change."""

    name: str
    problems: tuple[Problem, ...]
    protocol: Protocol
    version: int = 1


def own_benchmark(own: ProblemSet) -> Benchmark:
    """The problems as a benchmark. Its rows are the problems given, wherever they came from."""
    protocol = own.protocol
    items = tuple(Item(problem.id, problem) for problem in own.problems)
    sampling = Sampling(protocol.temperature, protocol.top_p, protocol.max_tokens, protocol.stop, protocol.prefill)

    async def converse(attempt: Attempt) -> Result:
        actions = await _converse(attempt, protocol.turns, sampling)
        return _result(attempt, actions, protocol.turns, asked_as(ask(attempt.item, attempt.form), sampling))

    def ask(item: Item, form: Form) -> Asked:
        return Asked(opening(item.problem), sampling=sampling)

    return Benchmark(
        name=own.name,
        published=Published(),
        read=lambda path, published: Read(items),
        rows=len(items),
        ask=ask,
        grade=_grade,
        reference=lambda item, form: None,
        converse=converse,
        version=own.version,
    )


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    """The last response alone, run and judged after no history."""
    action = await settle(bench.engine, item.problem, Action(responses[-1], "given", "given", 0), [])
    return Grade(action.verdict or Verdict("undecided", "not judged"))


async def _converse(attempt: Attempt, turns: int, sampling: Sampling) -> list[Action]:
    """One conversation of at most so many turns, until a turn is correct."""
    engine, problem, sample = attempt.bench.engine, attempt.item.problem, attempt.sample
    tree = digest([attempt.model, problem.id])[:24]
    messages = opening(problem)
    actions: list[Action] = []
    for turn in range(turns):
        place = Place(tree, turn, "model", "evaluate")
        past = past_of(actions)
        try:
            (action,) = await act(
                engine, attempt.actor, place, problem, messages, past, (sample,), sampling, attempt.seed
            )
        except RequestRefusedError as refusal:
            # A prompt that the model can't read is a question it did not answer.
            actions.append(Action("", attempt.model, "refused", sample, verdict=Verdict("wrong", str(refusal))))
            break
        actions.append(action)
        if action.verdict is not None and action.verdict.correct:
            break
        said = reply(action, trace_critique(problem, action))
        messages = (*messages, Message("assistant", action.text), Message("user", said))
    return actions


def _result(attempt: Attempt, actions: Sequence[Action], turns: int, asked: str) -> Result:
    last = actions[-1].verdict
    rules = measured(attempt.benchmark, attempt.item, attempt.form, None)
    # Turns with feedback are part of what is measured.
    rules |= {"protocol": attempt.form.protocol if turns == 1 else f"own, {turns} turns"}
    return Result(
        model=attempt.model,
        problem=attempt.item.problem.id,
        dataset=attempt.item.problem.dataset,
        sample=attempt.sample,
        outcomes=tuple(action.verdict.outcome if action.verdict else "undecided" for action in actions),
        responses=tuple(action.text for action in actions),
        answer=last.answer if last is not None else None,
        input_tokens=sum(action.input_tokens for action in actions),
        output_tokens=sum(action.output_tokens for action in actions),
        truncated=any(action.truncated for action in actions),
        metadata=rules | {"asked": asked},
    )
