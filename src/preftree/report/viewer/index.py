"""What a list of trees needs of each tree, in a small database of its own, so that a hundred thousand list at once.

In:  a forest. Out: rows that a query asks for, how many there are, and what there is to choose from.
Always true: the forest is only read; a tree that was finished since the last look is taken in, and only that; an index
of a forest that is no longer the same is made anew. Reward models write their rewards here as well.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.forest.looking import Looker
from preftree.records import Tree
from preftree.report.text import clean

_VERSION = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trees (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, problem TEXT NOT NULL, title TEXT NOT NULL,
    task TEXT NOT NULL, dataset TEXT NOT NULL, depth INTEGER NOT NULL, pairs INTEGER NOT NULL, samples INTEGER NOT NULL,
    stage TEXT NOT NULL, tokens INTEGER NOT NULL, price_usd REAL NOT NULL, flags INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trees_seq ON trees (seq, id);
CREATE INDEX IF NOT EXISTS trees_problem ON trees (problem);
CREATE INDEX IF NOT EXISTS trees_facets ON trees (task, dataset, stage, depth, flags);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content='', tokenize='unicode61');
CREATE TABLE IF NOT EXISTS rewards (
    model TEXT NOT NULL, tree TEXT NOT NULL, rewards TEXT NOT NULL, wrong INTEGER NOT NULL, PRIMARY KEY (model, tree)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rewards_wrong ON rewards (model, wrong);
"""
# What may be wrong, or worth a look, with a tree: a bit each.
FLAGS = ("leaked", "unsolved", "undecided", "truncated", "tool error", "reference")
ORDERS = {
    "order": "seq, id",
    "pairs": "pairs DESC, seq",
    "depth": "depth DESC, seq",
    "cost": "price_usd DESC, tokens DESC, seq",
    "tokens": "tokens DESC, seq",
    "samples": "samples DESC, seq",
}
_COLUMNS = "id, seq, problem, title, task, dataset, depth, pairs, samples, stage, tokens, price_usd, flags"
_TITLE = 160
_COMMIT_EVERY = 500


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is narrowed to; empty fields narrow nothing. `wrong` names a reward model."""

    task: str = ""
    dataset: str = ""
    stage: str = ""
    depth: int | None = None
    min_pairs: int | None = None
    max_pairs: int | None = None
    min_usd: float | None = None
    flag: str = ""
    words: str = ""
    wrong: str = ""
    order: str = "order"


class Index:
    """Open once, from one thread at a time."""

    def __init__(self, looker: Looker, cache: Path) -> None:
        self._looker = looker
        name = hashlib.sha256(str(looker.file.resolve()).encode()).hexdigest()[:24]
        cache.mkdir(parents=True, exist_ok=True)
        self.file = cache / f"{name}.sqlite"
        self._db = self._open()

    def close(self) -> None:
        self._db.close()

    def update(self, advance: Callable[[int], None] = lambda done: None) -> None:
        """Take in the trees that were finished since the last time."""
        if self._stale():
            self._db.close()
            self.file.unlink()
            self._db = self._open()
        (last,) = self._db.execute("SELECT COALESCE(MAX(row), 0) FROM trees").fetchone()
        self._db.execute("BEGIN")
        for done, (row, name, seq, tree) in enumerate(self._looker.new_trees(last), start=1):
            self._add(row, name, seq, tree)
            if done % _COMMIT_EVERY == 0:
                self._db.execute("COMMIT")
                self._db.execute("BEGIN")
                advance(_COMMIT_EVERY)
        self._db.execute("COMMIT")

    def missing(self) -> int:
        """How many finished trees are not in it."""
        if self._stale():
            return self._looker.count()
        return self._looker.count() - int(self._db.execute("SELECT COUNT(*) FROM trees").fetchone()[0])

    def find(self, query: Query, start: int, count: int) -> tuple[int, list[dict[str, Any]]]:
        """How many trees a query has, and `count` of them from `start` on, in its order."""
        where, values = _where(query)
        (total,) = self._db.execute(f"SELECT COUNT(*) FROM trees {where}", values).fetchone()
        order = ORDERS.get(query.order, ORDERS["order"])
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM trees {where} ORDER BY {order} LIMIT ? OFFSET ?", (*values, count, start)
        ).fetchall()
        names = _COLUMNS.split(", ")
        found = [dict(zip(names, row, strict=True)) for row in rows]
        return total, [row | {"flags": flag_names(row["flags"])} for row in found]

    def row(self, tree: str) -> dict[str, Any] | None:
        found = self._db.execute(f"SELECT {_COLUMNS} FROM trees WHERE id = ?", (tree,)).fetchone()
        if found is None:
            return None
        row = dict(zip(_COLUMNS.split(", "), found, strict=True))
        return row | {"flags": flag_names(row["flags"])}

    def of_problem(self, problem: str) -> list[str]:
        """The trees of a problem."""
        rows = self._db.execute("SELECT id FROM trees WHERE problem = ? ORDER BY seq, id", (problem,))
        return [name for (name,) in rows]

    def choices(self) -> dict[str, list[list[Any]]]:
        """What each filter can be set to, with how many trees it would leave."""
        found: dict[str, list[list[Any]]] = {}
        for column in ("task", "dataset", "stage", "depth"):
            rows = self._db.execute(f"SELECT {column}, COUNT(*) FROM trees GROUP BY 1 ORDER BY 1")
            found[column] = [list(row) for row in rows]
        counts = self._db.execute(
            "SELECT " + ", ".join(f"TOTAL((flags >> {bit}) & 1)" for bit in range(len(FLAGS))) + " FROM trees"
        ).fetchone()
        found["flag"] = [[name, int(count)] for name, count in zip(FLAGS, counts, strict=True) if count]
        rows = self._db.execute("SELECT model, COUNT(*) FROM rewards WHERE wrong > 0 GROUP BY 1 ORDER BY 1")
        found["wrong"] = [list(row) for row in rows]
        return found

    # ------------------------------------------------------------ rewards

    def unrewarded(self, model: str) -> list[str]:
        """The trees that this model has not scored, in order."""
        rows = self._db.execute(
            "SELECT id FROM trees WHERE NOT EXISTS (SELECT 1 FROM rewards WHERE model = ? AND tree = id) "
            "ORDER BY seq, id",
            (model,),
        )
        return [name for (name,) in rows]

    def add_rewards(self, model: str, rows: Iterable[tuple[str, list[Any], int]]) -> None:
        """(tree, its rewards turn by turn, how many pairs are ranked wrongly)."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT OR REPLACE INTO rewards VALUES (?, ?, ?, ?)",
            [(model, tree, json.dumps(rewards), wrong) for tree, rewards, wrong in rows],
        )
        self._db.execute("COMMIT")

    def rewards(self, tree: str) -> dict[str, Any]:
        """Each model's rewards of a tree."""
        rows = self._db.execute("SELECT model, rewards, wrong FROM rewards WHERE tree = ? ORDER BY model", (tree,))
        return {model: {"turns": json.loads(rewards), "wrong": wrong} for model, rewards, wrong in rows}

    # ------------------------------------------------------------ inside

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # an index that is lost is made again
        connection.executescript(_TABLES)
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (_VERSION,))
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('forest', ?)", (self._mark(),))
        return connection

    def _mark(self) -> str:
        """Of the file itself: a forest that was grown anew in its place has another."""
        state = self._looker.file.stat()
        return f"{state.st_dev}/{state.st_ino}"

    def _stale(self) -> bool:
        kept = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        return kept != {"version": _VERSION, "forest": self._mark()}

    def _add(self, row: int, name: str, seq: int, tree: Tree) -> None:
        calls = list(self._looker.calls(name))
        values = (
            row, name, seq, tree.problem.id, _title(tree), tree.problem.task, tree.problem.dataset, tree.depth,
            sum(len(tree.pairs(turn)) for turn in tree.turns), sum(turn.num_samples for turn in tree.turns),
            _stage(tree), sum(call.input_tokens + call.output_tokens for call in calls),
            sum(call.price_usd for call in calls), _flags(tree),
        )  # fmt: skip
        self._db.execute("DELETE FROM trees WHERE id = ?", (name,))
        self._db.execute(f"INSERT OR REPLACE INTO trees VALUES ({', '.join('?' * len(values))})", values)
        self._db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row, _text(tree)))


def flag_names(flags: int) -> list[str]:
    return [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]


def _where(query: Query) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for column in ("task", "dataset", "stage"):
        if wanted := getattr(query, column):
            parts.append(f"{column} = ?")
            values.append(wanted)
    for condition, wanted in (
        ("depth = ?", query.depth),
        ("pairs >= ?", query.min_pairs),
        ("pairs <= ?", query.max_pairs),
        ("price_usd >= ?", query.min_usd),
    ):
        if wanted is not None:
            parts.append(condition)
            values.append(wanted)
    if query.flag in FLAGS:
        parts.append(f"(flags >> {FLAGS.index(query.flag)}) & 1")
    if query.words.strip():
        parts.append("row IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(_match(query.words))
    if query.wrong:
        parts.append("id IN (SELECT tree FROM rewards WHERE model = ? AND wrong > 0)")
        values.append(query.wrong)
    return f"WHERE {' AND '.join(parts)}" if parts else "", values


def _match(words: str) -> str:
    """Every word, the last one as a beginning; what stands in quotes as it stands. No operator of the index's own."""
    pieces = words.split('"')
    phrases = [piece for place, piece in enumerate(pieces) if place % 2 and piece.strip()]
    single = [word for place, piece in enumerate(pieces) if place % 2 == 0 for word in piece.split()]
    quoted = [f'"{piece}"' for piece in [*phrases, *single]]
    if single and not words[-1:].isspace() and not words.endswith('"'):
        quoted[-1] += "*"
    return " AND ".join(quoted)


def _title(tree: Tree) -> str:
    text = " ".join(clean(tree.problem.instruction).split())
    return text if len(text) <= _TITLE else text[: _TITLE - 1] + "…"


def _stage(tree: Tree) -> str:
    """How the last turn's correct action was got; "none" where no turn has one."""
    stages = [turn.correct[0].stage for turn in tree.turns if turn.correct]
    return stages[-1] if stages else "none"


def _flags(tree: Tree) -> int:
    actions = [action for turn in tree.turns for action in (*turn.correct, *turn.incorrect)]
    truths = (
        any(turn.leaked for turn in tree.turns),
        not tree.turns or not tree.turns[-1].correct,
        any(action.verdict is not None and action.verdict.outcome == "undecided" for action in actions),
        any(action.truncated for action in actions),
        any(call.error for action in actions if action.observation for call in action.observation.tool_calls),
        any(action.stage.startswith("reference") for action in actions),
    )
    return sum(1 << bit for bit, truth in enumerate(truths) if truth)


def _text(tree: Tree) -> str:
    """All that a search looks through."""
    parts = [tree.problem.id, tree.problem.instruction, *(reference.answer for reference in tree.problem.references)]
    for turn in tree.turns:
        for action in (*turn.correct, *turn.incorrect):
            parts.append(action.text)
            parts.append(action.observation.output if action.observation else "")
        parts += [turn.critique or "", *turn.praise]
    return "\n".join(parts)
