"""TabMWP: word problems about a table (Lu et al., 2023; CC BY-NC-SA 4.0: not commercial). Grades 4 and 5 only.

In:  the published object of rows by id: question, choices, answer, unit, table_title, table, solution, grade; or rows
     of the same fields. A folder is read without its `splits.json`.
Out: problems that carry their table, with the answer and the solution as its reasons. An answer among choices is judged
as words, another one as a number. The paper grows them with a tool only.
"""

from __future__ import annotations

from collections.abc import Iterator

from preftree.errors import InputError
from preftree.problems.places import Place, Value, file_values, place_files, read_json
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, PassedOverError, Row, list_field, load_rows, optional_field, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

_GRADES = ("4", "5")


def load_tabmwp(settings: SourceSettings) -> Loaded:
    if settings.path is None:
        raise InputError("source tabmwp: path: expected problems_train.json as published, or its folder")
    rows = _values(Place(settings.path, settings.split, settings.config))
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _values(place: Place) -> Iterator[Value]:
    for file in place_files(place):
        if file.name.startswith("splits."):
            continue
        content = read_json(file) if file.name.endswith((".json", ".json.gz")) else None
        if isinstance(content, dict):
            for number, row in enumerate(content.values(), start=1):
                yield Value(file.name, number, row)
        else:
            yield from file_values(file)


def _problem(row: Row, split: str) -> Problem:
    if text_field(row, "grade") not in _GRADES:
        raise PassedOverError("grades other than 4 and 5")
    question, answer, choices = text_field(row, "question"), text_field(row, "answer"), list_field(row, "choices")
    if choices and answer not in choices:
        raise BadRowError("answer", f"expected one of the choices {', '.join(choices)}, got {answer}")
    title = optional_field(row, "table_title") if row.get("table_title") else None
    unit = optional_field(row, "unit") if row.get("unit") else None
    parts = [
        f"Table: {title}" if title else "Table:",
        text_field(row, "table"),
        f"Question: {question}",
        "Choices:\n" + "\n".join(f"- {choice}" for choice in choices) if choices else "",
        f"(Unit: {unit})" if unit else "",
    ]
    instruction = "\n".join(part for part in parts if part)
    identity = question_id("tabmwp", instruction)
    return Problem(
        id=identity,
        dataset="tabmwp",
        task="Math_PoT",
        instruction=instruction,
        references=(Reference(answer, optional_field(row, "solution")),),
        verifier="short" if choices else "number",
        group=identity,
        split=split,
    )
