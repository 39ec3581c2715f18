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
    seed: int = 0  # which problems those are
    action_pairs: ActionPairLimits = field(default_factory=ActionPairLimits)

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise InputError(f'export: {name} "{getattr(self, name)}" is unknown; expected {" or ".join(allowed)}')
        if not 0 <= self.held_out < 1:
            raise InputError(f"export: held_out: expected at least 0 and less than 1, got {self.held_out}")


# What the names of held-out files end in, before their format.
_HELD_OUT = ".held_out"
_ALLOWED = {
    "history": ("drop", "keep"),
    "format": ("jsonl", "parquet"),
    "responses": ("generated", "ground-truth"),
}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. `num_sft` and its like count the main files, `held_out` the trees and rows beside them."""

    sft: str
    pairs: str
    num_sft: int
    num_pairs: int
    num_action_pairs: int
    num_trees: int
    pairs_with_different_actors: int
    held_out: dict[str, int] = field(default_factory=dict)


def export(forest: Path, out: Path, settings: ExportSettings | None = None) -> ExportReport:
    """Write `sft.*`, `pairs.*` and `action_pairs.*` of a forest into `out`; each file is whole or absent."""
    settings = settings or ExportSettings()
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    files = {name: out / f"{name}.{settings.format}" for name in ("sft", "pairs", "action_pairs")}
    if settings.held_out:
        files |= {name + _HELD_OUT: out / f"{name}{_HELD_OUT}.{settings.format}" for name in tuple(files)}
    with Forest(forest, readonly=True) as opened, ExitStack() as stack:
        writers = {name: stack.enter_context(row_writer(file)) for name, file in files.items()}
        for tree in opened.trees():
            side = _HELD_OUT if _held_out(tree, settings) else ""
            counts.update({"trees" + side: 1, "different" + side: _different_actors(tree)})
            for name, rows in _rows(tree, settings).items():
                for row in rows:
                    writers[name + side].write(row)
                    counts[name + side] += 1
        if not counts["trees"] + counts["trees" + _HELD_OUT]:
            raise InputError(f"{forest}: holds no finished tree yet; grow it first")
        for writer in writers.values():
            writer.finish()
    return ExportReport(
        sft=str(files["sft"]),
        pairs=str(files["pairs"]),
        num_sft=counts["sft"],
        num_pairs=counts["pairs"],
        num_action_pairs=counts["action_pairs"],
        num_trees=counts["trees"],
        pairs_with_different_actors=counts["different"],
        held_out={name: counts[name + _HELD_OUT] for name in ("trees", "sft", "pairs", "action_pairs")}
        if settings.held_out
        else {},
    )


def _rows(tree: Tree, settings: ExportSettings) -> dict[str, Iterator[dict[str, Any]]]:
    keep = settings.history == "keep"
    sft = sft_rows(tree, keep_history=keep, ground_truth=settings.responses == "ground-truth")
    return {"sft": sft, "pairs": pair_rows(tree), "action_pairs": action_pair_rows(tree, settings.action_pairs)}


def _held_out(tree: Tree, settings: ExportSettings) -> bool:
    """By the problem's group, which its forms with a tool and without share."""
    place = int(digest(["held out", settings.seed, tree.problem.group or tree.problem.id])[:15], 16)
    return place < settings.held_out * 16**15


def sft_rows(tree: Tree, *, keep_history: bool = False, ground_truth: bool = False) -> Iterator[dict[str, Any]]:
    """One row a correct action: `id, parent_id, task, dataset, instruction, response`.

    With `ground_truth` the data set's reasons and answer stand in the place of each action (the paper's ablation):
    of several references one after another. Where the data set has no reasons, its program stands for them; where it
    has none either, its answer alone; where it gives no answer (tests judge), the reasons or the program alone.
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
    program = f"```python\n{reference.program.strip()}\n```" if reference.program else ""
    answer = f"The answer is {reference.answer}" if reference.answer else ""
    return "\n".join(part for part in ((reference.rationale or program).strip(), answer) if part)


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
