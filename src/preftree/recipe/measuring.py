"""Models on benchmarks: rows found and read, models one after another, files written.

In:  the settings of an `evaluate` stage. Out: `results.jsonl`, `summary.json`, `lm_eval_results.json`.
Always true: the summary is made of all results and the journal, so it is the same whether or not a run was interrupted.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import preftree
from preftree.actors import Actor
from preftree.errors import InputError
from preftree.evaluate import Task, busy, measure, spending, write_results
from preftree.evaluate.harness import harness_form
from preftree.evaluate.items import files_of, read_from
from preftree.evaluate.kept import write_whole
from preftree.evaluate.suites import Choice, asked_items
from preftree.evaluate.summary import Rows, summarize
from preftree.forest import Forest
from preftree.recipe.actors import open_actors
from preftree.recipe.runner import Context, hand_back_memory
from preftree.records import Result, to_json

if TYPE_CHECKING:
    from preftree.recipe.stages.evaluate import Settings


def files(choice: Choice, data: str | None) -> dict[str, str]:
    """Where the rows of each benchmark lie, by what they are; none for the hub's. InputError for what is missing."""
    if data is not None and Path(data).is_file() and len(choice.chosen) > 1:
        raise InputError(f"data: {data} is one file, for one benchmark; name the folder of data sets")
    return files_of([one.benchmark for one in choice.chosen], data)


def run(settings: Settings, context: Context) -> dict[str, Any]:
    choice, asking = settings.choice(), settings.protocol
    rows, tasks, notes = [], [], list(choice.notes)
    for one in choice.chosen:
        read = read_from(one.benchmark, settings.data)
        items = asked_items(read.items, one.benchmark.name, choice, settings.limit)
        rows.append(Rows(one.benchmark, len(read.items), len(items), read.set_aside))
        tasks.append(Task(one.benchmark, items, one.forms, asking.samples, asking.seed, asking.overrides))

    async def work() -> list[Result]:
        async with open_actors({"judge": settings.judge} if settings.judge else {}, context.name) as graders:

            async def one(models: Mapping[str, Actor]) -> list[Result]:
                mine, left_out = _fitting(tasks, models, explicit=choice.explicit)
                notes.extend(left_out)
                return await measure(
                    mine,
                    models,
                    context.out,
                    concurrency=asking.concurrency,
                    judge=graders.get("judge"),
                    environment=settings.environment,
                    budget=settings.budget,
                )

            return await each_model(settings.models, context.name, one)

    results = asyncio.run(work())
    write_results(context.out / "results.jsonl", results)
    models = list(dict.fromkeys(result.model for result in results))
    summary = summarize(results, rows, choice, spending(context.out, tasks, models), settings.limit)
    summary["notes"] += notes
    with Forest(context.out, readonly=True) as forest:
        summary["account"] = to_json(forest.account())
    _write(context.out / "summary.json", summary)
    benchmarks = {found.benchmark.name: found.benchmark for found in rows}
    for model in models:
        name = "lm_eval_results" + ("" if len(models) == 1 else "." + re.sub(r"[^\w.-]", "_", model))
        config = _config(settings, model)
        made = harness_form(
            summary, model, benchmarks, date=time.time(), config=config, version=preftree.__version__,
            seconds=busy(context.out, tasks, model),
        )  # fmt: skip
        _write(context.out / f"{name}.json", made)
    return {"kind": "benchmarks"} | summary


async def each_model(
    sections: Mapping[str, Any], stage: str, work: Callable[[Mapping[str, Actor]], Awaitable[list[Result]]]
) -> list[Result]:
    """One model after another: several at once are no faster on one machine, and fill its memory."""
    found: list[Result] = []
    for name, section in sections.items():
        async with open_actors({name: section}, stage) as models:
            if models:
                found += await work(models)
        hand_back_memory()
    return found


def _fitting(tasks: list[Task], models: Mapping[str, Actor], *, explicit: bool) -> tuple[list[Task], list[str]]:
    """The tasks in the forms that these models can do, and what was left out; InputError if it was asked for."""
    unable = [name for name, actor in models.items() if not actor.capabilities.score]
    fitting, notes = [], []
    for task in tasks:
        forms = tuple(form for form in task.forms if form.mode != "choice" or not unable)
        if forms != task.forms:
            said = f"{unable[0]}: can't say how likely a given answer is, as mode choice of {task.benchmark.name} needs"
            if explicit or not forms:
                raise InputError(f"{said}; leave that mode out with modes=[text]")
            notes.append(f"{said}; it was left out")
        fitting.append(replace(task, forms=forms))
    return fitting, notes


def _config(settings: Settings, model: str) -> dict[str, Any]:
    """What the harness calls the configuration of a run."""
    section, asking = settings.models[model], settings.protocol
    return {
        "model": str(section.get("kind", "local")),
        "model_args": f"pretrained={section['model']}",
        "batch_size": section.get("max_batch"),
        "limit": settings.limit,
        "gen_kwargs": to_json(asking.overrides) or None,  # what stands in the place of the protocols' own
        "random_seed": asking.seed,
    }


def _write(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
