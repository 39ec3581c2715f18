"""A forest of published rows: read in a stream, brought together by instruction, written as trees.

In:  files, directories or hub ids of rows (published.py). Out: a forest; `rows_set_aside.json` with what could not be
read: file, row, field, reason.
Always true: memory doesn't grow with the rows: they wait on disk, in the forest's own directory, until their
instruction's turn comes; instructions come in the order of their first SFT row, then of their first pair.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.export.published import PairRow, SftRow, read_row, trees_of
from preftree.forest import Forest
from preftree.problems.places import BadRow, Place, Value, place_files, values
from preftree.problems.rows import BadRowError
from preftree.progress import progress

# What one transaction of the spool, and one of the forest, holds.
_AT_ONCE = 5000
# Files of an export that hold no trajectories: action pairs name two turns, unpaired rows are none of these columns.
_OTHER_FILES = ("action_pairs", "unpaired")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was read and what was made of it. `reasons` counts why rows were set aside."""

    num_sft: int
    num_pairs: int
    num_set_aside: int
    problems: int
    trees: int
    turns: int
    datasets: dict[str, int]  # problems by data set
    trees_by_turns: dict[str, int]
    reasons: dict[str, int] = field(default_factory=dict)


def import_rows(places: Sequence[str], out: Path) -> ImportReport:
    """Make a forest of published rows in `out`. Raises InputError where no row can be read."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="spool-", dir=out) as folder:
        spool = _Spool(Path(folder) / "rows.sqlite")
        try:
            bad = _read(places, spool)
            if not spool.counts.total():
                first = f'; {bad[0].file} row {bad[0].row}, field "{bad[0].field}": {bad[0].reason}' if bad else ""
                raise InputError(f"{', '.join(places)}: no row of UltraInteract's columns there{first}")
            report = asyncio.run(_write(spool, out, bad))
        finally:
            spool.close()
    (out / "rows_set_aside.json").write_text(json.dumps([asdict(row) for row in bad], indent=1), encoding="utf-8")
    return report


def _read(places: Sequence[str], spool: _Spool) -> list[BadRow]:
    """Every row into the spool, or among those set aside."""
    bad = []
    with progress("reading", None, "rows") as bar:
        for value in _values(places):
            bar.advance()
            try:
                if value.broken:
                    raise BadRowError("", value.broken)
                spool.add(value.content, *read_row(value.content))
            except BadRowError as fault:
                bad.append(BadRow(value.file, value.number, fault.field, fault.why))
    return bad


def _values(places: Sequence[str]) -> Iterator[Value]:
    for place in places:
        for file in place_files(Place(place)):
            if not file.name.startswith(_OTHER_FILES):
                yield from values(Place(str(file)))


async def _write(spool: _Spool, out: Path, bad: Sequence[BadRow]) -> ImportReport:
    datasets: Counter[str] = Counter()
    depths: Counter[int] = Counter()
    num_problems = seq = 0
    with Forest(out) as forest, progress("importing", spool.num_parents, "instructions") as bar:
        groups = (trees_of(parent, rows) for parent, rows in spool.groups())
        while batch := list(islice(groups, _AT_ONCE)):
            await forest.add_problems([problem for problem, _ in batch])
            trees = [tree for _, found in batch for tree in found]
            await asyncio.gather(*(forest.add_tree(tree, seq + at) for at, tree in enumerate(trees)))
            num_problems, seq = num_problems + len(batch), seq + len(trees)
            datasets.update(problem.dataset for problem, _ in batch)
            depths.update(tree.depth for tree in trees)
            bar.advance(len(batch))
    return ImportReport(
        num_sft=spool.counts["sft"],
        num_pairs=spool.counts["pair"],
        num_set_aside=len(bad),
        problems=num_problems,
        trees=seq,
        turns=sum(depth * count for depth, count in depths.items()),
        datasets=dict(sorted(datasets.items())),
        trees_by_turns={str(depth): count for depth, count in sorted(depths.items())},
        reasons=dict(Counter(row.reason for row in bad).most_common(20)),
    )


class _Spool:
    """Rows on disk until they are asked for by instruction. It is a scratch file: nothing of it outlives the import."""

    def __init__(self, path: Path) -> None:
        self.counts: Counter[str] = Counter()
        # Those with SFT rows and those with pairs, each in the order of their first row (the values mean nothing).
        self._parents: dict[str, dict[str, None]] = {"sft": {}, "pair": {}}
        self._held: list[tuple[str, str]] = []
        self._file = sqlite3.connect(path, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=OFF")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute("CREATE TABLE rows (parent TEXT NOT NULL, row TEXT NOT NULL)")

    @property
    def num_parents(self) -> int:
        return len(self._order())

    def add(self, content: Any, parent: str, row: SftRow | PairRow) -> None:
        kind = "sft" if isinstance(row, SftRow) else "pair"
        self.counts[kind] += 1
        self._parents[kind][parent] = None
        self._held.append((parent, json.dumps(content)))
        if len(self._held) == _AT_ONCE:
            self._flush()

    def groups(self) -> Iterator[tuple[str, list[SftRow | PairRow]]]:
        """Each instruction with its rows, in the order in which they were read."""
        self._flush()
        self._file.execute("CREATE INDEX by_parent ON rows (parent)")
        for parent in self._order():
            found = self._file.execute("SELECT row FROM rows WHERE parent = ? ORDER BY rowid", (parent,))
            yield parent, [read_row(json.loads(row))[1] for (row,) in found]

    def close(self) -> None:
        self._file.close()

    def _order(self) -> dict[str, None]:
        return self._parents["sft"] | self._parents["pair"]

    def _flush(self) -> None:
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO rows VALUES (?, ?)", self._held)
        self._file.execute("COMMIT")
        self._held = []
