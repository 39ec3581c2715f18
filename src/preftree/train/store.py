"""Examples as token ids on disk, so that a set of any size is trained on in little memory.

In:  examples, one after another. Out: a `Store`: a sequence of `Example`s, each read when it is asked for.
Always true: a store is whole or absent (its mark is written last); its digest covers every token, span, group, label
and margin; a mismatched answer depends on the rows and the seed alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from preftree.errors import InputError
from preftree.tries.trie import TokenSequence

# Draws of a mismatched answer before a row is given up: only rows near the length limit need a second.
_DRAWS = 50
_MARK = "store.json"
_LABELS = (None, False, True)


@dataclass(frozen=True, slots=True)
class Example:
    """One answer (SFT; or, with a label, KTO) or chosen and rejected, as tokens.

    `source` is "tree" for pairs from preference trees; `mismatched` is an answer to another problem (KTO); `margin` is
    how far chosen should lead (reward models).
    """

    group: str
    source: str
    sequences: tuple[TokenSequence, ...]
    mismatched: TokenSequence | None = None
    label: bool | None = None
    margin: float = 0.0

    @property
    def from_tree(self) -> bool:
        return self.source == "tree"

    @property
    def num_scored(self) -> int:
        return sum(sequence.num_scored for sequence in self.sequences)


@dataclass(slots=True)
class _Names:
    """Numbers for names, in the order of their first use."""

    of: dict[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int:
        return self.of.setdefault(name, len(self.of))


class StoreWriter:
    """Collects examples; tokens go to disk at once. `close` makes the store whole; without it there is none."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._partial = folder, folder.with_name(folder.name + ".partial")
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)
        self._tokens = (self._partial / "tokens.bin").open("wb")
        self._token_at, self._span_at, self._sequence_at = array("q", [0]), array("q", [0]), array("q", [0])
        self._spans, self._group, self._source = array("i"), array("i"), array("i")
        self._label, self._margin = array("b"), array("f")
        self._groups, self._sources = _Names(), _Names()

    def add(self, example: Example) -> None:
        for sequence in example.sequences:
            array("i", sequence.tokens).tofile(self._tokens)
            self._token_at.append(self._token_at[-1] + len(sequence.tokens))
            for span in sequence.spans:
                self._spans.extend(span)
            self._span_at.append(self._span_at[-1] + len(sequence.spans))
        self._sequence_at.append(self._sequence_at[-1] + len(example.sequences))
        self._group.append(self._groups.number(example.group))
        self._source.append(self._sources.number(example.source))
        self._label.append(_LABELS.index(example.label))
        self._margin.append(example.margin)

    def __len__(self) -> int:
        return len(self._group)

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, *fault: object) -> None:
        self._tokens.close()

    def close(self) -> Store:
        self._tokens.flush()
        os.fsync(self._tokens.fileno())
        self._tokens.close()
        arrays = {
            "token_at": self._token_at, "span_at": self._span_at, "sequence_at": self._sequence_at,
            "spans": self._spans, "group": self._group, "source": self._source, "label": self._label,
            "margin": self._margin,
        }  # fmt: skip
        for name, values in arrays.items():
            np.save(self._partial / f"{name}.npy", np.array(values))
        names = {"groups": list(self._groups.of), "sources": list(self._sources.of)}
        (self._partial / "names.json").write_text(json.dumps(names), encoding="utf-8")
        digest = hashlib.sha256()
        for file in sorted(self._partial.iterdir()):
            digest.update(f"{file.name} {file.stat().st_size}\n".encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    digest.update(block)
        (self._partial / _MARK).write_text(json.dumps({"digest": digest.hexdigest()}), encoding="utf-8")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._partial.replace(self._folder)
        return Store(self._folder)


class Store(Sequence[Example]):
    """A finished store. With a `mismatch_seed` each example carries an answer to another problem."""

    def __init__(self, folder: Path, *, mismatch_seed: int | None = None, max_length: int = 0) -> None:
        self.digest = str(json.loads((folder / _MARK).read_text(encoding="utf-8"))["digest"])
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        self._group_names, self._source_names = names["groups"], names["sources"]
        self._token_at, self._span_at, self._sequence_at = (
            np.load(folder / f"{name}.npy") for name in ("token_at", "span_at", "sequence_at")
        )
        self._spans = np.load(folder / "spans.npy").reshape(-1, 2).astype(np.int64)
        self._group, self._source, self._label, self._margin = (
            np.load(folder / f"{name}.npy") for name in ("group", "source", "label", "margin")
        )
        self._tokens: Any = (
            np.memmap(folder / "tokens.bin", dtype=np.int32, mode="r") if int(self._token_at[-1]) else np.zeros(0)
        )
        self._seed, self._max_length = mismatch_seed, max_length
        if mismatch_seed is not None:
            self.digest = hashlib.sha256(f"{self.digest} {mismatch_seed} {max_length}".encode()).hexdigest()
            if len(self._group_names) < 2:
                raise InputError("KTO compares with answers to other problems, and the rows hold only one problem")

    @staticmethod
    def is_whole(folder: Path) -> bool:
        return (folder / _MARK).is_file()

    @property
    def groups(self) -> list[int]:
        """The number of each example's group."""
        return [int(number) for number in self._group]

    def sources(self) -> dict[str, int]:
        """How many examples each source gave."""
        counts = np.bincount(self._source, minlength=len(self._source_names))
        return {name: int(count) for name, count in zip(self._source_names, counts, strict=True)}

    def last_tokens(self) -> set[int]:
        """The tokens that sequences end with."""
        return {int(token) for token in np.unique(self._tokens[self._token_at[1:] - 1])}

    @property
    def largest_token(self) -> int:
        return int(self._tokens.max())

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return int(np.diff(self._token_at).max())

    def __len__(self) -> int:
        return len(self._group)

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        first, last = int(self._sequence_at[index]), int(self._sequence_at[index + 1])
        return Example(
            self._group_names[self._group[index]],
            self._source_names[self._source[index]],
            tuple(self._sequence(number) for number in range(first, last)),
            None if self._seed is None else self._mismatched(index),
            _LABELS[self._label[index]],
            float(self._margin[index]),
        )

    def _sequence(self, number: int) -> TokenSequence:
        tokens = self._tokens[self._token_at[number] : self._token_at[number + 1]]
        spans = self._spans[self._span_at[number] : self._span_at[number + 1]]
        return TokenSequence(tuple(tokens.tolist()), tuple((start, stop) for start, stop in spans.tolist()))

    def _mismatched(self, index: int) -> TokenSequence | None:
        """The example's own prompt, and behind it an answer to another problem: tokens joined, as TRL does it."""
        draw = random.Random(f"{self._seed}:{index}")
        own = self._sequence(int(self._sequence_at[index]))
        start = own.spans[0][0]
        for _ in range(_DRAWS):
            other = draw.randrange(len(self))
            if self._group[other] == self._group[index]:
                continue
            number = draw.randrange(int(self._sequence_at[other]), int(self._sequence_at[other + 1]))
            foreign = self._sequence(number)
            begin = foreign.spans[0][0]
            if start + len(foreign.tokens) - begin > self._max_length:
                continue
            spans = tuple((s - begin + start, e - begin + start) for s, e in foreign.spans)
            return TokenSequence(own.tokens[:start] + foreign.tokens[begin:], spans)
        return None
