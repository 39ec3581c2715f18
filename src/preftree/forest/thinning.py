"""A copy of a forest without some of its problems.

In:  a forest's directory, another directory, the ids of the problems to leave out. Out: the copy, whole or absent.
Always true: the source is only read; the calls stay, those of the removed problems too: they are what was paid.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from preftree.errors import ForestError
from preftree.forest.forest import Forest


def copy_without(source: Path, out: Path, problems: Iterable[str]) -> None:
    """The problems of these ids, their trees and actions are not in the copy."""
    removed = set(problems)
    with Forest(source, readonly=True) as forest:
        trees = [tree.id for tree in forest.trees() if tree.problem.id in removed] if removed else []
    copy_file(source, out)
    with sqlite3.connect(out / "forest.sqlite", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM problems WHERE id = ?", [(problem,) for problem in removed])
        connection.executemany("DELETE FROM actions WHERE tree = ?", [(tree,) for tree in trees])
        connection.executemany("DELETE FROM trees WHERE id = ?", [(tree,) for tree in trees])
        connection.execute("COMMIT")
    connection.close()


def copy_file(source: Path, out: Path) -> None:
    """`forest.sqlite` as it stands, what a writer has yet to move out of its log included."""
    out.mkdir(parents=True, exist_ok=True)
    file, partial = out / "forest.sqlite", out / "forest.sqlite.partial"
    if file.resolve() == (source / "forest.sqlite").resolve():
        raise ForestError(f"{out}: is the forest itself; choose another directory")
    for old in (partial, file, file.with_name("forest.sqlite-wal"), file.with_name("forest.sqlite-shm")):
        old.unlink(missing_ok=True)
    try:
        read = sqlite3.connect(f"file:{source / 'forest.sqlite'}?mode=ro", uri=True)
        written = sqlite3.connect(partial)
        try:
            read.backup(written)
        finally:
            written.close()
            read.close()
    except sqlite3.Error as fault:
        raise ForestError(f"{source}: can't be copied to {out} ({fault})") from fault
    partial.replace(file)


def copy_unjudged(source: Path, out: Path, *, observations: bool) -> None:
    """The copy without problems, trees and verdicts, which are to be made again; without observations if not wanted.

    Calls stay, and the actions until others take their places.
    """
    copy_file(source, out)
    tables = ("problems", "trees", "verdicts", *(() if observations else ("observations",)))
    with sqlite3.connect(out / "forest.sqlite", isolation_level=None) as connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")
    connection.close()
