"""The ordinary conversation of a benchmark: asked once (or once a turn that the benchmark sets), then graded.

In:  an attempt. Out: its result. Every call, run and verdict goes through the journal of the bench's engine.
Always true: a request that the actor refuses is an answer that is wrong, with the reason; a prefill is part of the
response, for an actor that can't go on with one it is left out; with choices the response is the likeliest one, as it
is written, and of equally likely ones the first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from preftree.actors import Actor
from preftree.engine import Sampling
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.benchmark import Asked, Attempt, Bench, Benchmark, Form, Grade, Item
from preftree.forest import CallKey
from preftree.records import Message, Request, Result, Sample, Verdict, digest


def attempt_tree(attempt: Attempt) -> str:
    """The attempt's place in the journal: one for all samples of a model on an item in a form."""
    return tree_of(attempt.model, attempt.benchmark.name, attempt.form, attempt.item.id)


def tree_of(model: str, benchmark: str, form: Form, item: str) -> str:
    """The same place, by names."""
    return digest([model, benchmark, form.protocol, form.mode, item])[:24]


def require(benchmark: Benchmark, form: Form, actor: Actor) -> None:
    """Refuse, before a run, an actor that can't answer in this form. Raises InputError."""
    if form.mode == "choice" and not actor.capabilities.score:
        raise InputError(
            f"{benchmark.name}: mode=choice asks for the log-probabilities of given answers, which actor {actor.name} "
            "can't tell; use a local model, or mode=text"
        )


async def hold(attempt: Attempt) -> Result:
    """Ask, go on as the benchmark says, grade."""
    benchmark = attempt.benchmark
    require(benchmark, attempt.form, attempt.actor)
    if benchmark.converse is not None:
        return await benchmark.converse(attempt)
    asked = benchmark.ask(attempt.item, attempt.form)
    sampling = replace(asked.sampling, **attempt.overrides)
    if not attempt.actor.capabilities.prefill and asked.text is None:
        sampling = replace(sampling, prefill="")
    if sampling.prefill and "stop" not in attempt.overrides:
        sampling = replace(sampling, stop=(*sampling.stop, *asked.stop_after_prefill))
    said = {"asked": asked_as(asked, sampling)}
    try:
        samples = await (_chosen if asked.choices else _answers)(attempt, asked, sampling)
    except RequestRefusedError as refusal:
        grade = await grade_nothing(benchmark, attempt.bench, attempt.item, attempt.form, str(refusal))
        return result_of(attempt, (), (), grade, said | {"refused": str(refusal)})
    bench = replace(attempt.bench, tree=attempt_tree(attempt), sample=attempt.sample)
    if asked.choices:
        response, logprobs = likeliest(samples)
        if any(map(math.isnan, logprobs.values())):
            raise InputError(
                f"{attempt.model}: {benchmark.name} {attempt.item.id}: a log-probability that is not a number (NaN); "
                "a model that overflows can't be measured: try another dtype"
            )
        grade = await benchmark.grade(bench, attempt.item, attempt.form, (response,))
        return result_of(attempt, (response,), samples, grade, said | {"logprobs": logprobs})
    responses = [sampling.prefill + sample.text for sample in samples]
    grade = await benchmark.grade(bench, attempt.item, attempt.form, responses)
    return result_of(attempt, responses, samples, grade, said)


def likeliest(scored: Sequence[Sample]) -> tuple[str, dict[str, float]]:
    """The text of the highest log-probability, and each one's, in nats, summed over its tokens."""
    sums = {sample.text: math.fsum(sample.logprobs or ()) for sample in scored}
    return max(sums, key=lambda text: sums[text]), sums


async def _chosen(attempt: Attempt, asked: Asked, sampling: Sampling) -> list[Sample]:
    """The choices with their log-probabilities. What a sampling setting could change is left out of the request."""
    sampling = Sampling(temperature=0.0, prefill=sampling.prefill)
    request = replace(request_of(attempt, sampling, 0, messages=asked.messages, text=asked.text), seed=0)
    key = CallKey(attempt_tree(attempt), 0, "model", "choose", attempt.sample)
    return list(await attempt.bench.engine.score(attempt.actor, key, request, asked.choices))


async def _answers(attempt: Attempt, asked: Asked, sampling: Sampling) -> list[Sample]:
    messages, samples = asked.messages, []
    for turn, further in enumerate((*asked.then, "")):
        request = request_of(attempt, sampling, turn, messages=messages, text=asked.text)
        (sample,) = await ask(attempt, turn, request)
        samples.append(sample)
        said = sampling.prefill + sample.text
        messages = (*messages, Message("assistant", said), Message("user", further))
    return samples


def request_of(
    attempt: Attempt, sampling: Sampling, turn: int, *, messages: tuple[Message, ...] = (), text: str | None = None
) -> Request:
    """A turn's request; its draw depends on seed, item, turn and sample alone."""
    fields: dict[str, Any] = asdict(sampling)
    seed = int(digest([attempt.seed, attempt.item.id, turn])[:12], 16)
    return Request(messages if text is None else (), text, samples=(attempt.sample,), seed=seed, **fields)


async def ask(attempt: Attempt, turn: int, request: Request, role: str = "model") -> tuple[Sample, ...]:
    """One journalled call."""
    key = CallKey(attempt_tree(attempt), turn, role, "evaluate", attempt.sample)
    return await attempt.bench.engine.ask(attempt.actor, key, request)


def asked_as(asked: Asked, sampling: Sampling) -> str:
    """A digest of the words that were put to a model and of how its answer was drawn."""
    drawn = replace(sampling, logprobs=False)  # which changes no answer
    return digest([asked.messages, asked.text, asked.then, asked.choices, drawn])[:16]


def measured(benchmark: Benchmark, item: Item, form: Form, judge: Actor | None) -> dict[str, Any]:
    """What makes two results one measurement (`likeness`): the rules, the row, who gave the marks; and the labels."""
    marked = {"judge": judge.identity} if benchmark.needs_judge and judge is not None else {}
    rules = {"protocol": form.protocol, "mode": form.mode, "version": benchmark.version} | marked
    return rules | {"item": digest(item)[:16], "labels": dict(item.labels)}


def result_of(
    attempt: Attempt,
    responses: list[str] | tuple[str, ...],
    samples: list[Sample] | tuple[Sample, ...],
    grade: Grade,
    more: dict[str, Any] | None = None,
) -> Result:
    """The result of one attempt. `metadata` holds what was measured, scores, what was thought, and the log-probability
    of what was said, where it was asked for."""
    logprobs = [value for sample in samples for value in sample.logprobs or ()]
    given = bool(samples) and all(sample.logprobs is not None for sample in samples)
    likely = {"logprob": {"sum": sum(logprobs), "tokens": len(logprobs)}} if given else {}
    return Result(
        model=attempt.model,
        problem=attempt.item.id,
        dataset=attempt.benchmark.name,
        sample=attempt.sample,
        outcomes=(grade.verdict.outcome,),
        responses=tuple(responses),
        answer=grade.verdict.answer,
        input_tokens=sum(sample.input_tokens for sample in samples),
        output_tokens=sum(sample.output_tokens for sample in samples),
        truncated=any(sample.finish_reason == "length" for sample in samples),
        metadata=measured(attempt.benchmark, attempt.item, attempt.form, attempt.bench.judge)
        | {
            "scores": dict(grade.scores),
            "why": grade.verdict.why,
            "thoughts": sum(sample.thought is not None for sample in samples),
        }
        | likely
        | (more or {}),
    )


async def grade_nothing(benchmark: Benchmark, bench: Bench, item: Item, form: Form, why: str) -> Grade:
    """The grade of an item that was not answered: wrong; in a ratio of two sums it counts as an empty answer does."""
    scores: Mapping[str, float] = {}
    if any(metric.denominator for metric in benchmark.metrics):
        scores = (await grade_given(benchmark, bench, item, form, ("",))).scores
    return Grade(Verdict("wrong", why), scores)


async def grade_given(benchmark: Benchmark, bench: Bench, item: Item, form: Form, responses: tuple[str, ...]) -> Grade:
    """The grade of responses that came from elsewhere; their place in the journal is their own."""
    tree = digest(["given", benchmark.name, form.protocol, form.mode, item.id, list(responses)])[:24]
    return await benchmark.grade(replace(bench, tree=tree), item, form, responses)
