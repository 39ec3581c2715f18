"""The forests that are looked through, each with its index, and what the page asks of them.

In:  directories of forests; a tokenizer and reward models, if any. Out: JSON values for the page.
Always true: one thread at a time uses a forest (a lock a shelf); a reward model that is named scores every tree before
the page opens, and what it has scored before it does not score again.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.forest.looking import Looker
from preftree.progress import progress
from preftree.records import Message, Tree
from preftree.report.text import clean
from preftree.report.viewer.index import ORDERS, Index, Query
from preftree.report.viewer.nodes import tree_json
from preftree.report.viewer.pairs import pair_json

# Conversations that share a prompt, to one reward each.
Reward = Callable[[Sequence[Sequence[tuple[Message, ...]]]], list[list[float]]]
_TREES_AT_ONCE = 16


class Shelf:
    """One forest."""

    def __init__(self, directory: Path, cache: Path, tokenizer: Any = None) -> None:
        self.directory, self._tokenizer = directory, tokenizer
        self._lock = threading.Lock()
        self._looker = Looker(directory)
        self._index = Index(self._looker, cache)
        missing = self._index.missing()
        with progress(f"reading {directory}", missing, "trees") as bar:
            self._index.update(bar.advance)

    def close(self) -> None:
        with self._lock:
            self._index.close()
            self._looker.close()

    def about(self) -> dict[str, Any]:
        with self._lock:
            self._index.update()  # a forest may be growing
            total, _ = self._index.find(Query(), 0, 0)
            return {
                "name": clean(self.directory.name or str(self.directory)),
                "trees": total,
                "choices": self._index.choices(),
                "orders": list(ORDERS),
                "tokens": self._tokenizer is not None,
            }

    def trees(self, query: Query, start: int, count: int) -> dict[str, Any]:
        with self._lock:
            total, rows = self._index.find(query, start, count)
        return {"total": total, "start": start, "rows": rows}

    def tree(self, name: str) -> dict[str, Any] | None:
        with self._lock:
            seen = self._looker.see(name)
            if seen is None:
                return None
            return tree_json(seen) | {"row": self._index.row(name), "rewards": self._index.rewards(name)}

    def pair(self, name: str, turn: int, pair: int) -> dict[str, Any] | None:
        with self._lock:
            seen = self._looker.see(name)
        return None if seen is None else pair_json(self._tokenizer, seen.tree, turn, pair)

    def of_problem(self, problem: str) -> list[str]:
        with self._lock:
            return self._index.of_problem(problem)

    def score(self, model: str, reward: Reward) -> None:
        """Rewards of every chosen action, by one model; goes on where it was."""
        waiting = self._index.unrewarded(model)
        with progress(f"rewards by {model}", len(waiting), "trees") as bar:
            for start in range(0, len(waiting), _TREES_AT_ONCE):
                names = waiting[start : start + _TREES_AT_ONCE]
                seen = [found.tree for name in names if (found := self._looker.see(name)) is not None]
                rewards = reward([_conversations(tree) for tree in seen])
                rows = [(tree.id, *_placed(tree, found)) for tree, found in zip(seen, rewards, strict=True)]
                self._index.add_rewards(model, rows)
                bar.advance(len(names))


class Library:
    """All forests of a page, by their place."""

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        if not shelves:
            raise InputError("view: name a forest")
        self.shelves = tuple(shelves)

    def about(self) -> dict[str, Any]:
        return {"forests": [shelf.about() for shelf in self.shelves]}

    def score(self, models: Mapping[str, Reward]) -> None:
        for name, reward in models.items():
            for shelf in self.shelves:
                shelf.score(name, reward)

    def close(self) -> None:
        for shelf in self.shelves:
            shelf.close()


def _conversations(tree: Tree) -> list[tuple[Message, ...]]:
    return [
        (*tree.history(turn.index), Message("assistant", action.text))
        for turn in tree.turns
        for action in (*turn.correct, *turn.incorrect)
    ]


def _placed(tree: Tree, rewards: Sequence[float]) -> tuple[list[Any], int]:
    """The rewards by turn and side, and how many pairs have a rejected action with as much or more."""
    left = iter(rewards)
    turns, wrong = [], 0
    for turn in tree.turns:
        correct = [next(left) for _ in turn.correct]
        incorrect = [next(left) for _ in turn.incorrect]
        turns.append({"correct": _finite(correct), "incorrect": _finite(incorrect)})
        of = dict(zip(map(id, (*turn.correct, *turn.incorrect)), (*correct, *incorrect), strict=True))
        wrong += sum(of[id(chosen)] <= of[id(rejected)] for chosen, rejected in tree.pairs(turn))
    return turns, wrong


def _finite(rewards: Sequence[float]) -> list[float | None]:
    """JSON has no infinity: what a model could not read has no reward."""
    return [reward if math.isfinite(reward) else None for reward in rewards]
