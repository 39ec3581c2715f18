"""Published rows to problems: the part that every source of rows shares.

In:  where the rows lie, and a function from one row to a problem. Out: `Loaded`.
Always true: a file that is missing or unreadable is an InputError that names it; a row that is no JSON object, or
that the source's function refuses, is set aside with its file, row number (from 1) and field; a row that the source's
rule leaves out is counted under that rule.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from preftree.errors import InputError
from preftree.problems.places import Place, Value, values
from preftree.problems.types import Loaded, SetAside, SourceSettings
from preftree.records import Problem

Row = dict[str, Any]


class BadRowError(ValueError):
    """A row can't be used: the field, and what is wrong with it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field, self.why = field, why


class PassedOverError(Exception):
    """A sound row that the source's rule leaves out; its text names the rule."""


def published(
    settings: SourceSettings,
    hub: str | None,
    *,
    expected: str = "",
    configs: Sequence[str] = ("",),
    columns: Sequence[str] = (),
) -> Iterator[Value]:
    """The rows of a source: of its path, or of its hub id where it has one and no path is given.

    `configs` are those of the hub id that are read, one after the other; `columns` all that is read of Parquet files;
    `expected` says what a path must name, for a source without a hub id.
    """
    path = settings.path or hub
    if path is None:
        raise InputError(f"source {settings.name}: path: expected {expected}")
    if settings.config:
        configs = (settings.config,)
    elif path != hub:
        configs = ("",)
    for config in configs:
        yield from values(Place(path, settings.split, config), columns)


def load_rows(
    rows: Iterable[Value],
    settings: SourceSettings,
    problem_of: Callable[[Row], Problem],
    *,
    choose: Callable[[list[Problem]], list[Problem]] | None = None,
    rule: str = "",
) -> Loaded:
    """All rows as problems; then, where there is a limit, a seeded draw of them.

    The draw comes after the check: `limit` problems are `limit` usable ones. Ids that come twice are set aside.
    `choose` is a source's own choice among all usable problems, by `rule`; it orders them, and a limit takes the first.
    """
    read = _Read()
    problems = list(_usable(rows, problem_of, read))
    _refuse_nothing(read, settings)
    kept = choose(problems) if choose else problems if settings.limit is None else _shuffled(problems, settings.seed)
    if choose and len(kept) < len(problems):
        read.passed_over[rule] += len(problems) - len(kept)
    end = None if settings.limit is None else settings.offset + settings.limit
    return read.loaded(kept[settings.offset : end])


def load_large_rows(rows: Iterable[Value], settings: SourceSettings, problem_of: Callable[[Row], Problem]) -> Loaded:
    """The same for rows of many kilobytes: where there is a limit, no more problems than it wants are held at once.

    The draw is by a digest of seed and id, so it is known of each row alone.
    """
    read = _Read()
    found = _usable(rows, problem_of, read)
    if settings.limit is None:
        kept = list(found)[settings.offset :]
    else:
        wanted = settings.offset + settings.limit
        kept = heapq.nsmallest(wanted, found, key=lambda problem: _rank(settings.seed, problem.id))[settings.offset :]
    _refuse_nothing(read, settings)
    return read.loaded(kept)


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


@dataclass(slots=True)
class _Read:
    """What reading has met so far."""

    ids: set[str] = field(default_factory=set)
    set_aside: list[SetAside] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def loaded(self, problems: Sequence[Problem]) -> Loaded:
        return Loaded(tuple(problems), tuple(self.set_aside), tuple(self.passed_over.items()))


def _usable(rows: Iterable[Value], problem_of: Callable[[Row], Problem], read: _Read) -> Iterator[Problem]:
    """The problems one by one; `read` takes down what happened to the other rows."""
    for value in rows:
        where = f"{value.file} row {value.number}"
        try:
            problem = problem_of(_object(value))
        except BadRowError as bad:
            read.set_aside.append(SetAside(f'{where}, field "{bad.field}"' if bad.field else where, bad.why))
            continue
        except PassedOverError as rule:
            read.passed_over[str(rule)] += 1
            continue
        if problem.id in read.ids:
            read.set_aside.append(SetAside(where, f"the same problem as an earlier row ({problem.id})"))
            continue
        read.ids.add(problem.id)
        yield problem


def _refuse_nothing(read: _Read, settings: SourceSettings) -> None:
    if read.ids:
        return
    why = str(read.set_aside[0]) if read.set_aside else next(iter(read.passed_over), "")
    place = settings.path or f"source {settings.name}"
    raise InputError(f"{place}: no row can be used" + (f", for one {why}" if why else ": it holds none"))


def _object(value: Value) -> Row:
    if value.broken:
        raise BadRowError("", value.broken)
    if not isinstance(value.content, dict):
        raise BadRowError("", f"expected a JSON object, got {type(value.content).__name__}")
    return value.content


def _shuffled(problems: list[Problem], seed: int) -> list[Problem]:
    problems = list(problems)
    random.Random(f"draw {seed}").shuffle(problems)
    return problems


def _rank(seed: int, identity: str) -> bytes:
    return hashlib.sha256(f"draw {seed} {identity}".encode()).digest()
