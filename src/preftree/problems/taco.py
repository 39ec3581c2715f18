"""TACO: problems of contests and exercise sites (Li et al., 2023; Apache-2.0, the problems under their sites' terms).

In:  rows of the hub, whose values are JSON written as text: question, solutions (a list), starter_code, input_output
     ({inputs, outputs} and, where a function is asked for, fn_name), url. A folder may hold `output_spj.jsonl`, which
     says of which rows (counted from 0) a program of its own must judge the output: these are set aside.
Out: problems with cases from standard input to standard output, or with test code that calls the function or the
method of `Solution`. A row without tests gets empty `Tests`, whose inputs have yet to be written, if it has a solution.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from preftree.problems.places import Value, file_values
from preftree.problems.programs import (
    MOST_CASES,
    MOST_CHARS,
    bounded_cases,
    group_of_url,
    is_python,
    reads_input,
    references_of,
    with_typing,
)
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_large_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference, Tests

HUB = "BAAI/TACO"
_SPECIAL = "output_spj.jsonl"
_COLUMNS = ("question", "solutions", "starter_code", "input_output", "url")
# Runs beside the tests. A published output may be wrapped in a list of one; a program may give a tuple where a list was
# published, and a float a little off.
_SAME = """\
from math import isclose


def agrees(given, wanted):
    if isinstance(given, (list, tuple)) and isinstance(wanted, list):
        return len(given) == len(wanted) and all(map(agrees, given, wanted))
    if isinstance(given, dict) and isinstance(wanted, dict):
        given = {str(key): value for key, value in given.items()}
        return given.keys() == wanted.keys() and all(agrees(given[key], wanted[key]) for key in wanted)
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, float) or isinstance(wanted, float):
        numbers = isinstance(given, (int, float)) and isinstance(wanted, (int, float))
        return numbers and isclose(given, wanted, rel_tol=1e-6, abs_tol=1e-6)
    return given == wanted


def same(given, *wanted):
    return any(agrees(given, value) for value in wanted)
"""


def load_taco(settings: SourceSettings) -> Loaded:
    return load_large_rows(_rows(settings), settings, lambda row: _problem(row, settings.split))


def _rows(settings: SourceSettings) -> Iterator[Value]:
    """The rows, those of the list marked as broken."""
    special: set[Any] = set()
    at = 0
    listing = Path(settings.path or "") / _SPECIAL
    if settings.path and listing.is_file():
        rows = (value.content for value in file_values(listing))
        special = {row.get("idx") for row in rows if isinstance(row, dict) and row.get("special_judge") is True}
    for value in published(settings, HUB, configs=("ALL",), columns=_COLUMNS):
        if value.file == _SPECIAL:
            continue
        if at in special:
            value = Value(value.file, value.number, None, f"{_SPECIAL} says that its output needs a judge of its own")
        at += 1
        yield value


def _problem(row: Row, split: str) -> Problem:
    question = text_field(row, "question")
    solutions = _solutions(row)
    references = references_of(solutions)
    given = _json(row, "input_output") or {}
    if not isinstance(given, dict):
        raise BadRowError("input_output", f"expected a JSON object, got {type(given).__name__}")
    name = given.get("fn_name")
    starter = str(row.get("starter_code") or "").replace("\r\n", "\n").rstrip()
    tests = _tests(given, name, starter, solutions, references)
    instruction = _with_starter(question, name, starter) if name else question
    identity = question_id("taco", instruction)
    return Problem(
        id=identity,
        dataset="taco",
        task="Coding",
        instruction=instruction,
        references=references,
        verifier="code",
        group=group_of_url(str(row.get("url") or "")) or identity,
        split=split,
        tests=tests,
    )


def _tests(
    given: dict[str, Any], name: Any, starter: str, solutions: list[str], references: tuple[Reference, ...]
) -> Tests:
    inputs, outputs = given.get("inputs") or [], given.get("outputs") or []
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise BadRowError("input_output", "expected lists inputs and outputs of one length")
    if not inputs:
        if name is not None:
            raise BadRowError("input_output", f"no test for the function {name}")
        if not references:
            raise BadRowError("input_output", "no test, and no solution in Python 3 from which outputs could be made")
        return Tests()
    if name is not None:
        return _function_tests(name, starter, solutions, inputs, outputs)
    if any(_lines(given).strip() for given in inputs) and not any(map(reads_input, solutions)) and solutions:
        raise BadRowError("input_output", "inputs for standard input, which no solution reads")
    cases = bounded_cases((_lines(one), _lines(two)) for one, two in zip(inputs, outputs, strict=True))
    if not cases:
        raise BadRowError("input_output", "no test that is small enough")
    return Tests(cases=cases)


def _function_tests(name: Any, starter: str, solutions: list[str], inputs: list[Any], outputs: list[Any]) -> Tests:
    """Test code: one assertion a case."""
    if not isinstance(name, str) or not name.isidentifier():
        raise BadRowError("input_output", f"fn_name: expected the name of a function, got {name!r:.40}")
    in_class = "class Solution" in (starter or "\n".join(solutions))
    callee = f"Solution().{name}" if in_class else name
    lines: list[str] = []
    room = MOST_CHARS
    for args, wanted in zip(inputs, outputs, strict=True):
        if not isinstance(args, list):
            raise BadRowError("input_output", f"expected a list of arguments of {name}, got {type(args).__name__}")
        if not (_finite(args) and _finite(wanted)):
            continue
        # APPS and TACO write an output as it is, or as a list of one; which, only the program's answer tells.
        either = f"{wanted!r}, {wanted[0]!r}" if isinstance(wanted, list) and len(wanted) == 1 else repr(wanted)
        line = f"assert same({callee}({', '.join(map(repr, args))}), {either})"
        if len(line) <= room and len(lines) < MOST_CASES:
            lines.append(line)
            room -= len(line)
    if not lines:
        raise BadRowError("input_output", "no test that is small enough, or none of plain values")
    return Tests(code="\n".join(lines), names=("Solution" if in_class else name,), prelude=_SAME)


def _with_starter(question: str, name: str, starter: str) -> str:
    """The question with the signature that the tests rely on."""
    if name not in starter:
        return f"{question}\n\nName the function `{name}`."
    # Most starters end where the body should begin.
    last = starter.splitlines()[-1]
    body = "\n" + " " * (len(last) - len(last.lstrip()) + 4) + "pass"
    whole = starter if is_python(starter) else starter + body
    if is_python(whole):
        starter = with_typing(whole).removesuffix(body)
    return f"{question}\n\nBegin with:\n{starter}"


def _solutions(row: Row) -> list[str]:
    solutions = _json(row, "solutions") or []
    if not isinstance(solutions, list) or not all(isinstance(item, str) for item in solutions):
        raise BadRowError("solutions", "expected a JSON list of texts")
    return solutions


def _json(row: Row, name: str) -> Any:
    """A value that was published as JSON in a text; a value that is none already is taken as it is."""
    value = row.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise BadRowError(name, f"no JSON: {error}") from error


def _lines(value: Any) -> str:
    """A published input or output as text; some are lists of lines."""
    if isinstance(value, list):
        return "\n".join(map(_lines, value))
    return value if isinstance(value, str) else repr(value)


def _finite(value: Any) -> bool:
    """Whether Python can write the value as a literal."""
    if isinstance(value, (list, dict)):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)
