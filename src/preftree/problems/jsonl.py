"""Problems of one's own: a JSONL file.

In:  rows with `problem` (or `question`, `instruction`) and `answer` (or `reference`: text, or a list of several);
     optional: `id`, `rationale`, `program`, `verifier`, `task`, `tools`, `group`, `dataset`, and `tests` (an object
     with the fields of `records.Tests`), with which a row needs no answer.
Out: problems. An answer may be text, a number or true/false. Unknown fields are left alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast, get_args

from preftree.errors import InputError
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_rows, optional_field, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference, Task, Tests, from_json

_TASKS = get_args(Task)


def load_jsonl(settings: SourceSettings) -> Loaded:
    if settings.path is None:
        raise InputError("source jsonl: path: expected a JSONL file of problems")
    path = Path(settings.path)
    dataset = path.name.split(".")[0] or "own"
    return load_rows(published(settings, None), settings, lambda row: _problem(row, dataset, settings.split))


def _problem(row: Row, default_dataset: str, split: str) -> Problem:
    instruction = text_field(row, "problem", "question", "instruction")
    dataset = optional_field(row, "dataset") or default_dataset
    task = optional_field(row, "task") or ("Math_PoT" if row.get("tests") is None else "Coding")
    if task not in _TASKS:
        raise BadRowError("task", f"expected one of {', '.join(_TASKS)}, got {task}")
    tests = _tests(row)
    identity = optional_field(row, "id") or question_id(dataset, instruction)
    return Problem(
        id=identity,
        dataset=dataset,
        task=cast(Task, task),
        instruction=instruction,
        references=() if tests and not _answered(row) else _references(row),
        verifier=optional_field(row, "verifier") or ("code" if tests else "math"),
        tools=_tools(row, task),
        group=optional_field(row, "group") or identity,
        split=split,
        tests=tests,
    )


def _tests(row: Row) -> Tests | None:
    if row.get("tests") is None:
        return None
    try:
        tests = from_json(Tests, row["tests"])
    except (ValueError, TypeError) as error:
        raise BadRowError("tests", str(error)) from error
    if not tests.code and not tests.cases:
        raise BadRowError("tests", "neither code nor cases")
    return tests


def _answered(row: Row) -> bool:
    return any(row.get(name) is not None for name in ("answer", "reference", "program"))


def _references(row: Row) -> tuple[Reference, ...]:
    rationale, program = optional_field(row, "rationale"), optional_field(row, "program")
    name = "answer" if row.get("answer") is not None else "reference"
    given = row.get(name)
    if isinstance(given, list):
        if not given:
            raise BadRowError(name, "an empty list")
        return tuple(_reference(item, name, rationale, program) for item in given)
    if given is None and program is not None and row.get("tests") is not None:
        return (Reference("", rationale, program),)
    return (Reference(text_field(row, "answer", "reference"), rationale, program),)


def _reference(item: Any, field: str, rationale: str | None, program: str | None) -> Reference:
    if isinstance(item, dict):
        answer = text_field(item, "answer", "reference")
        return Reference(answer, optional_field(item, "rationale"), optional_field(item, "program"))
    return Reference(text_field({field: item}, field), rationale, program)


def _tools(row: Row, task: str) -> tuple[str, ...]:
    tools = row.get("tools")
    if tools is None:
        return () if task == "Math_CoT" else ("python",)
    if not isinstance(tools, list) or not all(isinstance(tool, str) for tool in tools):
        raise BadRowError("tools", "expected a list of names")
    return tuple(tools)
