"""What tests of the export share: a forest of given trees, and a tree of one pair."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preftree.forest import Forest
from preftree.records import Action, Message, Problem, Reference, Tree, Turn, Verdict


@pytest.fixture(scope="session")
def forest_of() -> Callable[..., Path]:
    """Writes trees into a forest at this path."""

    def write(path: Path, *trees: Tree) -> Path:
        async def work() -> None:
            with Forest(path) as forest:
                for seq, tree in enumerate(trees):
                    await forest.add_tree(tree, seq)

        asyncio.run(work())
        return path

    return write


@pytest.fixture(scope="session")
def tree_of() -> Callable[..., Tree]:
    """A tree of one turn, one pair and a critique that leaked."""

    def make(number: int, dataset: str = "gsm8k", task: Any = "Math_PoT") -> Tree:
        problem = Problem(f"{dataset}/{number}", dataset, task, f"q {number}", (Reference("1"),))
        right = Action("right", "sft", "sample", 0, verdict=Verdict("correct"))
        wrong = Action("wrong", "rival | x", "sample", 0, verdict=Verdict("wrong"))
        turn = Turn(0, (right,), (wrong,), leaked=True)
        return Tree(f"t{dataset}{number}", problem, (Message("user", "p"),), (turn,))

    return make
