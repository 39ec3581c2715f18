"""Rows of any form, or a forest, without what overlaps with test sets.

In:  rows (files, a folder, a hub id) or a forest's directory; test sets.
Out: `rows/` with the cleaned files in their own format, or a cleaned copy of the forest; `removed.jsonl`: each row or
problem that went, the row of each test set that it overlaps with, and what they share; `set_aside.jsonl`: rows that
can't be read or hold no known instruction, which go too.
Always true: all rows of one problem, with a tool and without, go or stay together.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.export.files import row_writer
from preftree.forest import Forest
from preftree.forest.thinning import copy_without as copy_forest_without
from preftree.problems.decontaminate import Contamination, Instruction, Overlap
from preftree.problems.instructions import Asked, asked
from preftree.problems.places import Place, place_files, values
from preftree.problems.testsets import ReadTests, TestSource, read_tests
from preftree.problems.thinning import copy_without
from preftree.progress import progress
from preftree.recipe.grown import copy_grown
from preftree.recipe.runner import Context
from preftree.recipe.settings import typed
from preftree.records import to_json

# Instructions that are looked up together.
_AT_ONCE = 2000
_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Settings:
    rows: str  # a forest's directory; a file or folder of rows; a hub id
    tests: Any = None  # a path, a list of paths, or names with {path, task, field, rule} each
    split: str = "train"  # of a hub id, or of a saved data set
    config: str = ""  # of a hub id
    ngram: int = 8  # how many successive words prove an overlap


@dataclass(slots=True)
class _Found:
    """What the first pass keeps: where rows stand and which are of one problem, never their text."""

    keys: dict[bytes, int] = field(default_factory=dict)  # a problem's key → its number
    numbers: list[int] = field(default_factory=list)  # the problem of each row; -1: set aside
    names: list[str] = field(default_factory=list)  # the id of each row
    overlaps: dict[int, tuple[Overlap, ...]] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)

    def removed(self) -> dict[int, int]:
        """Each row that goes → the first row of its problem that overlaps."""
        because: dict[int, int] = {}
        for row in self.overlaps:
            because.setdefault(self.numbers[row], row)
        return {row: because[number] for row, number in enumerate(self.numbers) if number in because}


def run(settings: Settings, context: Context) -> dict[str, Any]:
    if settings.ngram < 1:
        raise InputError(f"decontaminate: ngram: expected at least 1, got {settings.ngram}")
    tests = _tests(settings.tests)
    index = Contamination(tests.sets, settings.ngram)
    if (Path(settings.rows) / "forest.sqlite").is_file():
        counts = _clean_forest(Path(settings.rows), index, context)
    else:
        counts = _clean_rows(Place(settings.rows, settings.split, settings.config), index, context)
    found = counts.pop("by_tests")
    by_tests = {
        one.name: {
            "task": one.task,
            "rule": one.rule,
            "texts": len(one.texts),
            "overlapping": found[one.name],
        }
        for one in tests.sets
    }
    return counts | {
        "tests": by_tests,
        "no_test_sets": list(tests.passed_over),
        "test_rows_without_text": dict(tests.rows_without_text),
    }


def _tests(given: Any) -> ReadTests:
    """The test sets that the settings name."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and given and all(isinstance(path, str) for path in given):
        sources = [TestSource(path) for path in given]
    elif isinstance(given, dict) and given:
        for name, section in given.items():
            if not isinstance(section, dict):
                raise InputError(f"decontaminate: tests.{name}: expected settings such as {{path: FILE, task: Math}}")
        sources = [
            typed(TestSource, {"name": name} | section, f"decontaminate: tests.{name}")
            for name, section in given.items()
        ]
    else:
        raise InputError("decontaminate: tests: expected a path, a list of paths, or names with {path, task, field}")
    read = [read_tests(source) for source in sources]
    return ReadTests(
        tuple(one for part in read for one in part.sets),
        tuple(name for part in read for name in part.passed_over),
        tuple(pair for part in read for pair in part.rows_without_text),
    )


def _clean_rows(place: Place, index: Contamination, context: Context) -> dict[str, Any]:
    files = place_files(place)
    for file in files:
        if not file.name.endswith(_ENDINGS):
            raise InputError(f"{file}: expected {', '.join(_ENDINGS)}; save the data set in one of them")
    found, where = _Found(), []
    with progress("decontaminating", None, "rows") as bar:

        def rows() -> Iterator[tuple[Asked | None, str]]:
            for file in files:
                for value in values(Place(str(file))):
                    where.append((file.name, value.number))
                    bar.advance(1)
                    yield asked(value.content), value.broken or "no known field holds an instruction"

        _first_pass(rows(), index, found)
    removed = found.removed()
    (context.out / "rows").mkdir(exist_ok=True)
    for file in files:
        left_out = {where[row][1] for row in (*removed, *found.broken) if where[row][0] == file.name}
        copy_without(file, context.out / "rows" / file.name, left_out)
    shown = [{"file": file, "row": number} for file, number in where]
    return _write(found, removed, shown, "rows", context.out) | {"out": str(context.out / "rows")}


def _clean_forest(directory: Path, index: Contamination, context: Context) -> dict[str, Any]:
    with Forest(directory, readonly=True) as forest:
        problems = forest.problems()
    found = _Found()
    _first_pass(((asked(to_json(problem)), "empty instruction") for problem in problems), index, found)
    removed = found.removed()
    left_out = [problems[row].id for row in (*removed, *found.broken)]
    copy_forest_without(directory, context.out, left_out)
    copy_grown(directory, context.out)
    shown = [{"problem": problem.id, "dataset": problem.dataset} for problem in problems]
    return _write(found, removed, shown, "problems", context.out) | {"out": str(context.out)}


def _first_pass(rows: Iterator[tuple[Asked | None, str]], index: Contamination, found: _Found) -> None:
    while batch := list(islice(rows, _AT_ONCE)):
        first = len(found.numbers)
        for row, (one, why) in enumerate(batch, start=first):
            if one is None:
                found.broken[row] = why
                found.numbers.append(-1)
                found.names.append("")
            else:
                key = hashlib.blake2b(one.key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
                found.numbers.append(found.keys.setdefault(key, len(found.keys)))
                found.names.append(one.id)
        texts = [Instruction("") if one is None else Instruction(one.text, one.task) for one, _ in batch]
        for row, overlaps in enumerate(index.overlaps(texts), start=first):
            if overlaps:
                found.overlaps[row] = overlaps


def _write(found: _Found, removed: dict[int, int], shown: list[dict[str, Any]], what: str, out: Path) -> dict[str, Any]:
    """The two lists, and the counts of the report."""
    by_tests: Counter[str] = Counter()
    with row_writer(out / "removed.jsonl") as writer:
        for row, because in removed.items():
            overlaps = found.overlaps.get(row, ())
            by_tests.update(overlap.tests for overlap in overlaps)
            evidence: dict[str, Any] = {"overlaps": [to_json(overlap) for overlap in overlaps]}
            if not overlaps:
                evidence["same_problem_as"] = shown[because]
            name = {"id": found.names[row]} if found.names[row] and what == "rows" else {}
            writer.write(shown[row] | name | evidence)
        writer.finish()
    with row_writer(out / "set_aside.jsonl") as writer:
        for row, why in found.broken.items():
            writer.write(shown[row] | {"why": why})
        writer.finish()
    total = len(found.numbers)
    return {
        "what": what,
        "read": total,
        "kept": total - len(removed) - len(found.broken),
        "removed": len(removed),
        "removed_with_their_problem": len(removed) - len(found.overlaps),
        "set_aside": len(found.broken),
        "by_tests": by_tests,
    }
