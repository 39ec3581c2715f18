"""Published rows to items, and where they are looked for; and the texts that come with the package.

In:  where rows lie, and a function from a row to an item. Out: the items in the order of the rows.
Always true: a missing file is an InputError that names it and what was expected; a row that can't be used is set aside
with its file, number and field, and counted, never dropped in silence; an id that comes twice is set aside.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

from preftree.errors import InputError
from preftree.evaluate.benchmark import Item, Published, Read
from preftree.problems.places import Place, Value, values
from preftree.problems.rows import BadRowError, Row

# A folder of data sets by name, where none is given in the settings.
DATA_VARIABLE = "PREFTREE_DATA"

Made = TypeVar("Made")
Rows = TypeVar("Rows", covariant=True)


class Readable(Protocol[Rows]):
    """A benchmark, of models or of reward models."""

    @property
    def name(self) -> str: ...

    @property
    def published(self) -> Published: ...

    @property
    def read(self) -> Callable[[str | None, Published], Rows]: ...


def read_from(benchmark: Readable[Rows], data: str | None) -> Rows:
    """A benchmark's rows, of `data`, $PREFTREE_DATA or the hub. What is wrong is said with its name."""
    try:
        return benchmark.read(locate(benchmark.name, benchmark.published, data), benchmark.published)
    except InputError as fault:
        named = str(fault).startswith(f"{benchmark.name.partition(':')[0]}:")
        raise InputError(str(fault) if named else f"{benchmark.name}: {fault}") from fault


def files_of(benchmarks: Iterable[Readable[object]], data: str | None) -> dict[str, str]:
    """Where the rows of each lie, by what they are: the inputs of a stage. None for the hub's."""
    paths = {one.name: locate(one.name, one.published, data) for one in benchmarks}
    return {f"rows of {name}": path for name, path in paths.items() if path is not None}


def locate(name: str, published: Published, data: str | None) -> str | None:
    """The file or folder of a benchmark: `data` itself, or what a folder of data sets holds of it; None: the hub's."""
    given = data or os.environ.get(DATA_VARIABLE)
    if given is None:
        if not published.hub:
            expected = " or ".join(f"{folder}/{file}" for folder in published.folders for file in published.files)
            raise InputError(f"{name}: no hub has its rows; name a file or folder with data=… ({expected})")
        return None
    path = Path(given)
    if path.is_file():
        return str(path)
    if not path.is_dir():
        raise InputError(f"{name}: {given}: no such file or folder")
    roots = [path / folder for folder in published.folders] + [path]
    for root in roots:
        for file in published.files:
            if (root / file).exists():
                return str(root / file)
    expected = ", ".join(f"{folder}/{file}" for folder in published.folders for file in published.files)
    raise InputError(f"{name}: {given}: expected one of {expected} there")


def rows_of(path: str | None, published: Published) -> Iterator[Value]:
    """The raw rows: of a path, or of every config of the hub id."""
    for config in published.configs if path is None else ("",):
        yield from values(Place(path or published.hub, published.split, config))


def usable(rows: Iterable[Value], made_of: Callable[[Row, int], Made], aside: list[str]) -> Iterator[tuple[str, Made]]:
    """What is made of each row, with its file and number; what can't be used goes to `aside`. InputError for none.

    `made_of` takes a row and its place among the rows, from 0; it raises BadRowError.
    """
    count = 0
    for place, value in enumerate(rows):
        where = f"{value.file} row {value.number}"
        try:
            if value.broken or not isinstance(value.content, dict):
                raise BadRowError("", value.broken or f"expected a JSON object, got {type(value.content).__name__}")
            made = made_of(value.content, place)
        except BadRowError as bad:
            aside.append(f'{where}, field "{bad.field}": {bad.why}' if bad.field else f"{where}: {bad.why}")
            continue
        count += made is not None
        yield where, made
    if not count:
        raise InputError(f"no row can be used{', for one ' + aside[0] if aside else ''}")


def read_items(rows: Iterable[Value], item_of: Callable[[Row, int], Item | None]) -> Read:
    """As `usable`; None is a row that is no part of the benchmark (another split)."""
    items: dict[str, Item] = {}
    aside: list[str] = []
    for where, item in usable(rows, item_of, aside):
        if item is not None and item.id in items:
            aside.append(f"{where}: the id {item.id} a second time")
        elif item is not None:
            items[item.id] = item
    return Read(tuple(items.values()), tuple(aside))


@functools.cache
def packaged(path: str) -> str:
    """A text that comes with the package, every line end kept."""
    return (resources.files("preftree.evaluate") / path).read_text("utf-8")
