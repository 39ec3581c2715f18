"""The runner: every model on every item of every task, on the same engine that growing uses.

In:  tasks (a benchmark's items, in which forms, how often each), models by name, a directory.
Out: results in the order of models, tasks, forms, items and samples, whatever finished first; the directory's journal.
Always true: what was answered is in the journal, so a run that was killed goes on, asks nothing twice and ends with the
same results; a journal that was begun with other rows of a benchmark is refused; `results.jsonl` is whole or absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.actors import Actor
from preftree.engine import Budget, run_all
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Attempt, Bench, Benchmark, Form, Item
from preftree.evaluate.converse import hold, tree_of
from preftree.evaluate.kept import write_whole
from preftree.evaluate.own import OWN, ProblemSet, own_benchmark
from preftree.evaluate.summary import Spent, busy_seconds
from preftree.forest import Cost, Forest
from preftree.progress import progress
from preftree.records import Result, canonical, digest, from_json


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark to run. `overrides` stand in the place of the protocol's own sampling."""

    benchmark: Benchmark
    items: tuple[Item, ...]
    forms: tuple[Form, ...]
    samples: int = 1
    seed: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        """How often one model is asked."""
        return sum(len(self.items) * self.samples_in(form) for form in self.forms)

    def samples_in(self, form: Form) -> int:
        """Of a choice by log-probability nothing is drawn, so there is one answer."""
        return 1 if form.mode == "choice" else self.samples


async def measure(
    tasks: Sequence[Task],
    models: Mapping[str, Actor],
    out: Path,
    *,
    concurrency: int = 256,
    judge: Actor | None = None,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> list[Result]:
    """Hold all conversations, `concurrency` at a time; goes on where it was."""
    async with open_bench(out, judge, environment, budget) as bench:
        await _bind(bench.engine.forest, tasks)
        total = len(models) * sum(task.attempts for task in tasks)
        attempts = _attempts(bench, tasks, models)
        return await hold_all(bench, attempts, f"evaluating {', '.join(models)}", total, concurrency)


async def hold_all(bench: Bench, attempts: Iterable[Attempt], title: str, total: int, concurrency: int) -> list[Result]:
    """The results of all these conversations in their order, so many at a time."""
    engine = bench.engine
    with progress(title, total, "answers") as bar:
        engine.on_answer = lambda: bar.advance(0, note=f"{engine.new_tokens:,} tokens written")

        async def one(attempt: Attempt) -> Result:
            result = await hold(attempt)
            bar.advance()
            return result

        return await run_all(engine, attempts, one, concurrency=concurrency)


def _attempts(bench: Bench, tasks: Sequence[Task], models: Mapping[str, Actor]) -> Iterator[Attempt]:
    """One after another as they are begun. The samples of an item are neighbours: a local model reads the prompt that
    they share once."""
    for name, actor in models.items():
        for task in tasks:
            for form in task.forms:
                for item in task.items:
                    for sample in range(task.samples_in(form)):
                        yield Attempt(bench, task.benchmark, form, actor, name, item, sample, task.seed, task.overrides)


async def _bind(forest: Forest, tasks: Sequence[Task]) -> None:
    """Answers are kept by an item's id and what was asked; rows with other references would be mixed."""
    for task in tasks:
        name = f"rows of {task.benchmark.name}"
        now = digest([task.benchmark.version, list(task.items)])
        before = forest.meta(name)
        if before is None:
            await forest.set_meta(name, now)
        elif before != now:
            raise InputError(
                f"{forest.directory}: was begun with other {name}, or another version of it; use another out=…, "
                "or the rows of then to go on"
            )


def spending(out: Path, tasks: Sequence[Task], models: Sequence[str]) -> dict[tuple[str, str, str], Spent]:
    """What each benchmark cost a model in a mode, from the journal, over all restarts."""
    calls: dict[str, list[Cost]] = {}
    with Forest(out, readonly=True) as forest:
        for cost in forest.costs():
            calls.setdefault(cost.tree, []).append(cost)
    found = {}
    for model in models:
        for task in tasks:
            for form in task.forms:
                trees = (tree_of(model, task.benchmark.name, form, item.id) for item in task.items)
                costs = [cost for tree in trees for cost in calls.get(tree, ())]
                found[model, task.benchmark.name, form.mode] = Spent(
                    len(costs),
                    sum(cost.input_tokens for cost in costs),
                    sum(cost.cached_tokens for cost in costs),
                    sum(cost.output_tokens for cost in costs),
                    sum(cost.price_usd for cost in costs),
                    round(busy_seconds([(cost.sent, cost.answered) for cost in costs]), 3),
                )
    return found


def busy(out: Path, tasks: Sequence[Task], model: str) -> float:
    """Seconds in which a model was asked something, over all restarts; what was in flight together counts once."""
    with Forest(out, readonly=True) as forest:
        costs = list(forest.costs())
    trees = {
        tree_of(model, task.benchmark.name, form, item.id)
        for task in tasks
        for form in task.forms
        for item in task.items
    }
    return busy_seconds([(cost.sent, cost.answered) for cost in costs if cost.tree in trees])


async def evaluate(
    own: ProblemSet,
    models: Mapping[str, Actor],
    out: Path,
    *,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> list[Result]:
    """Problems of one's own, measured and written to `results.jsonl`."""
    benchmark, protocol = own_benchmark(own), own.protocol
    items = benchmark.read(None, benchmark.published).items
    task = Task(benchmark, items, (OWN,), protocol.samples, protocol.seed)
    results = await measure(
        [task], models, out, concurrency=protocol.concurrency, environment=environment, budget=budget
    )
    write_results(out / "results.jsonl", results)
    return results


def write_results(path: Path, results: Sequence[Result]) -> None:
    """One result a line; the file is whole or absent."""
    write_whole(path, "".join(canonical(result) + "\n" for result in results))


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
