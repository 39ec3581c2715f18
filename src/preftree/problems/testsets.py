"""Test sets from files, for decontamination: each row's text, by known fields.

In:  a file, a folder of one test set, a folder whose subfolders are test sets by name, or a hub id.
Out: `TestSet`s with the task and the rule that the paper gives them.
Always true: a set without any text is refused; a row without a known field is counted, never guessed at; no row is
ever written anywhere.

Files: .json, .jsonl, .csv (each also .gz) and .parquet. MMLU's files have no header: their first column is the text.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.problems.decontaminate import Rule, TestSet, TestText
from preftree.problems.places import Place, place_files

# The fields of a row that together are its text: the first of these that a row has. Benchmarks in this order: SVAMP;
# TheoremQA; MATH; GSM8K and most others; HumanEval, LeetCode, IFEval, MINT; LLMBar, BBH; ASDiv; MBPP; MT-Bench.
_FIELDS = (
    ("Body", "Question"), ("Question",), ("problem",), ("Problem",), ("question",), ("prompt",), ("instruction",),
    ("input",), ("Input",), ("text",), ("turns",),
)  # fmt: skip
Fields = tuple[tuple[str, ...], ...]
_ENDINGS = (".json", ".jsonl", ".csv", ".parquet", ".json.gz", ".jsonl.gz", ".csv.gz")


@dataclass(frozen=True, slots=True)
class Known:
    """A benchmark's task (none: it belongs to no one task, so that every instruction meets it) and its rule."""

    task: str = ""
    rule: Rule = "ngram"


BENCHMARKS: dict[str, Known] = {
    "humaneval": Known("Coding"),
    "mbpp": Known("Coding"),
    "leetcode": Known("Coding", "substring"),
    **{
        name: Known("Math")
        for name in ("gsm8k", "gsm8k_test", "gsm_plus", "math", "math500", "theoremqa", "svamp", "asdiv")
    },
    "bbh": Known("Logic"),
    **{name: Known() for name in ("mint", "ifeval", "mmlu", "mt_bench", "autoj", "rewardbench")},
}


@dataclass(frozen=True, slots=True)
class TestSource:
    """Where a test set lies. What is left empty is known by its name, or none."""

    __test__ = False  # no class of tests for pytest

    path: str
    name: str = ""  # by default the file's or folder's
    task: str | None = None  # Math, Coding, Logic; "": every instruction meets it
    field: str = ""  # the field that holds a row's text
    rule: str = ""  # "ngram" or "substring"


@dataclass(frozen=True, slots=True)
class ReadTests:
    """`passed_over` names subfolders that are no known test set; `rows_without_text` counts rows by test set."""

    sets: tuple[TestSet, ...]
    passed_over: tuple[str, ...] = ()
    rows_without_text: tuple[tuple[str, int], ...] = ()


def read_tests(source: TestSource) -> ReadTests:
    """One test set, or those of a folder's subfolders; InputError names what is missing."""
    path = Path(source.path)
    folders = [one for one in sorted(path.iterdir()) if one.is_dir()] if path.is_dir() else []
    known = [folder for folder in folders if _key(folder.name) in BENCHMARKS]
    if not known or source.name or source.field or _key(path.name) in BENCHMARKS:
        one, missing = _read_set(source)
        return ReadTests((one,), rows_without_text=((one.name, missing),) if missing else ())
    read = [_read_set(TestSource(str(folder), task=source.task, rule=source.rule)) for folder in known]
    return ReadTests(
        tuple(one for one, _ in read),
        tuple(folder.name for folder in folders if folder not in known),
        tuple((one.name, missing) for one, missing in read if missing),
    )


def _read_set(source: TestSource) -> tuple[TestSet, int]:
    path = Path(source.path)
    name = source.name or path.name.partition(".")[0] or path.name
    known = BENCHMARKS.get(_key(name), Known())
    rule = source.rule or known.rule
    if rule not in ("ngram", "substring"):
        raise InputError(f'test set {name}: rule: expected ngram or substring, got "{rule}"')
    fields = ((source.field,),) if source.field else _FIELDS
    texts: list[TestText] = []
    missing = 0
    for file in _files(path, source.path):
        shown = str(file.relative_to(path)) if path.is_dir() else file.name
        for number, row in enumerate(_rows(file, fields, headless=_key(name) == "mmlu"), start=1):
            found = list(_texts(row, fields))
            missing += not found
            texts += [TestText(f"{shown} row {number}", _statement(text, rule)) for text in found]
    if not texts:
        wanted = ", ".join(" + ".join(names) for names in fields)
        raise InputError(f"test set {name} ({source.path}): no row with a text in {wanted}; name its field")
    task = known.task if source.task is None else source.task
    return TestSet(name, tuple(texts), task, "substring" if rule == "substring" else "ngram"), missing


def _key(name: str) -> str:
    return name.casefold().replace("-", "_")


def _files(path: Path, named: str) -> list[Path]:
    if path.is_file() and not path.name.endswith(_ENDINGS):
        raise InputError(f"{path}: expected {', '.join(_ENDINGS)}")
    if path.is_dir():
        # Files that only show a format are no tests.
        files = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and file.name.endswith(_ENDINGS) and not file.name.startswith("schema_example")
        ]
        if not files:
            raise InputError(f"{path}: no {', '.join(_ENDINGS)} file there")
        return files
    return [path] if path.is_file() else place_files(Place(named, split="test"))


def _rows(file: Path, fields: Fields, *, headless: bool) -> Iterator[Any]:
    """The values of a file, which is read whole: test sets are small."""
    if file.suffix == ".parquet":
        import pyarrow.parquet

        yield from pyarrow.parquet.read_table(file).to_pylist()
        return
    try:
        raw = file.read_bytes()
        text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as fault:
        raise InputError(f"{file}: can't be read ({fault})") from fault
    if ".csv" in file.suffixes[-2:]:
        names = ["text"] if headless else None
        yield from (
            {key: value for key, value in row.items() if key} for row in csv.DictReader(io.StringIO(text), names)
        )
        return
    try:
        yield from _json(text, fields)
    except ValueError as fault:
        raise InputError(f"{file}: neither JSON nor JSON Lines ({fault})") from fault


def _json(text: str, fields: Fields) -> Iterator[Any]:
    """One value, whose rows are its items or stand deeper; or a value a line (some call that .json too)."""
    lines = text.strip().split("\n")
    try:
        first = json.loads(lines[0])
    except ValueError:
        first = None
    if isinstance(first, dict) and len(lines) > 1:
        yield from (json.loads(line) for line in lines if line.strip())
    else:
        yield from _deep(json.loads(text), fields)


def _deep(value: Any, fields: Fields, depth: int = 0) -> Iterator[Any]:
    """The rows of a value: the items of its list, or the objects with a known field that stand deeper."""
    if isinstance(value, list):
        for item in value:
            yield from _deep(item, fields, depth)
    elif isinstance(value, dict):
        if depth == 0 or _fields_of(value, fields):
            nested = () if _fields_of(value, fields) else tuple(_nested(value, fields))
            yield from nested or (value,)
        else:
            yield from _nested(value, fields)


def _nested(value: dict[str, Any], fields: Fields) -> Iterator[Any]:
    for item in value.values():
        if isinstance(item, (dict, list)):
            yield from _deep(item, fields, 1)


def _fields_of(row: dict[str, Any], fields: Fields) -> tuple[str, ...]:
    return next((names for names in fields if all(row.get(name) for name in names)), ())


def _texts(row: Any, fields: Fields) -> Iterator[str]:
    """The texts of a row: one, or one a turn."""
    values = [row[name] for name in _fields_of(row, fields)] if isinstance(row, dict) else []
    if len(values) == 1 and isinstance(values[0], list):
        for item in values[0]:
            text = item.get("content", item.get("value")) if isinstance(item, dict) else item
            if isinstance(text, str) and text.strip():
                yield text
    elif values and all(isinstance(value, str) for value in values) and "".join(values).strip():
        yield " ".join(values)


def _statement(text: str, rule: str) -> str:
    """LeetCode's rows are a docstring before the first lines of a program: what another set may hold is the former."""
    parts = text.split('"""')
    return parts[1] if rule == "substring" and len(parts) == 3 and not parts[0].strip() else text
