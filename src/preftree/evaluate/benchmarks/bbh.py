"""BIG-Bench Hard: 27 tasks, three examples with their reasons before each question (Suzgun et al., 2022; MIT).

In:  the folder of `<task>.json` as published, Eurus's `test_prompts.json` (JSON Lines of text, reference, task_name),
     or the hub's configs; ids are `<task>/<place in the task>`. The examples are packaged (`prompts/bbh`).
Out: accuracy over all questions (micro), and by task.
The Eurus protocols make the text's examples the turns of a chat, and count a reference anywhere in what was generated
before another "Q:". The first code cut the text at blank lines and took each part's last line for the answer, so
most of a worked example stood in the user's turn, and began the model's answer with "A: Let's think step by step.";
the last code cuts at questions. Both test `startswith` where their flag for chains of thought is not given: that is
in each result's scores. `standard` is lm-evaluation-harness's bbh_cot_fewshot: raw text, the first "the answer is ….".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from preftree.engine import Sampling
from preftree.errors import InputError
from preftree.evaluate.benchmark import PROTOCOLS, Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.grading.answers import grade_answer
from preftree.evaluate.items import packaged, read_items
from preftree.problems.places import Place, Value, read_json, values
from preftree.problems.rows import BadRowError, Row
from preftree.records import Message, Problem, Reference, Verdict

TASKS = (
    "boolean_expressions", "causal_judgement", "date_understanding", "disambiguation_qa", "dyck_languages",
    "formal_fallacies", "geometric_shapes", "hyperbaton", "logical_deduction_five_objects",
    "logical_deduction_seven_objects", "logical_deduction_three_objects", "movie_recommendation",
    "multistep_arithmetic_two", "navigate", "object_counting", "penguins_in_a_table", "reasoning_about_colored_objects",
    "ruin_names", "salient_translation_error_detection", "snarks", "sports_understanding", "temporal_sequences",
    "tracking_shuffled_objects_five_objects", "tracking_shuffled_objects_seven_objects",
    "tracking_shuffled_objects_three_objects", "web_of_lies", "word_sorting",
)  # fmt: skip

_LEAD = "A: Let's think step by step."
# Of a row in its task's file; a row that can't be read takes its place, too.
_PLACE = "place in the file"
_HEAD = "Follow the given examples and answer the question.\n\n"
_ANSWER = re.compile(r"(?<=the answer is )(.*)(?=.)")


# ---------------------------------------------------------------- rows


def _read(path: str | None, published: Published) -> Read:
    counts: Counter[str] = Counter()

    def item_of(row: Row, place: int) -> Item:
        task = _text(row, "task_name")
        if task not in TASKS:
            raise BadRowError("task_name", f'no task of BBH is named "{task}"')
        place = row.get(_PLACE, counts[task])
        counts[task] += 1
        target = _text(row, "reference" if "reference" in row else "target").strip()
        text = row["text"] if "text" in row else f"{_examples(task)}\n\nQ: {_text(row, 'input')}\n{_LEAD}"
        if not isinstance(text, str) or not text.rstrip().endswith(_LEAD):
            raise BadRowError("text", f'expected a prompt that ends in "{_LEAD}"')
        question = text.rpartition("\n\nQ: ")[2].removesuffix(_LEAD).strip()
        problem = Problem(f"bbh/{task}/{place}", "bbh", "Logic", question, (Reference(target),), "paper-bbh", ())
        return Item(f"{task}/{place}", problem, {"task": task}, {"text": text.rstrip()})

    return read_items(_rows(path, published), item_of)


def _rows(path: str | None, published: Published) -> Iterator[Value]:
    if path is None:
        for task in TASKS:
            yield from _of_task(task, values(Place(published.hub, published.split, task)))
    elif Path(path).is_dir():
        files = {task: Path(path) / f"{task}.json" for task in TASKS}
        if not any(file.is_file() for file in files.values()):
            raise InputError(f"bbh: {path}: expected files such as boolean_expressions.json there")
        for task, file in files.items():
            yield from _task_file(task, file) if file.is_file() else ()
    elif Path(path).stem in TASKS:
        yield from _task_file(Path(path).stem, Path(path))
    else:
        yield from values(Place(path))


def _task_file(task: str, file: Path) -> Iterator[Value]:
    content = read_json(file)
    examples = content.get("examples") if isinstance(content, dict) else None
    if not isinstance(examples, list):
        raise InputError(f'{file}: expected an object with a list "examples"')
    return _of_task(task, (Value(file.name, number, row) for number, row in enumerate(examples, start=1)))


def _of_task(task: str, rows: Iterator[Value]) -> Iterator[Value]:
    for place, row in enumerate(rows):
        content: Any = (
            {**row.content, "task_name": task, _PLACE: place} if isinstance(row.content, dict) else row.content
        )
        yield Value(row.file, row.number, content, row.broken)


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BadRowError(field, "expected text")
    return value


def _examples(task: str) -> str:
    """What stands before a task's questions: what is to be done, and three worked examples."""
    return packaged(f"prompts/bbh/{task}.txt").partition("-----\n")[2].strip()


# ---------------------------------------------------------------- asking


def _ask(item: Item, form: Form) -> Asked:
    text = item.data["text"]
    if form.protocol == "standard":
        sampling = Sampling(temperature=0.0, max_tokens=1024, stop=("</s>", "Q", "\n\n"))
        return Asked(text=text + "\n", sampling=sampling)
    sampling = Sampling(temperature=0.0, max_tokens=2048, stop=("\nQ:",))
    if form.protocol == "eurus-2024-09":
        return Asked(turns_2024_09(text), sampling=sampling)
    *messages, begun = turns_2024_04(text)
    return Asked(tuple(messages), sampling=Sampling(0.0, 1.0, 2048, ("\nQ:",), prefill=begun.content))


def turns_2024_04(text: str) -> tuple[Message, ...]:
    """A part a blank line: its last line is the assistant's. The last of all is the start of the answer."""
    task, *parts = text.split("\n\n")
    turns = []
    for part in parts:
        *question, answer = part.split("\n")
        turns += [Message("user", "\n".join(question)), Message("assistant", answer)]
    return (Message("user", f"{_HEAD}{task}\n{turns[0].content}"), *turns[1:])


def turns_2024_09(text: str) -> tuple[Message, ...]:
    """Question by question; the last one waits for its answer."""
    task, *parts = text.split("\n\nQ: ")
    turns = []
    for part in parts:
        question, _, answer = part.partition(_LEAD)
        turns += [Message("user", f"Q: {question}".strip()), Message("assistant", f"{_LEAD}{answer}".strip())]
    return (Message("user", f"{_HEAD}{task}\n{turns[0].content}"), *turns[1:-1])


# ---------------------------------------------------------------- grading


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    response, target = responses[-1], item.problem.answer
    if form.protocol == "standard":
        answer = standard_answer(response)
        outcome, why = ("correct", "equal") if answer == target else ("wrong", "differs")
        return Grade(Verdict(outcome, why, answer))  # type: ignore[arg-type]
    # The start that the request gave is not searched: it was not generated.
    response = response.lstrip()
    if form.protocol == "eurus-2024-04":
        response = response.removeprefix(_LEAD).lstrip()
    grade = await grade_answer(bench, item, response.split("Q:")[0].strip(), "paper-bbh")
    return Grade(grade.verdict, {"startswith": float(response.startswith(target))})


def standard_answer(response: str) -> str:
    """What follows the first "the answer is " on its line, without the line's last character."""
    found = _ANSWER.search(response)
    return found[1].strip() if found else "[invalid]"


BBH = Benchmark(
    name="bbh",
    published=Published("lukaemon/bbh", "test", TASKS, ("bbh",), ("bbh", "test_prompts.json", "test_prompts.jsonl")),
    read=_read,
    rows=6511,
    ask=_ask,
    grade=_grade,
    reference=lambda item, form: f"So the answer is {item.problem.answer}.",
    groups=("task",),
    equal="exact",
    shots=dict.fromkeys(PROTOCOLS, 3),
)
