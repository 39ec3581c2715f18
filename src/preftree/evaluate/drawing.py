"""Samples to choose from: one policy's answers to problems, N each and a greedy one, judged, and which are equal.

In:  pools (a benchmark in a form with its items, or problems of one's own), an actor, how answers are drawn.
Out: what was drawn for each item, also as `results.jsonl` and `greedy.jsonl` in the output directory.
Always true: every call goes through the journal, so nothing that was answered is asked again: not after a kill, not for
another ranker, another reward, more samples; log-probabilities are kept with the answers where the actor gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget, Engine, Sampling, opening, run_all, settle, together
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.errors import InputError
from preftree.evaluate.benchmark import Asked, Attempt, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.classes import answer_classes
from preftree.evaluate.converse import hold
from preftree.evaluate.kept import Kept
from preftree.evaluate.runner import write_results
from preftree.forest import Account, Forest
from preftree.progress import progress
from preftree.records import Action, Message, Problem, Result, Verdict, digest
from preftree.verify import Judge


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
    work = [(pool, item) for pool in pools for item in pool.items]
    kept = Kept(out / "classes.jsonl")
    with Forest(out) as forest:
        async with Interpreter(environment or EnvironmentSettings()) as interpreter, Judge() as judge:
            engine = Engine(forest, interpreter, judge, budget)
            with progress(f"drawing from {name}", len(work) * (draws.samples + greedy), "answers") as bar:
                engine.on_answer = lambda: bar.advance(0, note=f"{engine.new_tokens:,} tokens written")

                async def one(place: tuple[Pool, Item]) -> Drawn:
                    drawn = await _draw(engine, *place, name, actor, draws, greedy)
                    bar.advance(draws.samples + greedy)
                    return await _classed(engine, *place, drawn, kept, greedy_votes)

                # All samples of an item are asked together, so that an actor reads their common prompt once.
                at_once = -(-draws.concurrency // draws.samples)
                found = await run_all(engine, work, one, concurrency=at_once)
            account = engine.account
    write_results(out / "results.jsonl", [result for drawn in found for result in drawn.results])
    if greedy:
        write_results(out / "greedy.jsonl", [drawn.greedy for drawn in found if drawn.greedy is not None])
    return found, account


async def _draw(engine: Engine, pool: Pool, item: Item, name: str, actor: Actor, draws: Draws, greedy: bool) -> Drawn:
    overrides: dict[str, Any] = {"temperature": draws.temperature, "top_p": draws.top_p}
    if draws.max_tokens is not None:
        overrides["max_tokens"] = draws.max_tokens
    told = overrides | {"logprobs": draws.logprobs and actor.capabilities.logprobs}
    first = Attempt(
        Bench(engine),
        pool.benchmark,
        pool.form,
        actor,
        name,
        item,
        seed=draws.seed,
        overrides=told,
    )
    attempts = [replace(first, sample=sample) for sample in range(draws.samples)]
    if greedy:
        # Another model's name: a place of its own in the journal.
        greedily = overrides | {"temperature": 0.0, "top_p": 1.0}
        attempts.append(replace(first, model=f"{name} (greedy)", overrides=greedily))
    own = pool.form.protocol == "own"
    dataset = item.problem.dataset if own else pool.benchmark.name
    results = [replace(result, dataset=dataset) for result in await together(*map(hold, attempts))]
    asked = pool.benchmark.ask(item, pool.form)
    return Drawn(
        key=item.id if own else f"{pool.benchmark.name}/{item.id}",
        dataset=dataset,
        conversation=asked.messages or (Message("user", item.problem.instruction),),
        results=tuple(results[: draws.samples]),
        greedy=results[-1] if greedy else None,
        classes=(),
        greedy_class=None,
    )


async def _classed(engine: Engine, pool: Pool, item: Item, drawn: Drawn, kept: Kept, greedy_votes: bool) -> Drawn:
    """With the classes of its answers; the greedy one is compared with them only where it votes."""
    answers = [result.answer for result in drawn.results]
    if greedy_votes and drawn.greedy is not None:
        answers.append(drawn.greedy.answer)
    problem, rule = item.problem, pool.benchmark.equal
    key = digest([drawn.key, rule or problem.verifier, problem.tests, answers])
    if key not in kept:
        kept.add({key: await answer_classes(engine, problem, answers, rule)})
    classes = kept[key]
    return replace(
        drawn,
        classes=tuple(classes[: len(drawn.results)]),
        greedy_class=classes[-1] if len(classes) > len(drawn.results) else None,
    )
