"""The trees of a forest with all their actions, as plain JSON values: for one quick pass over many.

In:  a forest's directory. Out: for each finished tree its record and, turn by turn, every action that was drawn in it.
Always true: nothing is held but the tree at hand. Typed records cost several times as much (`Forest.trees`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from preftree.errors import ForestError
from preftree.forest.forest import Forest


@dataclass(frozen=True, slots=True)
class RawTree:
    """`tree` is the JSON of a `Tree`; `actions` holds for each turn the JSON of its `Action`s in their order."""

    tree: dict[str, Any]
    actions: list[list[dict[str, Any]]]


def raw_trees(directory: Path) -> Iterator[RawTree]:
    """In the order of the trees' ids, so that both tables are read from end to end."""
    with Forest(directory, readonly=True) as forest:
        file = forest.file
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")  # both tables as they stood at one moment
        rows = connection.execute("SELECT tree, turn, record FROM actions ORDER BY tree, turn, place")
        by_tree = groupby(rows, key=lambda row: row[0])
        at, actions = next(by_tree, (None, iter(())))
        for name, record in connection.execute("SELECT id, record FROM trees ORDER BY id"):
            while at is not None and at < name:
                at, actions = next(by_tree, (None, iter(())))  # of a tree that is not finished
            drawn: list[list[dict[str, Any]]] = []
            if at == name:
                for turn, group in groupby(actions, key=lambda row: int(row[1])):
                    drawn += [[] for _ in range(turn - len(drawn))]
                    drawn.append([json.loads(action) for _, _, action in group])
            yield RawTree(json.loads(record), drawn)
    except sqlite3.Error as fault:
        raise ForestError(f"{file}: can't be read ({fault})") from fault
    finally:
        connection.close()
