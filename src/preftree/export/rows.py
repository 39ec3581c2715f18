"""SFT rows, trajectory pairs and action pairs, in the columns of the published UltraInteract sets (FACTS section 1).

In:  trees, read one at a time. Out: plain dicts, and files.
Always true: `id` is `<hash>_<depth of the tree>_<turn>` (turns from 0), rows of one instruction share `parent_id`;
an action whose code is not valid Python enters no pair; the correct action of a turn is paired with its incorrect
ones, in their order; where a share is held out, all forms of one problem are on one side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.export.action_pairs import ActionPairLimits, action_pairs, may_pair
from preftree.export.files import row_writer
from preftree.forest import Forest
from preftree.records import Reference, Tree, digest


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Which rows of a forest are written, and how."""

    history: str = "drop"  # SFT rows: "drop" (instruction and correct action) or "keep" (the turns before it too)
    format: str = "jsonl"  # "jsonl" or "parquet"
    responses: str = "generated"  # SFT rows: "generated", or "ground-truth": the data set's own reasons and answer
    held_out: float = 0.0  # share of the problems whose rows go to *.held_out files, with a tool and without alike
    action_pairs: ActionPairLimits = field(default_factory=ActionPairLimits)

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise InputError(f'export: {name} "{getattr(self, name)}" is unknown; expected {" or ".join(allowed)}')
        if not 0 <= self.held_out < 1:
            raise InputError(f"export: held_out: expected 0 to 1, got {self.held_out}")


_ALLOWED = {
    "history": ("drop", "keep"),
    "format": ("jsonl", "parquet"),
    "responses": ("generated", "ground-truth"),
}


@dataclass(frozen=True, slots=True)
class ExportReport:
    sft: str
    pairs: str
    num_sft: int
    num_pairs: int
    num_action_pairs: int
    num_held_out: int
    num_trees: int
    pairs_with_different_actors: int


def export(forest: Path, out: Path, settings: ExportSettings | None = None) -> ExportReport:
    """Write `sft.*`, `pairs.*` and `action_pairs.*` of a forest into `out`; each file is whole or absent."""
    settings = settings or ExportSettings()
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    files = {name: out / f"{name}.{settings.format}" for name in ("sft", "pairs", "action_pairs")}
    if settings.held_out:
        files |= {f"{name}.held_out": out / f"{name}.held_out.{settings.format}" for name in tuple(files)}
    with Forest(forest, readonly=True) as opened, ExitStack() as stack:
        writers = {name: stack.enter_context(row_writer(file)) for name, file in files.items()}
        for tree in opened.trees():
            side = ".held_out" if _held_out(tree, settings.held_out) else ""
            counts.update({"trees": 1, "held out": bool(side), "different": _different_actors(tree)})
            for name, rows in _rows(tree, settings).items():
                for row in rows:
                    writers[name + side].write(row)
                    counts[name] += 1
        if not counts["trees"]:
            raise InputError(f"{forest}: holds no finished tree yet; grow it first")
        for writer in writers.values():
            writer.finish()
    return ExportReport(
        sft=str(files["sft"]),
        pairs=str(files["pairs"]),
        num_sft=counts["sft"],
        num_pairs=counts["pairs"],
        num_action_pairs=counts["action_pairs"],
        num_held_out=counts["held out"],
        num_trees=counts["trees"],
        pairs_with_different_actors=counts["different"],
    )


def _rows(tree: Tree, settings: ExportSettings) -> dict[str, Iterator[dict[str, Any]]]:
    keep = settings.history == "keep"
    sft = sft_rows(tree, keep_history=keep, ground_truth=settings.responses == "ground-truth")
    return {"sft": sft, "pairs": pair_rows(tree), "action_pairs": action_pair_rows(tree, settings.action_pairs)}


def _held_out(tree: Tree, share: float) -> bool:
    """By the problem's group, which its forms with a tool and without share."""
    place = int(digest(["held out", tree.problem.group or tree.problem.id])[:15], 16)
    return place < share * 16**15


def sft_rows(tree: Tree, *, keep_history: bool = False, ground_truth: bool = False) -> Iterator[dict[str, Any]]:
    """One row a correct action: `id, parent_id, task, dataset, instruction, response`.

    With `ground_truth` the data set's reasons and answer stand in the place of each action (the paper's ablation);
    where the data set has no reasons, its program, and where it has none either, its answer alone.
    """
    references = tree.problem.references
    for turn in tree.turns:
        messages = tree.history(turn.index) if keep_history else tree.prompt
        for place, action in enumerate(turn.correct):
            yield {
                **_common(tree, turn.index),
                "instruction": "\n".join(message.content for message in messages),
                "response": _ground_truth(references[place % len(references)]) if ground_truth else action.text,
            }


def _ground_truth(reference: Reference) -> str:
    reasons = reference.rationale or (reference.program and f"```python\n{reference.program.strip()}\n```") or ""
    return f"{reasons.strip()}\nThe answer is {reference.answer}".strip()


def action_pair_rows(tree: Tree, limits: ActionPairLimits) -> Iterator[dict[str, Any]]:
    """The columns of pairs; the trajectory is the instruction alone, the turn that of the correct action."""
    trajectory = [{"from": message.role, "value": message.content} for message in tree.prompt]
    turn_of = {id(action): turn.index for turn in tree.turns for action in turn.correct}
    for chosen, rejected in action_pairs(tree, limits):
        yield {
            **_common(tree, turn_of[id(chosen)]),
            "trajectory": trajectory,
            "chosen": chosen.text,
            "rejected": rejected.text,
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
