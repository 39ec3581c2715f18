"""Several sources as one: caps, proportions and seeds, as in the paper's table (FACTS section 2).

In:  entries, what the objective reads. Out: rows, source by source, and what was set aside.
Always true: what an entry gives depends on its own rows and settings (and, for a share, on how many the others give),
never on the order of entries; rows of one group are kept or left together; memory holds one number a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from preftree.errors import InputError
from preftree.problems.places import BadRow, Place
from preftree.train.rows import Kind, Row, iter_rows


@dataclass(frozen=True, slots=True)
class MixEntry:
    """One source."""

    rows: str
    """A file, a directory or a hub id."""
    name: str = ""
    """How metrics call it; empty: what its form is called."""
    form: str = "auto"
    """A form by name (docs/training.md)."""
    split: str = "train"
    """The split of a hub id or a saved DatasetDict."""
    config: str = ""
    """The config of a hub id."""
    cap: int | None = None
    """At most so many rows, whole groups drawn by the seed."""
    share: float | None = None
    """The part of the whole mix that this entry is to be, drawn likewise; entries without a share are taken whole."""
    seed: int = 0
    """Which rows a cap or share keeps."""

    def __post_init__(self) -> None:
        if not self.rows or not isinstance(self.rows, str):
            raise InputError(f"mix: an entry has no rows; expected a file, a directory or a hub id, got {self.rows!r}")
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise InputError(f"mix, {self.rows}: expected {name} as {_SAID[kinds]}, got {value!r}")
        if self.cap is not None and self.cap < 1:
            raise InputError(f"mix, {self.rows}: expected a cap of at least 1, got {self.cap}")
        if self.share is not None and not 0 < self.share <= 1:
            raise InputError(f"mix, {self.rows}: expected a share over 0 and up to 1, got {self.share}")

    @property
    def place(self) -> Place:
        return Place(self.rows, self.split, self.config)


_TEXT, _COUNT, _NUMBER, _SEED = (str,), (int, type(None)), (int, float, type(None)), (int,)
_KINDS: dict[str, tuple[type, ...]] = {
    "name": _TEXT, "form": _TEXT, "split": _TEXT, "config": _TEXT, "cap": _COUNT, "share": _NUMBER, "seed": _SEED,
}  # fmt: skip
_SAID = {_TEXT: "text", _COUNT: "a whole number", _NUMBER: "a number", _SEED: "a whole number"}


def iter_mix(entries: Sequence[MixEntry], kind: Kind) -> Iterator[Row | BadRow]:
    """All rows of all entries, within their caps and shares."""
    shares = sum(entry.share or 0.0 for entry in entries)
    if shares > 1 + 1e-9:
        raise InputError(f"mix: the shares add up to {shares:g}, expected at most 1")
    limits = _limits(entries, kind)
    for entry, limit in zip(entries, limits, strict=True):
        yield from _within(entry, kind, limit)


def _limits(entries: Sequence[MixEntry], kind: Kind) -> list[int | None]:
    """How many rows each entry may give. Shares are of the whole, so they ask how many rows there are."""
    if all(entry.share is None for entry in entries):
        return [entry.cap for entry in entries]
    counts = [_capped(entry, sum(isinstance(row, Row) for row in _rows(entry, kind))) for entry in entries]
    fixed = sum(count for entry, count in zip(entries, counts, strict=True) if entry.share is None)
    left = 1 - sum(entry.share or 0.0 for entry in entries)
    if fixed and left <= 0:
        raise InputError("mix: the shares add up to 1 and leave nothing for the entries without one")
    wholes = [count / entry.share for entry, count in zip(entries, counts, strict=True) if entry.share]
    whole = fixed / left if fixed else min(wholes)
    return [
        count if entry.share is None else min(count, round(entry.share * whole))
        for entry, count in zip(entries, counts, strict=True)
    ]


def _capped(entry: MixEntry, count: int) -> int:
    return count if entry.cap is None else min(count, entry.cap)


def _within(entry: MixEntry, kind: Kind, limit: int | None) -> Iterator[Row | BadRow]:
    """The rows of groups with the lowest seeded hashes, as many whole groups as the limit holds."""
    if limit is None:
        yield from _rows(entry, kind)
        return
    sizes: dict[int, int] = {}
    for row in _rows(entry, kind):
        if isinstance(row, Row):
            rank = _rank(row, entry.seed)
            sizes[rank] = sizes.get(rank, 0) + 1
    kept: set[int] = set()
    total = 0
    for rank in sorted(sizes):
        if total + sizes[rank] <= limit:
            total += sizes[rank]
            kept.add(rank)
    for row in _rows(entry, kind):
        if isinstance(row, BadRow) or _rank(row, entry.seed) in kept:
            yield row


def _rank(row: Row, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{row.group}".encode()).digest()[:8], "big")


def _rows(entry: MixEntry, kind: Kind) -> Iterator[Row | BadRow]:
    return iter_rows(entry.place, kind, form=entry.form, name=entry.name, seed=entry.seed)
