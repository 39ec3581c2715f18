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
from typing import Any, TypeVar

from preftree.errors import ForestError
from preftree.forest.forest import Forest
from preftree.records import Action, Tree, digest, from_json

_Record = TypeVar("_Record", Tree, Action)


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
        address = f"{self.file.absolute().as_uri()}?mode=ro"  # a folder's name may hold ?, # and %
        self._state = self._file_state()
        self._connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        self._connection.close()

    @property
    def moved(self) -> bool:
        """Whether another file stands in this one's place: a forest that was removed and grown anew."""
        return self._file_state() != self._state

    def latest(self) -> int:
        """The row number of the tree that was finished last."""
        return int(self._rows("SELECT COALESCE(MAX(rowid), 0) FROM trees")[0][0])

    def count(self) -> int:
        return int(self._rows("SELECT COUNT(*) FROM trees")[0][0])

    def new_trees(self, after: int) -> Iterator[tuple[int, str, int, Tree]]:
        """Trees finished after the row number `after`, as (row number, id, place, tree)."""
        statement = "SELECT rowid, id, seq, record FROM trees WHERE rowid > ? ORDER BY rowid"
        try:
            for row, name, seq, record in self._connection.execute(statement, (after,)):
                yield int(row), str(name), int(seq), self._read(Tree, record, name)
        except sqlite3.Error as fault:
            raise ForestError(f"{self.file}: can't be read ({fault})") from fault

    def mark(self, row: int) -> str:
        """What stands in a row of the trees: a forest that was grown anew in its place has another there."""
        found = self._rows("SELECT id, seq, record FROM trees WHERE rowid = ?", row)
        return digest([list(values) for values in found])

    def see(self, name: str) -> SeenTree | None:
        """A tree by its id; None if there is none."""
        found = self._rows("SELECT record FROM trees WHERE id = ?", name)
        if not found:
            return None
        tree = self._read(Tree, found[0][0], name)
        drawn: list[list[Action]] = [[] for _ in tree.turns]
        for turn, record in self._rows("SELECT turn, record FROM actions WHERE tree = ? ORDER BY turn, place", name):
            if turn < len(drawn):
                drawn[turn].append(self._read(Action, record, name))
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

    def _file_state(self) -> tuple[int, int]:
        try:
            state = self.file.stat()
        except OSError as fault:
            raise ForestError(f"{self.file}: is no longer there ({fault.strerror})") from fault
        return state.st_dev, state.st_ino

    def _read(self, kind: type[_Record], record: str, tree: str) -> _Record:
        try:
            return from_json(kind, json.loads(record))
        except (ValueError, TypeError) as fault:
            raise ForestError(f"{self.file}: tree {tree} can't be read ({fault})") from fault

    def _rows(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as fault:
            raise ForestError(f"{self.file}: can't be read ({fault})") from fault
