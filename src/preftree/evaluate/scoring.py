"""Given responses, graded as an evaluation grades them. No model is asked, unless a benchmark is graded by one.

In:  a benchmark's name, a file of predictions (`predictions`). Out: figures, and the verdict of each response.
Always true: grading goes through the journal of the directory (a temporary one where none is named), so what was
graded there is not graded again; an item without a response counts as wrong, and is said, unless `partial`.

What `score` returns, and `preftree score --json` prints:

    benchmark, protocol, mode, version    which rules judged
    metric, score, low, high              the benchmark's first metric with its 95% interval over items
    n                                     items that count; `rows_in_full`: how many the published set has
    rows_found, set_aside                 items in the data, and rows of it that could not be used (each with why)
    correct, wrong, undecided             verdicts, one a response (of answers that get marks, "correct" says that all
                                          were given); `without_response`: items that have none
    graded                                whether answers get marks; then there is no pass@k
    samples                               the most responses that an item has; `pass_at`: rows with k, where several
    metrics, groups                       every metric; by label (level, subject, …), the same for each of its values
    notes                                 sentences: what a reader must know of these figures
    verdicts                              {"id", "sample", "verdict", "why", "scores"} a response, in the items' order

A benchmark of reward models gives benchmark, figures, … as `rewards.score_rewards` counts them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from preftree.actors import Actor
from preftree.engine import run_all
from preftree.environment import EnvironmentSettings
from preftree.errors import InputError, nearest
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Bench, Benchmark, Form, Grade, Item
from preftree.evaluate.converse import grade_given, grade_nothing, measured
from preftree.evaluate.figures import pass_at
from preftree.evaluate.items import read_from
from preftree.evaluate.predictions import Prediction, by_item, prediction_rows, read_predictions
from preftree.evaluate.registry import BENCHMARKS, find_benchmark, find_form
from preftree.evaluate.rewards import REWARD_BENCHMARKS, score_rewards
from preftree.evaluate.runner import write_results
from preftree.evaluate.summary import figure, figures_by
from preftree.progress import progress
from preftree.records import Result, digest

_CONCURRENCY = 128  # gradings at a time: enough for every core, few enough to hold their texts


@dataclass(frozen=True, slots=True)
class Grading:
    """A response to grade, or, without a prediction, an item that has none."""

    item: Item
    sample: int = 0
    prediction: Prediction | None = None


def names() -> tuple[str, ...]:
    """What `score` takes."""
    return (*BENCHMARKS, *REWARD_BENCHMARKS)


async def score(
    name: str,
    predictions: str,
    *,
    data: str | None = None,
    protocol: str = "standard",
    mode: str = "",
    out: Path | None = None,
    model: str = "given",
    partial: bool = False,
    judge: Actor | None = None,
    environment: EnvironmentSettings | None = None,
) -> dict[str, Any]:
    """Grade a file of responses; with `out`, also `results.jsonl` there, as an evaluation leaves it."""
    if name.partition(":")[0] not in names():
        raise InputError(f'no benchmark is named "{name}"{nearest(name, names())}')
    if name in REWARD_BENCHMARKS:
        for setting, named in (("protocol", protocol != "standard"), ("mode", bool(mode)), ("out", out is not None)):
            if named:
                raise InputError(f"{setting}: {name} has none; leave it out (preftree rewards keeps what it measures)")
        return score_reward_rows(name, predictions, data, partial=partial)
    benchmark = find_benchmark(name)
    form = find_form(benchmark, protocol, mode)
    if benchmark.needs_judge and judge is None:
        raise InputError(f"{name}: a model grades its answers; name it with judge.model=…")
    given = read_predictions(predictions)
    read = read_from(benchmark, data)
    found = by_item(given, benchmark, read.items, form)
    if not found:
        raise InputError(f"{predictions}: no responses")
    tasks = [
        Grading(item, sample, one) for item in read.items for sample, one in sorted(found.get(item.id, {}).items())
    ]
    missing = [item for item in read.items if item.id not in found]
    if not partial:
        tasks += [Grading(item) for item in missing]
    with TemporaryDirectory(prefix="preftree-score-") as folder:
        async with open_bench(out or Path(folder), judge, environment) as bench:
            await _bind(bench, [benchmark.name, form, model], environment or EnvironmentSettings())
            results = await grade_all(bench, benchmark, form, tasks, model)
    if out is not None:
        write_results(out / "results.jsonl", results)
    return report(benchmark, form, results, len(read.items), read.set_aside, len(missing), partial)


async def _bind(bench: Bench, of: list[Any], environment: EnvironmentSettings) -> None:
    """What was graded is kept by the response: under other limits its verdict could be another, and another
    benchmark's results would take this one's place."""
    forest = bench.engine.forest
    for name, now in (("what is scored", digest(of)), ("settings of the jail", digest(environment))):
        before = forest.meta(name)
        if before is None:
            await forest.set_meta(name, now)
        elif before != now:
            what = "another benchmark, form or model" if name == "what is scored" else f"other {name}"
            raise InputError(f"{forest.directory}: holds scores of {what}; use another out=…")


def score_reward_rows(name: str, predictions: str, data: str | None = None, *, partial: bool = False) -> dict[str, Any]:
    """Given rewards or preferences, counted by the benchmarks of reward models."""
    try:
        return score_rewards(name, list(prediction_rows(predictions)), data, partial=partial)
    except InputError as fault:
        # It knows the rows, not their file.
        raise InputError(f"{predictions} {fault}" if str(fault).startswith("row ") else str(fault)) from fault


async def grade_all(
    bench: Bench, benchmark: Benchmark, form: Form, tasks: Sequence[Grading], model: str
) -> list[Result]:
    """The results in the order of the tasks, many graded at once."""
    with progress(f"scoring {benchmark.name}", len(tasks), "responses") as bar:

        async def one(task: Grading) -> Result:
            if task.prediction is None:
                grade = await grade_nothing(benchmark, bench, task.item, form, "no response")
            else:
                grade = await grade_given(benchmark, bench, task.item, form, task.prediction.responses)
            bar.advance()
            return _result(bench, benchmark, form, task, grade, model)

        return await run_all(bench.engine, tasks, one, concurrency=_CONCURRENCY)


def report(
    benchmark: Benchmark,
    form: Form,
    results: Sequence[Result],
    rows_found: int,
    set_aside: Sequence[str],
    missing: int,
    partial: bool,
) -> dict[str, Any]:
    """What the docstring of this module lists."""
    metrics = [asdict(figure(metric, results)) for metric in benchmark.metrics]
    answered = [result for result in results if result.responses]
    outcomes = Counter(result.outcomes[-1] for result in answered)
    samples = Counter(result.problem for result in answered)
    first = metrics[0]
    return {
        "benchmark": benchmark.name,
        "protocol": form.protocol,
        "mode": form.mode,
        "version": benchmark.version,
        "graded": benchmark.graded,
        "metric": first["name"],
        "score": first["value"],
        "low": first["low"],
        "high": first["high"],
        "n": first["n"],
        "rows_in_full": benchmark.rows,
        "rows_found": rows_found,
        "set_aside": list(set_aside),
        "correct": outcomes["correct"],
        "wrong": outcomes["wrong"],
        "undecided": outcomes["undecided"],
        "without_response": missing,
        "samples": max(samples.values()),
        "pass_at": [] if benchmark.graded else pass_at(results),  # marks are no verdicts
        "metrics": metrics,
        "groups": {label: figures_by(label, benchmark, results) for label in benchmark.groups},
        "notes": _notes(benchmark, rows_found, set_aside, missing, partial, samples, metrics),
        "verdicts": [
            {
                "id": result.problem,
                "sample": result.sample,
                "verdict": result.outcomes[-1],
                "why": result.metadata["why"],
                "scores": result.metadata["scores"],
            }
            for result in answered
        ],
    }


def _notes(
    benchmark: Benchmark,
    rows_found: int,
    set_aside: Sequence[str],
    missing: int,
    partial: bool,
    samples: Counter[str],
    metrics: Sequence[dict[str, Any]],
) -> list[str]:
    notes = []
    if missing:
        counted = "they are left out" if partial else "they count as wrong"
        notes.append(f"{missing:,} of {rows_found:,} items have no response: {counted}.")
    if rows_found != benchmark.rows:
        notes.append(f"{rows_found:,} items are in the data; the published set has {benchmark.rows:,}.")
    if set_aside:
        notes.append(f"{len(set_aside):,} rows were set aside, for one {set_aside[0]}.")
    if min(samples.values()) != max(samples.values()):
        fewest, most = min(samples.values()), max(samples.values())
        notes.append(
            f"Items have {fewest} to {most} responses: each counts by the mean of its own, pass@k up to {fewest}."
        )
    notes += [
        f"{made['unscored']:,} answers have no {made['name']}, and do not count in it."
        for made in metrics
        if made["unscored"]
    ]
    return notes


def _result(bench: Bench, benchmark: Benchmark, form: Form, task: Grading, grade: Grade, model: str) -> Result:
    return Result(
        model=model,
        problem=task.item.id,
        dataset=benchmark.name,
        sample=task.sample,
        outcomes=(grade.verdict.outcome,),
        responses=task.prediction.responses if task.prediction else (),
        answer=grade.verdict.answer,
        metadata=measured(benchmark, task.item, form, bench.judge)
        | {"scores": dict(grade.scores), "why": grade.verdict.why},
    )
