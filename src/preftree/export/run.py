"""Export a forest: its rows into files, and a card beside them.

In:  a forest, read one tree at a time. Out: files that are whole or absent, and what was counted on the way.
Always true: rows come in the order of the problems; times and costs are left out of them, so equal trees give equal
bytes; where a share is held out, all forms of one problem are on one side; nothing is uploaded, and no file is left,
where a source's terms forbid it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preftree import hub
from preftree.errors import ForestError, InputError
from preftree.export.card import Tally, data_card, forbidden
from preftree.export.files import row_writer
from preftree.export.rows import action_pair_rows, pair_rows, sft_rows, unpaired_rows
from preftree.export.settings import ExportSettings
from preftree.forest import Forest
from preftree.problems.licences import licence_of
from preftree.records import Tree, digest

# What the names of held-out files end in, before their format.
HELD_OUT = ".held_out"


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written. `num_sft` and its like count the main files, `held_out` the trees and rows beside them.

    `num_left_out` counts the correct actions that give no SFT row because what stood before them, or their reference,
    isn't known (imported rows). `uploaded` is the address of the commit.
    """

    sft: str
    pairs: str
    num_sft: int
    num_pairs: int
    num_action_pairs: int
    num_trees: int
    pairs_with_different_actors: int
    held_out: dict[str, int] = field(default_factory=dict)
    num_unpaired: int = 0
    num_left_out: int = 0
    card: str = ""
    uploaded: str = ""


@dataclass(frozen=True, slots=True)
class Push:
    """Where on the hub the files go. `endpoint`: another hub than the usual one."""

    repo_id: str
    private: bool = True
    endpoint: str | None = None


def export(
    forest: Path,
    out: Path,
    settings: ExportSettings | None = None,
    *,
    made: Sequence[Mapping[str, Any]] = (),
    push: Push | None = None,
) -> ExportReport:
    """Write the rows of a forest into `out`; each file is whole or absent.

    `made` is what the stages that made the forest reported of themselves, the last one first: the card tells of it.
    Raises InputError for an empty forest, and for an upload without a token or of what may not be given on.
    """
    settings = settings or ExportSettings()
    token = "" if push is None else hub.check_push(push.repo_id, "export.push_to_hub", "me/rows")
    out.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    sides = ("", HELD_OUT) if settings.held_out else ("",)
    files = {kind + side: out / f"{kind}{side}.{settings.format}" for side in sides for kind in settings.kinds}
    with Forest(forest, readonly=True) as opened, ExitStack() as stack:
        writers = {name: stack.enter_context(row_writer(file)) for name, file in files.items()}
        for tree in opened.trees():
            if push is not None and tree.problem.dataset not in tally.datasets:
                _check_terms(tree.problem.dataset, push)
            side = HELD_OUT if settings.held_out and _held_out(tree, settings) else ""
            counts: Counter[str] = Counter()
            for kind, rows in _rows(tree, settings).items():
                write = writers[kind + side].write
                for row in rows:
                    write(row)
                    counts[kind] += 1
            tally.add(tree, counts, side)
        if not tally.num_trees:
            raise InputError(f"{forest}: holds no finished tree yet; grow it first")
        if push is not None and not any(tally.rows[name] for name in files):
            raise InputError(f"{forest}: its trees give no row to upload")
        for writer in writers.values():
            writer.finish()
    name = push.repo_id if push is not None else out.name
    card = out / "README.md"
    _save(card, data_card(name, settings, tally, made, HELD_OUT))
    report = _report(files, tally, settings, str(card))
    if push is None:
        return report
    address = hub.upload(
        out,
        sorted(["README.md", *(file.name for name, file in files.items() if tally.rows[name])]),
        push.repo_id,
        kind="dataset",
        private=push.private,
        message="Rows of preference trees, written by preftree",
        token=token,
        failure=ForestError,
        endpoint=push.endpoint,
    )
    return _report(files, tally, settings, str(card), address)


def _rows(tree: Tree, settings: ExportSettings) -> dict[str, Iterator[dict[str, Any]]]:
    columns = settings.columns
    rows = {
        "sft": sft_rows(tree, history=settings.history, response=settings.response, columns=columns),
        "pairs": pair_rows(tree, columns=columns),
        "action_pairs": action_pair_rows(tree, settings.action_pairs, columns=columns),
    }
    return rows | {"unpaired": unpaired_rows(tree)} if "unpaired" in settings.kinds else rows


def _held_out(tree: Tree, settings: ExportSettings) -> bool:
    """By the problem's group, which its forms with a tool and without share."""
    place = int(digest(["held out", settings.seed, tree.problem.group or tree.problem.id])[:15], 16)
    return place < settings.held_out * 16**15


def _check_terms(dataset: str, push: Push) -> None:
    terms = licence_of(dataset)
    if forbidden(terms):
        raise InputError(
            f'export.push_to_hub={push.repo_id}: the forest holds problems of "{dataset}", whose terms '
            f"({terms.name}{', ' + terms.note if terms.note else ''}) forbid to give them on; leave them out, or "
            "export without push_to_hub"
        )


def _report(
    files: Mapping[str, Path], tally: Tally, settings: ExportSettings, card: str, address: str = ""
) -> ExportReport:
    held = {name: tally.rows[name + HELD_OUT] for name in ("trees", *settings.kinds)} if settings.held_out else {}
    return ExportReport(
        sft=str(files["sft"]),
        pairs=str(files["pairs"]),
        num_sft=tally.rows["sft"],
        num_pairs=tally.rows["pairs"],
        num_action_pairs=tally.rows["action_pairs"],
        num_trees=tally.rows["trees"],
        pairs_with_different_actors=tally.rows["different"],
        held_out=held,
        num_unpaired=tally.rows["unpaired"],
        num_left_out=tally.num_left_out,
        card=card,
        uploaded=address,
    )


def _save(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
