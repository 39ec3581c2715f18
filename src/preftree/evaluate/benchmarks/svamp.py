"""SVAMP: word problems that differ from one another in little, in text and with a program (Patel et al., 2021; MIT).

In:  all 1,000 published rows (SVAMP.json; the hub's two splits together), by their `ID`. Out: accuracy.
The question is asked as Eurus asks it, body and question joined by ". ". `standard` is lm-evaluation-harness's
gsm8k_cot, as the harness has no SVAMP, and the rule `number`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from preftree.evaluate.benchmark import Benchmark, Form, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import (
    MODES,
    as_program,
    ask_word_problem,
    graded,
    no_scores,
    printing,
)
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.places import Value
from preftree.problems.rows import Row, optional_field, text_field
from preftree.records import Problem, Reference

_HUB_SPLITS = ("train", "test")


def _item(row: Row, place: int) -> Item:
    identity = text_field(row, "ID")
    question = f"{text_field(row, 'Body')}. {text_field(row, 'Question')}"
    equation = optional_field(row, "Equation")
    reference = Reference(text_field(row, "Answer"), program=None if equation is None else f"print({equation})")
    problem = Problem(f"svamp/{identity}", "svamp", "Math_PoT", question, (reference,), "number")
    return Item(identity, problem, {"type": text_field(row, "Type")})


def _rows(path: str | None, published: Published) -> Iterator[Value]:
    for split in _HUB_SPLITS if path is None else ("",):
        yield from rows_of(path, replace(published, split=split))


def _read(path: str | None, published: Published) -> Read:
    return read_items(_rows(path, published), _item)


def _reference(item: Item, form: Form) -> str | None:
    reference = item.problem.references[0]
    if form.mode == "program":
        return as_program(reference.program) if reference.program else printing(reference.answer)
    return f"The answer is {reference.answer}.\n\\boxed{{{reference.answer}}}"


SVAMP = Benchmark(
    name="svamp",
    published=Published("ChilleD/SVAMP", "test", folders=("svamp", "SVAMP"), files=("SVAMP.json",)),
    read=_read,
    rows=1000,
    ask=ask_word_problem,
    grade=graded(no_scores),
    reference=_reference,
    modes=MODES,
    shots={"standard": 8},
    groups=("type",),
)
