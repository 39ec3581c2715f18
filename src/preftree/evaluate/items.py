"""Published rows to items, and where they are looked for.

In:  where rows lie, and a function from a row to an item. Out: the items in the order of the rows.
Always true: a missing file is an InputError that names it and what was expected; a row that can't be used is set aside
with its file, number and field, and counted, never dropped in silence; an id that comes twice is set aside.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from preftree.errors import InputError
from preftree.evaluate.benchmark import Item, Published, Read
from preftree.problems.places import Place, Value, values
from preftree.problems.rows import BadRowError, Row

# A folder of data sets by name, where none is given in the settings.
DATA_VARIABLE = "PREFTREE_DATA"


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


def read_items(rows: Iterable[Value], item_of: Callable[[Row, int], Item | None]) -> Read:
    """`item_of` takes a row and its place among the rows, from 0; it raises BadRowError, or gives None for a row that
    is no part of the benchmark (another split)."""
    items: list[Item] = []
    aside: list[str] = []
    seen: set[str] = set()
    for place, value in enumerate(rows):
        where = f"{value.file} row {value.number}"
        try:
            if value.broken or not isinstance(value.content, dict):
                raise BadRowError("", value.broken or f"expected a JSON object, got {type(value.content).__name__}")
            item = item_of(value.content, place)
        except BadRowError as bad:
            aside.append(f'{where}, field "{bad.field}": {bad.why}' if bad.field else f"{where}: {bad.why}")
            continue
        if item is None:
            continue
        if item.id in seen:
            aside.append(f"{where}: the id {item.id} a second time")
            continue
        seen.add(item.id)
        items.append(item)
    if not items:
        raise InputError(f"no row can be used{', for one ' + aside[0] if aside else ''}")
    return Read(tuple(items), tuple(aside))
