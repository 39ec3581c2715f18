"""Small benchmarks of the shapes that the suite has: two modes, groups, scores and their ratio, choices, a judge."""

import json

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Sampling
from preftree.evaluate.benchmark import ACCURACY, Asked, Benchmark, Form, Grade, Item, Metric, Published
from preftree.evaluate.grading.answers import grade_answer
from preftree.evaluate.items import read_items, rows_of
from preftree.evaluate.runner import Task
from preftree.records import Message, Problem, Reference, Verdict
from preftree.verify import find_answer

TEXT, PROGRAM = Form("standard", "text"), Form("standard", "program")
WORDS = Metric("words right", "right", "words")


def rows(count):
    """Published rows: sums, the even ones easy."""
    return [{"id": f"sum-{i}", "question": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(count)]


def write_rows(path, count):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(count)))
    return path


def _item(row, place):
    problem = Problem(row["id"], "sums", "Math_CoT", row["question"], (Reference(row["answer"]),), "number")
    return Item(row["id"], problem, {"kind": "even" if place % 2 == 0 else "odd"})


def _ask(item, form):
    words = {"text": "Answer in words.", "program": "Answer with a program."}[form.mode]
    sampling = Sampling(temperature=0.0, max_tokens=32)
    return Asked((Message("user", f"{words}\n{item.problem.instruction}"),), sampling=sampling)


async def _grade(bench, item, form, responses):
    answer = find_answer(responses[-1], "Math_CoT")
    if form.mode == "program":
        answer = (await bench.engine.observe(responses[-1], [])).output
    grade = await grade_answer(bench, item, answer, "number")
    words = responses[-1].split()
    return Grade(grade.verdict, {"right": float(grade.verdict.correct), "words": float(len(words))})


def sums(name="sums", modes=("text",), metrics=(ACCURACY,), groups=("kind",), count=8, **more):
    return Benchmark(
        name=name,
        published=Published(folders=(name,), files=("sums.jsonl",)),
        read=lambda path, published: read_items(rows_of(path, published), _item),
        rows=count,
        ask=_ask,
        grade=_grade,
        reference=lambda item, form: f"\\boxed{{{item.problem.references[0].answer}}}",
        modes=modes,
        metrics=metrics,
        groups=groups,
        **more,
    )


def items(count):
    return tuple(_item(row, place) for place, row in enumerate(rows(count)))


def task(count=8, forms=(TEXT,), **more):
    options = {name: more.pop(name) for name in ("samples", "seed", "overrides") if name in more}
    return Task(sums(count=count, modes=tuple(form.mode for form in forms), **more), items(count), forms, **options)


def number_of(messages):
    return int(messages[-1].content.split("What is ")[1].split(" + ")[0])


def answer(messages, index):
    """Right where the number and the sample are both even or both odd."""
    i = number_of(messages)
    said = 2 * i if (i - index) % 2 == 0 else 2 * i + 1
    return f"print({said})" if "program" in messages[-1].content else f"The answer is \\boxed{{{said}}}"


def scripted(**more):
    return ScriptedActor(answer, **more)


async def judged(bench, item, form, responses):
    """A grade that a model gives, through the journal."""
    from preftree.forest import CallKey
    from preftree.records import Request

    request = Request((Message("user", f"Mark this: {responses[-1]}"),), max_tokens=4)
    (sample,) = await bench.engine.ask(bench.judge, CallKey(bench.tree, 0, "judge", "evaluate", bench.sample), request)
    mark = float(sample.text)
    return Grade(Verdict("correct" if mark > 5 else "wrong", sample.text), {"mark": mark})
