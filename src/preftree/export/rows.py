"""SFT rows and trajectory pairs, in the columns of the published UltraInteract sets (FACTS section 1).

In:  trees. Out: plain dicts, and files.
Always true: `id` is `<hash>_<depth of the tree>_<turn>` (turns from 0), rows of one instruction share `parent_id`;
an action whose code is not valid Python enters no pair; the correct action of a turn is paired with its incorrect
ones, in their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.forest import Forest
from preftree.records import Action, Tree, digest


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Which rows of a forest are written, and how."""

    history: str = "drop"  # SFT rows: "drop" (instruction and correct action) or "keep" (the turns before it too)
    format: str = "jsonl"  # "jsonl" or "parquet"


@dataclass(frozen=True, slots=True)
class ExportReport:
    sft: str
    pairs: str
    num_sft: int
    num_pairs: int
    num_trees: int
    pairs_with_different_actors: int


def export(forest: Path, out: Path, settings: ExportSettings | None = None) -> ExportReport:
    """Write `sft.*` and `pairs.*` of a forest into `out`, each by a rename, so that a file is whole or absent."""
    settings = settings or ExportSettings()
    if settings.format not in ("jsonl", "parquet"):
        raise InputError(f'export: format "{settings.format}" is unknown; expected jsonl or parquet')
    if settings.history not in ("drop", "keep"):
        raise InputError(f'export: history "{settings.history}" is unknown; expected drop or keep')
    out.mkdir(parents=True, exist_ok=True)
    with Forest(forest, readonly=True) as opened:
        trees = list(opened.trees())
    if not trees:
        raise InputError(f"{forest}: holds no finished tree yet; grow it first")
    sft = [row for tree in trees for row in sft_rows(tree, keep_history=settings.history == "keep")]
    pairs = [row for tree in trees for row in pair_rows(tree)]
    files = {name: out / f"{name}.{settings.format}" for name in ("sft", "pairs")}
    write = _write_jsonl if settings.format == "jsonl" else _write_parquet
    write(files["sft"], sft)
    write(files["pairs"], pairs)
    return ExportReport(
        sft=str(files["sft"]),
        pairs=str(files["pairs"]),
        num_sft=len(sft),
        num_pairs=len(pairs),
        num_trees=len(trees),
        pairs_with_different_actors=sum(_different_actors(tree) for tree in trees),
    )


def sft_rows(tree: Tree, *, keep_history: bool = False) -> Iterator[dict[str, Any]]:
    """One row a correct action: `id, parent_id, task, dataset, instruction, response`."""
    for turn in tree.turns:
        messages = tree.history(turn.index) if keep_history else tree.prompt
        for action in turn.correct:
            yield {
                **_common(tree, turn.index),
                "instruction": "\n".join(message.content for message in messages),
                "response": action.text,
            }


def pair_rows(tree: Tree) -> Iterator[dict[str, Any]]:
    """One row a pair: `id, parent_id, task, dataset, trajectory, chosen, rejected`."""
    for turn in tree.turns:
        trajectory = [{"from": message.role, "value": message.content} for message in tree.history(turn.index)]
        for chosen in turn.correct:
            for rejected in filter(may_pair, turn.incorrect):
                yield {
                    **_common(tree, turn.index),
                    "trajectory": trajectory,
                    "chosen": chosen.text,
                    "rejected": rejected.text,
                }


def may_pair(action: Action) -> bool:
    """Whether an incorrect action may enter a pair: its code, if any, is valid Python (FACTS section 1)."""
    return action.observation is None or action.observation.status != "syntax"


def _common(tree: Tree, turn: int) -> dict[str, Any]:
    parent = digest(["instruction", tree.problem.id])
    return {
        "id": f"{parent}_{tree.depth}_{turn}",
        "parent_id": parent,
        "task": tree.problem.task,
        "dataset": tree.problem.dataset,
    }


def _different_actors(tree: Tree) -> int:
    return sum(
        chosen.actor != rejected.actor
        for turn in tree.turns
        for chosen in turn.correct
        for rejected in filter(may_pair, turn.incorrect)
    )


def _write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", errors="surrogatepass") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    partial = path.with_name(path.name + ".partial")
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), partial)
    partial.replace(path)
