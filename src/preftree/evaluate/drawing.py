"""Samples to choose from: one policy's answers to problems, N each and a greedy one, judged, and which are equal.

In:  pools (a benchmark in a form with its items, or problems of one's own), an actor, how answers are drawn.
Out: what was drawn for each item, also as `results.jsonl` and `greedy.jsonl` in the output directory.
Always true: every call goes through the journal, so nothing that was answered is asked again: not after a kill, not for
another ranker, another reward, more samples; log-probabilities are kept with the answers where the actor gives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget, Engine, Sampling, opening, run_all, settle
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Asked, Attempt, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.classes import answer_classes
from preftree.evaluate.kept import Kept
from preftree.evaluate.runner import hold_all, write_results
from preftree.forest import Account
from preftree.progress import progress
from preftree.records import Action, Message, Problem, Result, Verdict, digest

_AT_ONCE = 64  # problems whose answers are compared at a time


@dataclass(frozen=True, slots=True)
class Draws:
    """How a policy's samples are drawn. The paper publishes neither its temperature nor its prompts."""

    samples: int = 16  # of each problem; more may be drawn later
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int | None = None  # none: as many as the benchmark gives
    seed: int = 0
    logprobs: bool = True  # asked for, where the actor gives them
    concurrency: int = 256  # conversations at a time

    def __post_init__(self) -> None:
        for name in ("samples", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.temperature <= 0 and self.samples > 1:
            raise InputError(
                f"temperature: at {self.temperature:g} all {self.samples} samples are the same; expected more"
            )


@dataclass(frozen=True, slots=True)
class OwnDraws(Draws):
    """How they are drawn for problems of one's own, which have no benchmark's settings."""

    samples: int = 8
    max_tokens: int | None = 512
    stop: tuple[str, ...] = ()
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """What is asked, and in which form."""

    benchmark: Benchmark
    form: Form
    items: tuple[Item, ...]

    def dataset(self, item: Item) -> str:
        """Under which name an item's figures are counted: of problems of one's own each has its data set's."""
        return item.problem.dataset if self.form.protocol == "own" else self.benchmark.name


def measured_by(pools: Sequence[Pool]) -> dict[str, str]:
    """By data set: under which rules its answers are asked for and judged, in words."""
    return {
        pool.dataset(item): f"{pool.form.protocol} ({pool.form.mode}), version {pool.benchmark.version}"
        for pool in pools
        for item in pool.items
    }


@dataclass(frozen=True, slots=True)
class Drawn:
    """One item's samples. `conversation` is what was asked; `classes` as in `Judged`, the greedy answer's apart."""

    key: str
    dataset: str
    conversation: tuple[Message, ...]
    results: tuple[Result, ...]
    greedy: Result | None
    classes: tuple[int | None, ...]
    greedy_class: int | None


def own_pool(name: str, problems: Sequence[Problem], draws: OwnDraws) -> Pool:
    """Problems of one's own, asked in one turn as growing asks them, and judged by their own verifiers."""
    sampling = Sampling(stop=draws.stop, prefill=draws.prefill)

    def ask(item: Item, form: Form) -> Asked:
        return Asked(opening(item.problem), sampling=sampling)

    async def grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
        action = Action(responses[-1].rstrip(), name, "evaluate", 0)
        judged = await settle(bench.engine, item.problem, action, ())
        return Grade(judged.verdict or Verdict("undecided", "not judged"))

    def read(path: str | None, published: Published) -> Read:
        return Read(items)

    items = tuple(Item(problem.id, problem) for problem in problems)
    benchmark = Benchmark(name, Published(), read, len(items), ask, grade, lambda item, form: item.problem.answer)
    return Pool(benchmark, Form("own"), items)


def published_pool(benchmark: Benchmark, form: Form, items: Sequence[Item]) -> Pool:
    """A benchmark's items, if one answer to each can be chosen."""
    asked = benchmark.ask(items[0], form)
    if benchmark.converse is not None or benchmark.needs_judge or asked.then or asked.choices:
        raise InputError(f"{benchmark.name}: has no single sampled answer that is judged, so there is none to choose")
    return Pool(benchmark, form, tuple(items))


async def draw(
    pools: Sequence[Pool],
    name: str,
    actor: Actor,
    draws: Draws,
    out: Path,
    *,
    greedy: bool,
    greedy_votes: bool = False,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> tuple[list[Drawn], Account]:
    """All samples of all pools, judged and compared; goes on where it was."""
    each = draws.samples + greedy
    async with open_bench(out, environment=environment, budget=budget) as bench:
        attempts = _attempts(bench, pools, name, actor, draws, greedy)
        total = each * sum(len(pool.items) for pool in pools)
        results = iter(await hold_all(bench, attempts, f"drawing from {name}", total, draws.concurrency))
        found = [
            _drawn(pool, item, [next(results) for _ in range(each)], draws) for pool in pools for item in pool.items
        ]
        write_results(out / "results.jsonl", [result for drawn in found for result in drawn.results])
        if greedy:
            write_results(out / "greedy.jsonl", [drawn.greedy for drawn in found if drawn.greedy is not None])
        return await _compared(
            bench.engine, pools, found, Kept(out / "classes.jsonl"), greedy_votes
        ), bench.engine.account


def _attempts(
    bench: Bench, pools: Sequence[Pool], name: str, actor: Actor, draws: Draws, greedy: bool
) -> Iterator[Attempt]:
    """Of each item all samples, then the greedy answer."""
    overrides: dict[str, Any] = {"temperature": draws.temperature, "top_p": draws.top_p}
    if draws.max_tokens is not None:
        overrides["max_tokens"] = draws.max_tokens
    told = overrides | {"logprobs": draws.logprobs and actor.capabilities.logprobs}
    greedily = overrides | {"temperature": 0.0, "top_p": 1.0}
    for pool in pools:
        for item in pool.items:
            first = Attempt(bench, pool.benchmark, pool.form, actor, name, item, seed=draws.seed, overrides=told)
            yield from (replace(first, sample=sample) for sample in range(draws.samples))
            if greedy:
                # Another model's name: a place of its own in the journal.
                yield replace(first, model=f"{name} (greedy)", overrides=greedily)


def _drawn(pool: Pool, item: Item, results: Sequence[Result], draws: Draws) -> Drawn:
    dataset = pool.dataset(item)
    named = [replace(result, dataset=dataset) for result in results]
    return Drawn(
        key=item.id if pool.form.protocol == "own" else f"{pool.benchmark.name}/{item.id}",
        dataset=dataset,
        conversation=pool.benchmark.ask(item, pool.form).messages or (Message("user", item.problem.instruction),),
        results=tuple(named[: draws.samples]),
        greedy=named[-1] if len(named) > draws.samples else None,
        classes=(),
        greedy_class=None,
    )


async def _compared(
    engine: Engine, pools: Sequence[Pool], found: Sequence[Drawn], kept: Kept, greedy_votes: bool
) -> list[Drawn]:
    """With the classes of its answers; the greedy one is compared with them only where it votes."""
    items = [(pool.benchmark.equal, item.problem) for pool in pools for item in pool.items]
    with progress("comparing answers", len(items), "problems") as bar:

        async def one(place: tuple[Drawn, tuple[str, Problem]]) -> Drawn:
            drawn, (rule, problem) = place
            answers = [result.answer for result in drawn.results]
            if greedy_votes and drawn.greedy is not None:
                answers.append(drawn.greedy.answer)
            key = digest([drawn.key, rule or problem.verifier, problem.tests, answers])
            if key not in kept:
                kept.add({key: await answer_classes(engine, problem, answers, rule)})
            classes = tuple(kept[key])
            bar.advance()
            samples = len(drawn.results)
            return replace(drawn, classes=classes[:samples], greedy_class=(*classes[samples:], None)[0])

        return await run_all(engine, zip(found, items, strict=True), one, concurrency=_AT_ONCE)
