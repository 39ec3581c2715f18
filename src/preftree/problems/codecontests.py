"""CodeContests: problems of programming contests (Li et al., 2022, AlphaCode; CC BY 4.0).

In:  rows of the hub: name, description, public_tests, private_tests, generated_tests (each {input: […], output: […]}),
     solutions {language: […], solution: […]}, cf_contest_id, cf_index, time_limit.
Out: problems run from standard input to standard output, public cases first, with Python 3 solutions as references (a
row may have none). A problem of Codeforces is grouped by contest and index, so that TACO's copy of it is known.
What CodeContests can't say: whether other outputs would be right too; rows that read or write files are set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from preftree.problems.programs import bounded_cases, codeforces_group, references_of
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_large_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Tests

HUB = "deepmind/code_contests"
_PYTHON3 = 3
_TESTS = ("public_tests", "private_tests", "generated_tests")
# The incorrect solutions, most of the bytes of a row, are left unread.
_COLUMNS = ("name", "description", *_TESTS, "solutions", "cf_contest_id", "cf_index", "input_file", "output_file")


def load_codecontests(settings: SourceSettings) -> Loaded:
    rows = published(settings, HUB, columns=_COLUMNS)
    return load_large_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    instruction = text_field(row, "description")
    for name in ("input_file", "output_file"):
        if row.get(name):
            raise BadRowError(name, f"expected standard input and output, got the file {row[name]}")
    cases = bounded_cases(_cases(row))
    if not cases:
        raise BadRowError("public_tests", "no test, or none that is small enough")
    identity = question_id("codecontests", instruction)
    contest, index = row.get("cf_contest_id"), row.get("cf_index")
    return Problem(
        id=identity,
        dataset="codecontests",
        task="Coding",
        instruction=instruction,
        references=references_of(_solutions(row)),
        verifier="code",
        group=codeforces_group(contest, str(index)) if contest and index else identity,
        split=split,
        tests=Tests(cases=cases),
    )


def _cases(row: Row) -> Iterator[tuple[str, str]]:
    for name in _TESTS:
        tests = row.get(name) or {}
        yield from _columns(tests, name, "input", "output")


def _solutions(row: Row) -> Iterator[str]:
    solutions = row.get("solutions") or {}
    for language, solution in _columns(solutions, "solutions", "language", "solution"):
        if language == _PYTHON3:
            yield solution


def _columns(value: Any, field: str, one: str, two: str) -> Iterator[tuple[Any, str]]:
    """The pairs of two lists that stand side by side."""
    lists = [value.get(name) or [] for name in (one, two)] if isinstance(value, dict) else []
    if len(lists) != 2 or not all(isinstance(items, list) for items in lists) or len(lists[0]) != len(lists[1]):
        raise BadRowError(field, f"expected lists {one} and {two} of one length")
    if not all(isinstance(item, str) for item in lists[1]):
        raise BadRowError(field, f"expected texts in {two}")
    yield from zip(*lists, strict=True)
