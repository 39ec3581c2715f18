"""A forest into shards, and shards into a forest: whole tables, by SQL.

In:  a run's directory, the order of its problems, whose writer the caller is. Out: the same records, in the other form.
Always true: the shards together hold all that the forest held when they were made; the forest is made anew from the
shards, beside the old one, and put in its place when it is whole: a merge that is killed is run again. Problems and
trees stand in the order of the problems, as after a run on one machine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from preftree.errors import ForestError
from preftree.forest.schema import TABLES, VERSION
from preftree.forest.shards import new_shards, num_shards, shard_directory, take_over

_CONTROL = "control"  # the tree of calls that belong to none


def split(out: Path, count: int, homes: Mapping[str, int], tree_of: Callable[[str], str]) -> None:
    """Make `count` shards of the run in `out`, with what its forest holds, if there is one.

    `homes` tells a problem's shard, `tree_of` a problem's tree. Calls that belong to no tree go to the first shard.
    Observations and verdicts are those of all problems, and go to every shard.
    """
    with new_shards(out, count) as places:
        if not (out / "forest.sqlite").is_file():
            return
        with closing(_opened(out / "forest.sqlite")) as old:
            _check(old, out / "forest.sqlite")
            problems = [problem for (problem,) in old.execute("SELECT id FROM problems")]
            known = {tree_of(problem) for problem in problems} | {_CONTROL}
            strange = {tree for (tree,) in old.execute("SELECT DISTINCT tree FROM calls")} - known
        if strange:
            raise ForestError(f"{out}: holds calls of tree {min(strange)}, which is none of its problems'")
        for shard, place in enumerate(places):
            ours = [problem for problem in problems if homes[problem] == shard]
            with _made(place / "forest.sqlite") as new, _attached(new, out / "forest.sqlite"):
                _list(new, "chosen_problems", ours)
                _list(new, "chosen_trees", [tree_of(problem) for problem in ours] + [_CONTROL] * (shard == 0))
                for table, columns in _tables(new):
                    _copy(new, table, columns, where=_of_shard(table, columns))


def merge(out: Path, order: Sequence[str]) -> None:
    """Make the forest of a run from its shards; `order` is that of the problems' ids."""
    count = num_shards(out)
    if count is None:
        raise ForestError(f"{out}: no shards here")
    file, partial = out / "forest.sqlite", out / "forest.sqlite.merging"
    partial.unlink(missing_ok=True)
    with _made(partial) as new:
        new.execute("CREATE TEMP TABLE places (id TEXT PRIMARY KEY, seq INTEGER)")
        new.executemany("INSERT INTO places VALUES (?, ?)", ((problem, seq) for seq, problem in enumerate(order)))
        for shard in range(count):
            source = take_over(shard_directory(out, shard)) / "forest.sqlite"
            if source.is_file():
                with _attached(new, source):
                    _check(new, source, "other")
                    for table, columns in _tables(new):
                        _gather(new, table, columns)
    if file.is_file():
        _leave_log(file)
    partial.replace(file)
    handle = os.open(out, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _gather(new: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
    if table == "problems":
        _copy(new, table, columns, seq="(SELECT seq FROM places WHERE places.id = row.id)")
    elif table == "trees":
        _copy(new, table, columns, seq="(SELECT seq FROM places WHERE id = json_extract(row.record, '$.problem.id'))")
    elif table == "calls":
        _copy(new, table, columns, where=f"tree != '{_CONTROL}'")
        _copy_controls(new, columns)
    else:
        _copy(new, table, columns)


def _copy_controls(new: sqlite3.Connection, columns: Sequence[str]) -> None:
    """Each shard asked its own: those of the same key become attempts one after the other, so that all are counted."""
    names = ", ".join(columns)
    for row in new.execute(f"SELECT {names} FROM other.calls WHERE tree = ? ORDER BY key", (_CONTROL,)).fetchall():
        call = dict(zip(columns, row, strict=True))
        stem, _, attempt = call["key"].rpartition("/")
        while new.execute("SELECT 1 FROM main.calls WHERE key = ?", (call["key"],)).fetchone() is not None:
            attempt = int(attempt) + 1
            call["key"] = f"{stem}/{attempt}"
        new.execute(f"INSERT INTO main.calls ({names}) VALUES ({', '.join('?' * len(columns))})", list(call.values()))


def _of_shard(table: str, columns: Sequence[str]) -> str:
    """The rows of one shard, told by what they belong to."""
    if table == "problems" or "problem" in columns:
        return f"{'id' if table == 'problems' else 'problem'} IN (SELECT id FROM chosen_problems)"
    if table == "trees" or "tree" in columns:
        return f"{'id' if table == 'trees' else 'tree'} IN (SELECT id FROM chosen_trees)"
    return "TRUE"


def _copy(
    new: sqlite3.Connection, table: str, columns: Sequence[str], *, where: str = "TRUE", seq: str | None = None
) -> None:
    """Rows of the attached forest. What belongs to no problem (an observation, a verdict) may come twice: one stays."""
    shared = table != "problems" and not {"tree", "problem", "seq"} & set(columns)
    values = ", ".join(seq if seq is not None and column == "seq" else f"row.{column}" for column in columns)
    new.execute(
        f"INSERT {'OR IGNORE' if shared else ''} INTO main.{table} ({', '.join(columns)}) "
        f"SELECT {values} FROM other.{table} AS row WHERE {where}"
    )


def _tables(connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    """The tables of the new file with their columns, in the order of their names."""
    names = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return [
        (name, [column for (_, column, *_) in connection.execute(f"PRAGMA main.table_info({name})")])
        for (name,) in names
        if not name.startswith("sqlite_")
    ]


def _list(connection: sqlite3.Connection, name: str, ids: Iterable[str]) -> None:
    connection.execute(f"CREATE TEMP TABLE {name} (id TEXT PRIMARY KEY)")
    connection.executemany(f"INSERT INTO {name} VALUES (?)", ((entry,) for entry in ids))


def _check(connection: sqlite3.Connection, file: Path, schema: str = "main") -> None:
    found = connection.execute(f"SELECT value FROM {schema}.meta WHERE name = 'version'").fetchone()
    if found is None or found[0] != VERSION:
        raise ForestError(f"{file}: written by another version of preftree (format {found}, expected {VERSION})")


@contextmanager
def _made(file: Path) -> Iterator[sqlite3.Connection]:
    """A new file with empty tables, on disk when the block ends; no log, since nobody reads it before."""
    with closing(sqlite3.connect(file, isolation_level=None)) as new:
        new.execute("PRAGMA journal_mode=OFF")
        new.execute("PRAGMA synchronous=OFF")
        new.executescript(TABLES)
        new.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (VERSION,))
        try:
            yield new
        except sqlite3.Error as fault:
            raise ForestError(f"{file}: can't be written ({fault}); run the same command again to go on") from fault
    handle = os.open(file, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


@contextmanager
def _attached(new: sqlite3.Connection, source: Path) -> Iterator[None]:
    """The forest `source` as `other`, in one transaction."""
    new.execute("ATTACH ? AS other", (str(source),))
    new.execute("BEGIN")
    yield
    new.execute("COMMIT")
    new.execute("DETACH other")


def _opened(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def _leave_log(file: Path) -> None:
    """Bring a forest's log home and remove it: a log is known by its file's name, and would be taken for the new one's.

    Raises ForestError while somebody reads the old forest.
    """
    try:
        with closing(_opened(file)) as old:
            (mode,) = old.execute("PRAGMA journal_mode=DELETE").fetchone()
    except sqlite3.OperationalError:
        mode = "wal"
    if mode != "delete":
        raise ForestError(
            f"{file}: is being read; close its readers (a viewer, an export) and run the same command again"
        )
