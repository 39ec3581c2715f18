"""Published files to rows to problems: the part that every file source shares.

In:  a path, and a function from one row to a problem. Out: `Loaded`.
Always true: a file that is missing or unreadable is an InputError that names it; a row that is no JSON object, or
that the source's function refuses, is set aside with its file, row number (from 1) and field.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.problems.types import Loaded, SetAside, SourceSettings
from preftree.records import Problem

Row = dict[str, Any]


class BadRowError(ValueError):
    """A row can't be used: the field, and what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


def load_rows(path: Path, settings: SourceSettings, problem_of: Callable[[Row, int], Problem]) -> Loaded:
    """All rows as problems; then, where there is a limit, a seeded draw of them.

    The draw comes after the check: `limit` problems are `limit` usable ones. Ids that come twice are set aside.
    """
    problems: dict[str, Problem] = {}
    set_aside: list[SetAside] = []
    for number, item in _items(path):
        where = f"{path.name} row {number}"
        try:
            problem = problem_of(_object(item), number)
        except BadRowError as bad:
            set_aside.append(SetAside(f'{where}, field "{bad.field}"' if bad.field else where, bad.why))
            continue
        if problem.id in problems:
            set_aside.append(SetAside(where, f"the same problem as an earlier row ({problem.id})"))
            continue
        problems[problem.id] = problem
    if not problems:
        reason = f", for one {set_aside[0]}" if set_aside else ""
        raise InputError(f"{path}: no row can be used{reason}")
    return Loaded(tuple(_drawn(list(problems.values()), settings)), tuple(set_aside))


def text_field(row: Row, *names: str) -> str:
    """The first of these fields that the row has, as text; a number counts as text."""
    name = next((name for name in names if row.get(name) is not None), None)
    if name is None:
        raise BadRowError(names[0], "missing")
    value = row[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return repr(value)
    if not isinstance(value, str):
        raise BadRowError(name, f"expected text, got {type(value).__name__}")
    if not value.strip():
        raise BadRowError(name, "empty")
    return value.strip()


def code_field(row: Row, name: str) -> str:
    """A field that holds code: as `text_field`, but its indentation and last line end are kept."""
    text_field(row, name)
    return str(row[name]).replace("\r\n", "\n")


def list_field(row: Row, name: str) -> list[str]:
    """A list of texts; empty where the row hasn't it."""
    value = row.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRowError(name, "expected a list of texts")
    return [item.replace("\r\n", "\n") for item in value]


def optional_field(row: Row, name: str) -> str | None:
    """The same, or None where the row hasn't it."""
    return None if row.get(name) is None else text_field(row, name)


def _drawn(problems: list[Problem], settings: SourceSettings) -> list[Problem]:
    if settings.limit is None:
        return problems[settings.offset :]
    random.Random(f"draw {settings.seed}").shuffle(problems)
    return problems[settings.offset : settings.offset + settings.limit]


def _items(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows, numbered from 1: lines that are not blank, or the values of one JSON list."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and line.strip() == "[":
                    yield from enumerate(_list(path, line + file.read()), start=1)
                elif line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from error


def _list(path: Path, text: str) -> list[Any]:
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: begins as a JSON list, but is none: {error}") from error


def _object(item: Any) -> Row:
    try:
        row = json.loads(item) if isinstance(item, str) else item
    except (ValueError, RecursionError) as error:
        raise BadRowError("", f"no JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadRowError("", f"expected a JSON object, got {type(row).__name__}")
    return row
