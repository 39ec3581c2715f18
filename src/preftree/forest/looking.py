"""One tree at a time out of a forest of any size, for who looks rather than counts.

In:  a forest's directory. Out: a tree with every action that was drawn for it, and what its calls took.
Always true: nothing is written; each look is by an index, so that its time doesn't grow with the forest.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import ForestError
from preftree.forest.forest import Forest
from preftree.records import Action, Tree, from_json


@dataclass(frozen=True, slots=True)
class CallCost:
    """An answered call: where it stands in its tree, who answered, and what it took."""

    turn: int
    role: str
    stage: str
    sample: int
    actor: str
    input_tokens: int
    output_tokens: int
    price_usd: float


@dataclass(frozen=True, slots=True)
class SeenTree:
    """`drawn` holds all actions of each turn, chosen or not."""

    tree: Tree
    drawn: tuple[tuple[Action, ...], ...]
    calls: tuple[CallCost, ...]


class Looker:
    """Opens a forest for reading; used from one thread at a time."""

    def __init__(self, directory: Path) -> None:
        with Forest(directory, readonly=True) as forest:  # refuses what is no forest, and other versions
            self.file = forest.file
        self._connection = sqlite3.connect(
            f"file:{self.file}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )

    def close(self) -> None:
        self._connection.close()

    def count(self) -> int:
        return int(self._rows("SELECT COUNT(*) FROM trees")[0][0])

    def new_trees(self, after: int) -> Iterator[tuple[int, str, int, Tree]]:
        """Trees finished after the row number `after`, as (row number, id, place, tree)."""
        statement = "SELECT rowid, id, seq, record FROM trees WHERE rowid > ? ORDER BY rowid"
        for row, name, seq, record in self._connection.execute(statement, (after,)):
            yield int(row), str(name), int(seq), from_json(Tree, json.loads(record))

    def see(self, name: str) -> SeenTree | None:
        """A tree by its id; None if there is none."""
        found = self._rows("SELECT record FROM trees WHERE id = ?", name)
        if not found:
            return None
        tree = from_json(Tree, json.loads(found[0][0]))
        drawn: list[list[Action]] = [[] for _ in tree.turns]
        for turn, record in self._rows("SELECT turn, record FROM actions WHERE tree = ? ORDER BY turn, place", name):
            if turn < len(drawn):
                drawn[turn].append(from_json(Action, json.loads(record)))
        return SeenTree(tree, tuple(tuple(actions) for actions in drawn), tuple(self.calls(name)))

    def calls(self, name: str) -> Iterator[CallCost]:
        """The answered calls of a tree. Keys begin with the tree's id, so their own index finds them."""
        rows = self._rows(
            "SELECT key, actor, input_tokens, output_tokens, price_usd FROM calls "
            "WHERE key >= ?1 || '/' AND key < ?1 || '0' AND answered IS NOT NULL",
            name,
        )
        for key, actor, read, written, price in rows:
            _, turn, role, stage, sample, _ = key.rsplit("/", 5)
            yield CallCost(int(turn), role, stage, int(sample), actor, read, written, price)

    def _rows(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as fault:
            raise ForestError(f"{self.file}: can't be read ({fault})") from fault
