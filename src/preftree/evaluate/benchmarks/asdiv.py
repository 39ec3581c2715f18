"""ASDiv: diverse word problems of primary school, in text and with a program (Miao et al., 2020; CC BY-NC 4.0).

In:  LILA's asdiv.json, or its rows at the hub: the 618 instances of the test split, of which the paper's 84.1 is 520.
     They have no ids: an item's is its place among the test instances, from 0. Out: accuracy.
`standard` is lm-evaluation-harness's gsm8k_cot, as its asdiv asks another set of rows, and the rule `number`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from preftree.errors import InputError
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
from preftree.problems.places import Value, read_json
from preftree.problems.rows import BadRowError, Row, text_field
from preftree.records import Problem, Reference

_SPLIT = "test"


def _read(path: str | None, published: Published) -> Read:
    places = count()

    def item_of(row: Row, place: int) -> Item | None:
        if row.get("split", _SPLIT) != _SPLIT:
            return None
        identity = str(next(places))
        answer = _first(row, "Output Answer", "output_answer")
        question = text_field(row, "Input", "input")
        reference = Reference(answer, program=_first(row, "Output Program", "output_program"))
        verifier = "math" if ":" in answer else "number"
        problem = Problem(f"asdiv/{identity}", "asdiv", "Math_PoT", question, (reference,), verifier)
        return Item(identity, problem)

    return read_items(_rows(path, published), item_of)


def _rows(path: str | None, published: Published) -> Iterator[Value]:
    """LILA's own file is one object with its rows in a list; the hub has them one by one."""
    if path is None or not path.endswith((".json", ".json.gz")):
        yield from rows_of(path, published)
        return
    content = read_json(Path(path))
    instances = content.get("Instances") if isinstance(content, dict) else content
    if not isinstance(instances, list):
        raise InputError(f'{path}: expected an object with a list "Instances"')
    for number, instance in enumerate(instances, start=1):
        yield Value(Path(path).name, number, instance)


def _first(row: Row, *names: str) -> str:
    name = next((name for name in names if row.get(name) is not None), names[0])
    values = row.get(name)
    value = values[0] if isinstance(values, list) and values else values
    if not isinstance(value, str) or not value.strip():
        raise BadRowError(name, "expected a text, or a list that begins with one")
    return value.strip()


def _reference(item: Item, form: Form) -> str | None:
    reference = item.problem.references[0]
    if form.mode == "program":
        return as_program(reference.program) if reference.program else printing(reference.answer)
    return f"The answer is {reference.answer}.\n\\boxed{{{reference.answer}}}"


ASDIV = Benchmark(
    name="asdiv",
    published=Published("allenai/lila", _SPLIT, ("asdiv",), ("asdiv", "ASDiv"), ("asdiv.json", "asdiv.jsonl")),
    read=_read,
    rows=618,
    ask=ask_word_problem,
    grade=graded(no_scores),
    reference=_reference,
    modes=MODES,
    shots={"standard": 8},
)
