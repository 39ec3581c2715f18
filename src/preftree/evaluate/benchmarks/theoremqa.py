"""TheoremQA: questions that need a theorem; numbers, lists, truth values and options for answers; in text and with a
program (Chen et al., 2023; MIT).

In:  800 published rows, by their `id`; the hub's have none, so there an item's is its place, from 0. The 53 questions
     with a picture are asked without it. Out: accuracy, also by type of answer.
Under both Eurus protocols the script is the paper's copy of TheoremQA's (`paper-theoremqa`): of a text what follows
"answer:" or stands in the last box, of a program's output what follows the last "is", "are", "be" or colon of its last
line. Its instructions for programs are a system message in 2024-04, part of the user message in 2024-09. `standard`:
TheoremQA's own prompt, marks as everywhere in preftree, the rule `theoremqa`; with a program UltraInteract's prompt.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from typing import Any

from preftree.engine import Sampling, opening
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import MODES, printing, prompt, tool, user
from preftree.evaluate.grading.answers import grade_answer
from preftree.evaluate.grading.programs import failed, grade_cell, output_of
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.rows import BadRowError, Row, optional_field, text_field
from preftree.records import Message, Problem, Reference
from preftree.verify import find_answer, match_answer

_STOP = ("Question:",)
_RULE = "paper-theoremqa"


# ---------------------------------------------------------------- rows


def _item(row: Row, place: int) -> Item:
    kind = text_field(row, "Answer_type").lower()
    identity = optional_field(row, "id") or str(place)
    question = text_field(row, "Question")
    reference = Reference(_answer(row.get("Answer"), kind))
    problem = Problem(f"theoremqa/{identity}", "theoremqa", "Math_PoT", question, (reference,), "theoremqa")
    return Item(identity, problem, {"answer_type": kind})


def _answer(value: Any, kind: str) -> str:
    """The reference as JSON has it; the hub has all of them as Python's text. An option is its letter in brackets."""
    if kind == "option":
        if not isinstance(value, str) or not value.strip():
            raise BadRowError("Answer", "expected an option such as (a)")
        return f"({value.strip().strip('()')})"
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise BadRowError("Answer", f"expected a {kind}, got {value!r}") from None
    wanted = bool if kind == "bool" else list if "list" in kind else (int, float)
    if not isinstance(value, wanted) or isinstance(value, bool) != (kind == "bool"):
        raise BadRowError("Answer", f"expected a {kind}, got {value!r}")
    return json.dumps(value)


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


# ---------------------------------------------------------------- asking


def _ask(item: Item, form: Form) -> Asked:
    question = f"Question: {item.problem.instruction}"
    if form.protocol == "standard":
        if form.mode == "program":
            return Asked(opening(item.problem), sampling=Sampling(0.0, max_tokens=1024))
        return user(f"{prompt('theoremqa')}{question}\nLet's think step by step.", 1024)
    if form.mode == "text":
        return user(prompt("boxed") + question, 1024, _STOP)
    instructions = tool() + prompt("forms")
    if form.protocol == "eurus-2024-09":
        return user(instructions + question, 1024, _STOP)
    messages = (Message("system", instructions), Message("user", question))
    return Asked(messages, sampling=Sampling(0.0, max_tokens=1024, stop=_STOP))


# ---------------------------------------------------------------- grading


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    response = responses[-1]
    if form.protocol == "standard":
        if form.mode == "program":
            return await grade_cell(bench, item, response, {})
        return await grade_answer(bench, item, find_answer(response, "Math_CoT"), item.problem.verifier)
    if form.mode == "text":
        return await grade_answer(bench, item, match_answer(response), _RULE)
    output = await output_of(bench, response, form.protocol)
    answer = extract_answer(output.text)
    if "exit()" in answer:
        answer = ""
    return failed(output, {}) or await grade_answer(bench, item, answer, _RULE)


def extract_answer(output: str) -> str:
    """Of the last line what follows its last "is", "be", "are" or word with a colon, without the full stop.

    Nothing is looked for in boxes here, in which the rule would: the script takes such a text for no Python, so that
    it is none for the rule either.
    """
    words: list[str] = []
    for word in reversed(output.strip().split("\n")[-1].split(" ")):
        if word in ("is", "be", "are") or word.endswith(":"):
            break
        words.append(word)
    answer = " ".join(reversed(words)).strip().strip(".")
    return answer.replace("\\boxed", "\\ boxed").replace("\\fbox", "\\ fbox")


def _reference(item: Item, form: Form) -> str | None:
    answer = item.problem.answer
    answer = answer.title() if answer in ("true", "false") else answer
    return printing(answer) if form.mode == "program" else f"Therefore, the answer is {answer}.\n\\boxed{{{answer}}}"


THEOREMQA = Benchmark(
    name="theoremqa",
    published=Published(
        "TIGER-Lab/TheoremQA",
        "test",
        folders=("theoremqa", "theorem_qa", "TheoremQA"),
        files=("theoremqa_test.json", "theorem_qa.json"),
    ),
    read=_read,
    rows=800,
    ask=_ask,
    grade=_grade,
    reference=_reference,
    modes=MODES,
    groups=("answer_type",),
)
