"""The forests that are looked through, each with its index, and what the page asks of them.

In:  directories of forests; a tokenizer and models that judge, if any. Out: JSON values for the page.
Always true: one thread at a time uses a forest (a lock a shelf); a model that is named scores every tree before the
page opens, and what it has scored before it does not score again; models that are not named are not shown.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.forest.looking import Looker
from preftree.progress import progress
from preftree.report.text import clean
from preftree.report.viewer.index import Index
from preftree.report.viewer.judges import Judge, conversations, difference, placed
from preftree.report.viewer.nodes import tree_json
from preftree.report.viewer.pairs import pair_json
from preftree.report.viewer.query import ORDERS, Query

_TREES_AT_ONCE = 16


class Shelf:
    """One forest."""

    def __init__(self, directory: Path, cache: Path, tokenizer: Any = None) -> None:
        self.directory, self._cache, self._tokenizer = directory, cache, tokenizer
        self.name = clean(directory.resolve().name or directory)
        self._judges: list[Judge] = []
        self._lock = threading.Lock()
        self._open()
        missing = self._index.missing()
        with progress(f"reading {directory}", missing, "trees") as bar:
            self._index.update(bar.advance)

    def close(self) -> None:
        with self._lock:
            self._index.close()
            self._looker.close()

    def about(self) -> dict[str, Any]:
        with self._lock:
            if self._looker.moved:
                self._index.close()
                self._looker.close()
                self._open()
            self._index.update()  # a forest may be growing
            return {
                "name": self.name,
                "trees": self._index.count(),
                "choices": self._index.choices(self._keys()),
                "orders": list(ORDERS),
                "tokens": self._tokenizer is not None,
                "models": [{"name": judge.name, "kind": judge.kind} for judge in self._judges],
            }

    def trees(self, query: Query, start: int, count: int) -> dict[str, Any]:
        with self._lock:
            return self._index.find(query, start, count, self._keys())

    def tree(self, name: str) -> dict[str, Any] | None:
        with self._lock:
            seen = self._looker.see(name)
            if seen is None:
                return None
            if self._index.row(name) is None:
                self._index.update()  # it was finished since the list was asked for
            row = self._index.row(name)
            said = {judge.name: self._index.scores(name, judge.key) for judge in self._judges}
        kinds = {judge.name: judge.kind for judge in self._judges}
        rewards = {model: {"kind": kinds[model], **found} for model, found in said.items() if found is not None}
        return tree_json(seen) | {"row": row, "rewards": rewards}

    def pair(self, name: str, turn: int, pair: int) -> dict[str, Any] | None:
        with self._lock:
            seen = self._looker.see(name)
        return None if seen is None else pair_json(self._tokenizer, seen.tree, turn, pair)

    def of_problem(self, problem: str) -> list[str]:
        with self._lock:
            return self._index.of_problem(problem)

    def score(self, judge: Judge) -> None:
        """Numbers of every chosen action, by one model; goes on where it was."""
        self._judges.append(judge)
        waiting = self._index.unscored(judge.key)
        if not waiting:
            return
        scores = judge.load() if judge.load else None
        with progress(f"{judge.kind} by {judge.name}", len(waiting), "trees") as bar:
            for start in range(0, len(waiting), _TREES_AT_ONCE):
                names = waiting[start : start + _TREES_AT_ONCE]
                seen = [found.tree for name in names if (found := self._looker.see(name)) is not None]
                numbers: Sequence[Sequence[float | None]]
                if scores is None:
                    numbers = [self._difference(judge, tree.id) for tree in seen]
                else:
                    numbers = scores([conversations(tree) for tree in seen])
                rows = [(tree.id, *placed(tree, mine)) for tree, mine in zip(seen, numbers, strict=True)]
                self._index.add_scores(judge.key, rows)
                bar.advance(len(names))

    # ------------------------------------------------------------ inside

    def _open(self) -> None:
        self._looker = Looker(self.directory)
        self._index = Index(self._looker, self._cache)

    def _keys(self) -> dict[str, str]:
        return {judge.name: judge.key for judge in self._judges}

    def _difference(self, judge: Judge, tree: str) -> list[float | None]:
        assert judge.parts is not None
        ours, theirs = (self._index.scores(tree, key) for key in judge.parts)
        assert ours is not None, f"{tree}: the policy is asked first"
        assert theirs is not None, f"{tree}: the reference is asked first"
        return difference(ours["turns"], theirs["turns"])


class Library:
    """All forests of a page, by their place."""

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        if not shelves:
            raise InputError("view: name a forest")
        self.shelves = tuple(shelves)
        names = [shelf.name for shelf in shelves]
        for shelf in shelves:
            if names.count(shelf.name) > 1:  # runs/a/forest and runs/b/forest
                shelf.name = clean(shelf.directory)

    def about(self) -> dict[str, Any]:
        return {"forests": [shelf.about() for shelf in self.shelves]}

    def score(self, judges: Sequence[Judge]) -> None:
        for judge in judges:
            for shelf in self.shelves:
                shelf.score(judge)

    def close(self) -> None:
        for shelf in self.shelves:
            shelf.close()
