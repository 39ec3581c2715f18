"""A forest in parts, so that many machines can write it: one directory a shard, each with one writer at a time.

    OUT/shards/layout.json        how many there are
    OUT/shards/007/current        the name of the directory below that counts
    OUT/shards/007/0002/          an ordinary forest

In:  a run's directory, on storage that all machines share. Out: the directory of a shard that is free to be opened.
Always true: a problem's shard is told by its hash alone; whoever takes a shard over has everything that was committed
to it, and whoever had it before commits nothing more to what counts.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from preftree.errors import ForestError
from preftree.forest.owner import depose, lock
from preftree.records import Problem, digest

# A worker that is told off ends within its calls in flight; a file server frees a lost machine's locks in minutes.
_PATIENCE_S = 600.0
_FIRST = "0001"


def shard_of(problem: Problem, count: int) -> int:
    """The forms of one problem (its group) fall into one shard."""
    return int(digest(problem.group or problem.id)[:12], 16) % count


def num_shards(out: Path) -> int | None:
    """How many shards there are; None if there are none."""
    layout = out / "shards" / "layout.json"
    return int(json.loads(layout.read_text("ascii"))["shards"]) if layout.is_file() else None


def shard_directory(out: Path, shard: int) -> Path:
    """Where a shard of a run lies: `out/shards/007`."""
    return out / "shards" / f"{shard:03d}"


@contextmanager
def new_shards(out: Path, count: int) -> Iterator[list[Path]]:
    """Directories to fill, one a shard; together they become the run's shards when the block ends, or not at all."""
    made, partial = out / "shards", out / "shards.partial"
    for left_over in (partial, out / "shards.retired"):
        shutil.rmtree(left_over, ignore_errors=True)
    places = [partial / f"{shard:03d}" / _FIRST for shard in range(count)]
    for place in places:
        place.mkdir(parents=True)
        (place.parent / "current").write_text(_FIRST, "ascii")
    yield places
    (partial / "layout.json").write_text(json.dumps({"shards": count}), "ascii")
    _sync(partial)
    partial.rename(made)
    _sync_one(out)


def retire(out: Path) -> None:
    """Remove the shards, once all that they hold stands in the forest."""
    retired = out / "shards.retired"
    shutil.rmtree(retired, ignore_errors=True)
    (out / "shards").rename(retired)
    shutil.rmtree(retired)


def take_over(shard: Path, patience_s: float = _PATIENCE_S) -> Path:
    """The directory of a shard's forest, whose last writer has ended or will commit nothing more.

    A writer that is still alive is told off: its next commit fails, and it ends. Where the last one did not close its
    files (killed, lost), the forest goes on in a copy: should that writer come back, in the middle of a commit even,
    then what it writes goes into files that are no part of the run any more. Raises ForestError if the lock is not
    freed in `patience_s` seconds.
    """
    deadline = time.monotonic() + patience_s
    with _locked(shard, deadline):
        current = shard / (shard / "current").read_text("ascii")
        with _locked(current, deadline, depose_first=True):
            # SQLite removes the file of its log when the last connection is closed.
            if (current / "forest.sqlite-wal").exists():
                current = _copied(shard, current)
        for entry in shard.iterdir():
            if entry.is_dir() and entry != current:
                shutil.rmtree(entry, ignore_errors=True)
    return current


def _copied(shard: Path, old: Path) -> Path:
    new, partial = shard / f"{int(old.name) + 1:04d}", shard / "partial"
    for left_over in (partial, new):
        shutil.rmtree(left_over, ignore_errors=True)
    partial.mkdir()
    # In this order: what moves from the log to the database meanwhile is copied twice, and nothing is missed.
    for name in ("forest.sqlite", "forest.sqlite-wal"):
        shutil.copyfile(old / name, partial / name)
    _sync(partial)
    partial.rename(new)
    pointer = shard / "current.partial"
    pointer.write_text(new.name, "ascii")
    _sync_one(pointer)
    pointer.replace(shard / "current")
    _sync_one(shard)
    return new


@contextmanager
def _locked(directory: Path, deadline: float, *, depose_first: bool = False) -> Iterator[None]:
    while True:
        if depose_first:
            # Each time: a writer that was about to open the forest may have put its own name there since.
            depose(directory)
        try:
            handle = lock(directory)
            break
        except ForestError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    try:
        yield
    finally:
        os.close(handle)


def _sync(directory: Path) -> None:
    """A directory and all in it are on disk."""
    for path in (*directory.rglob("*"), directory):
        _sync_one(path)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
