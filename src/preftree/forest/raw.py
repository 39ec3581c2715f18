"""The trees of a forest as plain JSON, with what became of all their actions: for one quick pass over many.

In:  a forest's directory. Out: for each finished tree its record and, turn by turn, every action that was drawn in it.
Always true: nothing is held but the tree at hand. Typed records cost several times as much (`Forest.trees`), and so
would the whole JSON of actions, of which SQLite picks the four fields that are counted.
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

_DRAWN = "SELECT tree, turn, json_extract(record, '$.stage', '$.actor', '$.sample', '$.verdict.outcome') FROM actions"


@dataclass(frozen=True, slots=True)
class Drawn:
    """An action, chosen or not. `outcome` is None where it was never judged."""

    stage: str
    actor: str
    sample: int
    outcome: str | None


@dataclass(frozen=True, slots=True)
class RawTree:
    """`tree` is the JSON of a `Tree`; `drawn` holds for each turn its actions in their order."""

    tree: dict[str, Any]
    drawn: list[list[Drawn]]


def raw_trees(directory: Path) -> Iterator[RawTree]:
    """In the order of the trees' ids, so that both tables are read from end to end."""
    with Forest(directory, readonly=True) as forest:
        file = forest.file
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")  # both tables as they stood at one moment
        rows = connection.execute(f"{_DRAWN} ORDER BY tree, turn, place")
        by_tree = groupby(rows, key=lambda row: row[0])
        at, actions = next(by_tree, (None, iter(())))
        for name, record in connection.execute("SELECT id, record FROM trees ORDER BY id"):
            while at is not None and at < name:
                at, actions = next(by_tree, (None, iter(())))  # of a tree that is not finished
            drawn: list[list[Drawn]] = []
            if at == name:
                for turn, group in groupby(actions, key=lambda row: int(row[1])):
                    drawn += [[] for _ in range(turn - len(drawn))]
                    drawn.append([Drawn(*json.loads(action)) for _, _, action in group])
            yield RawTree(json.loads(record), drawn)
    except sqlite3.Error as fault:
        raise ForestError(f"{file}: can't be read ({fault})") from fault
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Spending:
    """The answered calls of one tree in one role and stage. `seconds` is the time between asking and the answer."""

    tree: str
    role: str
    stage: str
    actor: str
    calls: int
    input_tokens: int
    output_tokens: int
    price_usd: float
    seconds: float


def spending(directory: Path) -> list[Spending]:
    """What each tree took, by role and stage: for forests of the size of a pilot."""
    return _spending(directory, by_tree=True)


def spending_by_stage(directory: Path) -> list[Spending]:
    """What all trees took together, by role and stage; their `tree` is empty."""
    return _spending(directory, by_tree=False)


def _spending(directory: Path, *, by_tree: bool) -> list[Spending]:
    sums: dict[tuple[str, str, str, str], list[float]] = {}
    for key, actor, *spent in _read(
        directory,
        "SELECT key, actor, 1, input_tokens, output_tokens, price_usd, answered - sent FROM calls "
        "WHERE answered IS NOT NULL",
    ):
        tree, _, role, stage, *_ = key.split("/")
        held = sums.setdefault((tree if by_tree else "", role, stage, actor), [0.0] * 5)
        held[:] = [a + b for a, b in zip(held, spent, strict=True)]
    return [
        Spending(tree, role, stage, actor, int(calls), int(read), int(written), usd, seconds)
        for (tree, role, stage, actor), (calls, read, written, usd, seconds) in sums.items()
    ]


_WRITTEN = "SELECT json_extract(record, '$.actor', '$.output_tokens', '$.truncated') FROM actions"


def written_actions(directory: Path) -> Iterator[tuple[str, int, bool]]:
    """(actor, output tokens, cut off) of each action that a model wrote, chosen or not."""
    for (record,) in _read(directory, _WRITTEN):
        actor, tokens, truncated = json.loads(record)
        if tokens:
            yield actor, int(tokens), bool(truncated)


def _read(directory: Path, query: str) -> Iterator[tuple[Any, ...]]:
    with Forest(directory, readonly=True) as forest:
        file = forest.file
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    try:
        yield from connection.execute(query)
    except sqlite3.Error as fault:
        raise ForestError(f"{file}: can't be read ({fault})") from fault
    finally:
        connection.close()
