"""What a list of trees needs of each tree, in a small database of its own, so that a hundred thousand list at once.

In:  a forest. Out: rows that a query asks for, how many there are, and what there is to choose from.
Always true: the forest is only read; a tree that was finished since the last look is taken in, and only that; an index
of a forest that is no longer the same, or that can't be read, is made anew. What models say of trees is kept here too.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.forest.looking import Looker
from preftree.report.viewer.judges import RIGHT, WRONG
from preftree.report.viewer.query import FLAGS, ORDERS, Query, where
from preftree.report.viewer.rows import COLUMNS, flag_names, row_of, text_of

_VERSION = "2"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trees (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, problem TEXT NOT NULL, title TEXT NOT NULL,
    task TEXT NOT NULL, dataset TEXT NOT NULL, depth INTEGER NOT NULL, pairs INTEGER NOT NULL, samples INTEGER NOT NULL,
    stage TEXT NOT NULL, shape TEXT NOT NULL, tokens INTEGER NOT NULL, price_usd REAL NOT NULL, flags INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trees_seq ON trees (seq, id);
CREATE INDEX IF NOT EXISTS trees_problem ON trees (problem);
CREATE INDEX IF NOT EXISTS trees_facets ON trees (task, dataset, stage, depth, flags);
CREATE INDEX IF NOT EXISTS trees_sums ON trees (pairs, samples, tokens, price_usd);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content='', tokenize='unicode61');
CREATE TABLE IF NOT EXISTS rewards (
    model TEXT NOT NULL, tree TEXT NOT NULL, rewards TEXT NOT NULL, signs TEXT NOT NULL, wrong INTEGER NOT NULL,
    PRIMARY KEY (model, tree)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rewards_wrong ON rewards (model, wrong);
CREATE TABLE IF NOT EXISTS splits (
    right_model TEXT NOT NULL, wrong_model TEXT NOT NULL, tree TEXT NOT NULL,
    PRIMARY KEY (right_model, wrong_model, tree)
) WITHOUT ROWID;
"""
_SUMS = ("pairs", "samples", "tokens", "price_usd")
_COMMIT_EVERY = 500
_PATIENCE_S = 30.0


class Index:
    """Open once, from one thread at a time."""

    def __init__(self, looker: Looker, cache: Path) -> None:
        self._looker = looker
        name = hashlib.sha256(str(looker.file.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self.file = cache / f"{name}.sqlite"
        try:
            cache.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except (OSError, sqlite3.OperationalError) as fault:
            raise InputError(f"view: no index can be kept in {cache} ({fault}); set PREFTREE_CACHE") from fault
        except sqlite3.DatabaseError:  # cut short, or no database: it is made of the forest alone
            self._remove()
            self._db = self._open()

    def close(self) -> None:
        self._db.close()

    def update(self, advance: Callable[[int], None] = lambda done: None) -> None:
        """Take in the trees that were finished since the last time."""
        if self._stale():
            self._db.close()
            self._remove()
            self._db = self._open()
        last = self._last()
        if self._looker.latest() <= last:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for done, (row, name, seq, tree) in enumerate(self._looker.new_trees(last), start=1):
                self._forget(name)
                values = (row, *row_of(name, seq, tree, list(self._looker.calls(name))))
                marks = ", ".join("?" * len(values))
                self._db.execute(f"INSERT OR REPLACE INTO trees (row, {', '.join(COLUMNS)}) VALUES ({marks})", values)
                self._db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, text_of(tree)))
                last = row
                if done % _COMMIT_EVERY == 0:
                    self._keep_mark(last)
                    self._db.execute("COMMIT")
                    self._db.execute("BEGIN IMMEDIATE")
                    advance(_COMMIT_EVERY)
            self._keep_mark(last)
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # a tree that can't be read: those before it are not taken in by halves
                self._db.execute("ROLLBACK")

    def missing(self) -> int:
        """How many finished trees are not in it."""
        if self._stale():
            return self._looker.count()
        return self._looker.count() - int(self._db.execute("SELECT COUNT(*) FROM trees").fetchone()[0])

    def find(self, query: Query, start: int, count: int, keys: Mapping[str, str]) -> dict[str, Any]:
        """How many trees a query has, what they sum to, and `count` of them from `start` on, in its order."""
        condition, values = where(query, keys)
        sums = ", ".join(f"TOTAL({column})" for column in _SUMS)
        total, *summed = self._db.execute(f"SELECT COUNT(*), {sums} FROM trees {condition}", values).fetchone()
        order = ORDERS.get(query.order, ORDERS["order"])
        rows = self._db.execute(
            f"SELECT {', '.join(COLUMNS)} FROM trees {condition} ORDER BY {order} LIMIT ? OFFSET ?",
            (*values, count, start),
        ).fetchall()
        return {
            "total": total,
            "start": start,
            "sums": dict(zip(_SUMS, summed, strict=True)),
            "rows": [_named(row) for row in rows],
        }

    def row(self, tree: str) -> dict[str, Any] | None:
        found = self._db.execute(f"SELECT {', '.join(COLUMNS)} FROM trees WHERE id = ?", (tree,)).fetchone()
        return None if found is None else _named(found)

    def count(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM trees").fetchone()[0])

    def of_problem(self, problem: str) -> list[str]:
        """The trees of a problem."""
        rows = self._db.execute("SELECT id FROM trees WHERE problem = ? ORDER BY seq, id", (problem,))
        return [name for (name,) in rows]

    def choices(self, keys: Mapping[str, str]) -> dict[str, list[list[Any]]]:
        """What each filter can be set to, with how many trees it would leave."""
        found: dict[str, list[list[Any]]] = {}
        for column in ("task", "dataset", "stage", "depth"):
            rows = self._db.execute(f"SELECT {column}, COUNT(*) FROM trees GROUP BY 1 ORDER BY 1")
            found[column] = [list(row) for row in rows]
        counts = self._db.execute(
            "SELECT " + ", ".join(f"TOTAL((flags >> {bit}) & 1)" for bit in range(len(FLAGS))) + " FROM trees"
        ).fetchone()
        found["flag"] = [[name, int(count)] for name, count in zip(FLAGS, counts, strict=True) if count]
        rows = self._db.execute("SELECT model, COUNT(*) FROM rewards WHERE wrong > 0 GROUP BY 1")
        wrong = dict(rows.fetchall())
        found["wrong"] = [[name, wrong.get(key, 0)] for name, key in keys.items()]
        rows = self._db.execute("SELECT right_model, wrong_model, COUNT(*) FROM splits GROUP BY 1, 2")
        split = {(right, false): count for right, false, count in rows}
        found["split"] = [
            [right, false, split.get((keys[right], keys[false]), 0)]
            for right in keys
            for false in keys
            if right != false
        ]
        return found

    # ------------------------------------------------------------ what models say

    def unscored(self, model: str) -> list[str]:
        """The trees that this model has not scored, in order."""
        rows = self._db.execute(
            "SELECT id FROM trees WHERE NOT EXISTS (SELECT 1 FROM rewards WHERE model = ? AND tree = id) "
            "ORDER BY seq, id",
            (model,),
        )
        return [name for (name,) in rows]

    def add_scores(self, model: str, rows: Iterable[tuple[str, list[Any], list[str]]]) -> None:
        """(tree, its numbers turn by turn, its pairs as signs); where models disagree is noted with it."""
        self._db.execute("BEGIN IMMEDIATE")
        for tree, numbers, signs in rows:
            joined = "".join(signs)
            others = self._db.execute("SELECT model, signs FROM rewards WHERE tree = ? AND model != ?", (tree, model))
            for other, theirs in others.fetchall():
                met = set(zip(joined, "".join(json.loads(theirs)), strict=True))
                splits = [(model, other)] * ((RIGHT, WRONG) in met) + [(other, model)] * ((WRONG, RIGHT) in met)
                values = [(*pair, tree) for pair in splits]
                self._db.executemany("INSERT OR IGNORE INTO splits VALUES (?, ?, ?)", values)
            self._db.execute(
                "INSERT OR REPLACE INTO rewards VALUES (?, ?, ?, ?, ?)",
                (model, tree, json.dumps(numbers), json.dumps(signs), joined.count(WRONG)),
            )
        self._db.execute("COMMIT")

    def scores(self, tree: str, model: str) -> dict[str, Any] | None:
        """A model's numbers of a tree, and its pairs as signs."""
        found = self._db.execute(
            "SELECT rewards, signs, wrong FROM rewards WHERE tree = ? AND model = ?", (tree, model)
        ).fetchone()
        if found is None:
            return None
        return {"turns": json.loads(found[0]), "signs": json.loads(found[1]), "wrong": found[2]}

    # ------------------------------------------------------------ inside

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=_PATIENCE_S)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")  # an index that is lost is made again
            connection.executescript(_TABLES)
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (_VERSION,))
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def _forget(self, tree: str) -> None:
        """A tree that was written again: what was said of it was said of another text."""
        if self._db.execute("DELETE FROM trees WHERE id = ?", (tree,)).rowcount:
            self._db.execute("DELETE FROM rewards WHERE tree = ?", (tree,))
            self._db.execute("DELETE FROM splits WHERE tree = ?", (tree,))

    def _last(self) -> int:
        return int(self._db.execute("SELECT COALESCE(MAX(row), 0) FROM trees").fetchone()[0])

    def _keep_mark(self, row: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('forest', ?)", (self._mark(row),))

    def _mark(self, row: int) -> str:
        """Of the file, and of the last tree that was taken in: a file's number may be given to its successor."""
        state = self._looker.file.stat()
        return f"{state.st_dev}/{state.st_ino}/{self._looker.mark(row)}"

    def _stale(self) -> bool:
        kept = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        if kept.get("version") != _VERSION:
            return True
        return "forest" in kept and kept["forest"] != self._mark(self._last())


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    named = dict(zip(COLUMNS, row, strict=True))
    return named | {"flags": flag_names(named["flags"])}
