"""The runner: every model on every problem, on the same engine that growing uses.

In:  a benchmark, models by name. Out: results, also as `results.jsonl` in the output directory.
Always true: results come in the order of models, problems and samples, whatever finished first; the file is written
once, whole, when all are there; until then the journal holds what was answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from preftree.actors import Actor
from preftree.engine import Budget, Engine, Place, Sampling, act, opening, past_of, reply, run_all, trace_critique
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.own import ProblemSet, Protocol
from preftree.forest import Forest
from preftree.progress import progress
from preftree.records import Action, Message, Problem, Result, Verdict, canonical, digest, from_json
from preftree.verify import Judge


@dataclass(frozen=True, slots=True)
class _Attempt:
    model: str
    actor: Actor
    problem: Problem


async def evaluate(
    benchmark: ProblemSet,
    models: Mapping[str, Actor],
    out: Path,
    *,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> list[Result]:
    """Run a benchmark; goes on where it was."""
    protocol = benchmark.protocol
    attempts = [_Attempt(name, actor, problem) for name, actor in models.items() for problem in benchmark.problems]
    with Forest(out) as forest:
        await forest.add_problems(benchmark.problems)
        async with Interpreter(environment or EnvironmentSettings()) as interpreter, Judge() as judge:
            engine = Engine(forest, interpreter, judge, budget)
            with progress(f"evaluating {', '.join(models)}", len(attempts) * protocol.samples, "answers") as bar:
                engine.on_answer = lambda: bar.advance(0, note=f"{engine.new_tokens:,} tokens written")

                async def one(attempt: _Attempt) -> list[Result]:
                    if protocol.turns == 1:
                        done = await _answer(engine, attempt, protocol)
                    else:
                        done = [await _converse(engine, attempt, protocol, i) for i in range(protocol.samples)]
                    bar.advance(len(done))
                    return done

                answered = await run_all(engine, attempts, one, concurrency=protocol.concurrency)
    results = [result for done in answered for result in done]
    write_results(out / "results.jsonl", results)
    return results


async def _answer(engine: Engine, attempt: _Attempt, protocol: Protocol) -> list[Result]:
    """All samples of one turn in one call, so that an actor reads their common prompt once."""
    messages, samples = opening(attempt.problem), range(protocol.samples)
    try:
        actions = await _act(engine, attempt, protocol, 0, messages, [], samples)
    except RequestRefusedError as refusal:
        wrong = Verdict("wrong", str(refusal))
        actions = [Action("", attempt.model, "refused", sample, verdict=wrong) for sample in samples]
    return [_result(attempt, action.sample, [action]) for action in actions]


async def _converse(engine: Engine, attempt: _Attempt, protocol: Protocol, sample: int) -> Result:
    """One conversation of at most `protocol.turns` turns, until a turn is correct."""
    messages = opening(attempt.problem)
    actions: list[Action] = []
    for turn in range(protocol.turns):
        try:
            (action,) = await _act(engine, attempt, protocol, turn, messages, actions, (sample,))
        except RequestRefusedError as refusal:
            # A prompt that the model can't read is a question it did not answer.
            actions.append(Action("", attempt.model, "refused", sample, verdict=Verdict("wrong", str(refusal))))
            break
        actions.append(action)
        if action.verdict is not None and action.verdict.correct:
            break
        said = reply(action, trace_critique(attempt.problem, action))
        messages = (*messages, Message("assistant", action.text), Message("user", said))
    return _result(attempt, sample, actions)


async def _act(
    engine: Engine,
    attempt: _Attempt,
    protocol: Protocol,
    turn: int,
    messages: tuple[Message, ...],
    earlier: Sequence[Action],
    samples: Sequence[int],
) -> list[Action]:
    place = Place(digest([attempt.model, attempt.problem.id])[:24], turn, "model", "evaluate")
    sampling = Sampling(protocol.temperature, protocol.top_p, protocol.max_tokens, protocol.stop, protocol.prefill)
    past = past_of(earlier)
    return await act(engine, attempt.actor, place, attempt.problem, messages, past, samples, sampling, protocol.seed)


def _result(attempt: _Attempt, sample: int, actions: Sequence[Action]) -> Result:
    last = actions[-1].verdict
    return Result(
        model=attempt.model,
        problem=attempt.problem.id,
        dataset=attempt.problem.dataset,
        sample=sample,
        outcomes=tuple(action.verdict.outcome if action.verdict else "undecided" for action in actions),
        responses=tuple(action.text for action in actions),
        answer=last.answer if last is not None else None,
        input_tokens=sum(action.input_tokens for action in actions),
        output_tokens=sum(action.output_tokens for action in actions),
        truncated=any(action.truncated for action in actions),
    )


def write_results(path: Path, results: Sequence[Result]) -> None:
    """One result a line; the file is whole or absent."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(canonical(result) + "\n" for result in results), encoding="utf-8")
    partial.replace(path)


def load_results(path: Path) -> list[Result]:
    """The results that `write_results` wrote. Raises InputError that names the row."""
    if not path.is_file():
        raise InputError(f"{path}: no results here; evaluate first")
    results = []
    for number, line in enumerate(path.read_text("utf-8").removesuffix("\n").split("\n"), start=1):
        try:
            results.append(from_json(Result, json.loads(line)))
        except ValueError as fault:
            raise InputError(f"{path} row {number}: {fault}") from fault
    return results
