"""The key/value cache of the local sampler: one preallocated slot a row, and a store of prefixes.

In:  keys and values of the tokens that a model just read, through transformers' cache interface.
Out: views of the slots that attention reads; copies of slots for rows that share a prompt.
Always true: position p of a row's tokens lies in column p of its slot, so a row may start from a copy of any
prefix; the rows of one forward pass are neighbours; a column behind a row's length holds finite garbage
that the mask hides.

Shapes: R slots, N rows of a pass, H key/value heads, T columns, Q tokens a row of a pass, D head width.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

_FIRST_COLUMNS = 256


class _SlotLayer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values [R, H, T, D]."""

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.slots = slots

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        # Zeros, because 0 * NaN is NaN: a masked column must hold a finite number.
        self.keys = self._empty(key_states)
        self.values = self._empty(value_states)
        self.is_initialized = True

    def _empty(self, like_NHQD: torch.Tensor) -> torch.Tensor:
        _, heads, _, width = like_NHQD.shape
        return like_NHQD.new_zeros((self.slots.num_slots, heads, self.slots.num_columns, width))

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        at = self.slots
        rows = slice(at.first, at.first + key_states.shape[0])
        keys_NHTD, values_NHTD = self.keys[rows], self.values[rows]
        keys_NHTD[at.row_N1, :, at.position_NQ] = key_states.transpose(1, 2)
        values_NHTD[at.row_N1, :, at.position_NQ] = value_states.transpose(1, 2)
        return keys_NHTD[:, :, : at.width], values_NHTD[:, :, : at.width]

    def resize(self, num_rows: int) -> None:
        """Take the slots' present measures, keeping the first `num_rows` rows."""
        if not self.is_initialized:
            return
        old_keys, old_values = self.keys, self.values
        self.keys, self.values = self._empty(old_keys), self._empty(old_values)
        self.keys[:num_rows, :, : old_keys.shape[2]] = old_keys[:num_rows]
        self.values[:num_rows, :, : old_values.shape[2]] = old_values[:num_rows]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.slots.width, 0

    def get_seq_length(self) -> int:
        return self.slots.width

    def get_max_length(self) -> int:
        return -1


class Slots(Cache):  # type: ignore[misc]
    """The slots of all layers. `place` says where the next forward pass writes and how far it reads.

    Longer rows get more columns, and then fewer slots, so that memory stays under `max_bytes`
    (unless the rows that are there need more).
    """

    def __init__(self, num_layers: int, max_slots: int, column_bytes: int, max_bytes: int) -> None:
        self.max_slots, self.column_bytes, self.max_bytes = max_slots, column_bytes, max_bytes
        self.first = self.width = 0
        self.row_N1 = self.position_NQ = torch.zeros((0, 1), dtype=torch.long)
        super().__init__(layers=[_SlotLayer(self) for _ in range(num_layers)])
        self.num_columns, self.num_slots = _FIRST_COLUMNS, self._affordable(_FIRST_COLUMNS)

    def shrink(self) -> None:
        """Go back to the first measures, if longer rows have changed them. All rows are forgotten."""
        if self.num_columns == _FIRST_COLUMNS:
            return
        self.num_columns, self.num_slots = _FIRST_COLUMNS, self._affordable(_FIRST_COLUMNS)
        for layer in self.layers:
            layer.keys = layer.values = None
            layer.is_initialized = False

    def _affordable(self, num_columns: int) -> int:
        return max(1, min(self.max_slots, self.max_bytes // (self.column_bytes * num_columns)))

    def reserve(self, num_rows: int, width: int) -> None:
        """Room for `width` columns; the first `num_rows` rows stay."""
        if width <= self.num_columns:
            return
        # In whole steps, because each change copies what is there.
        self.num_columns = -(-width // _FIRST_COLUMNS) * _FIRST_COLUMNS
        self.num_slots = max(num_rows, self._affordable(self.num_columns))
        for layer in self.layers:
            layer.resize(num_rows)

    def place(self, first: int, position_NQ: torch.Tensor, width: int) -> None:
        """The next pass writes rows `first`.. at these columns, and reads the first `width` columns."""
        self.reserve(first + position_NQ.shape[0], width)
        self.first, self.position_NQ, self.width = first, position_NQ, width
        self.row_N1 = torch.arange(position_NQ.shape[0], device=position_NQ.device)[:, None]

    def copy(self, source: int, target: int, length: int) -> None:
        """The first `length` columns of one slot into another."""
        for layer in self.layers:
            layer.keys[target, :, :length] = layer.keys[source, :, :length]
            layer.values[target, :, :length] = layer.values[source, :, :length]

    def read(self, slot: int, length: int) -> list[torch.Tensor]:
        """A copy of a slot's first columns: keys and values, layer by layer."""
        return [side[slot, :, :length].clone() for layer in self.layers for side in (layer.keys, layer.values)]

    def write(self, slot: int, kept: Sequence[torch.Tensor], length: int) -> None:
        """The first `length` columns of what `read` gave, into a slot."""
        for layer, keys_HTD, values_HTD in zip(self.layers, kept[::2], kept[1::2], strict=True):
            if not layer.is_initialized:
                layer.lazy_initialization(keys_HTD[None], values_HTD[None])
            layer.keys[slot, :, :length] = keys_HTD[:, :length]
            layer.values[slot, :, :length] = values_HTD[:, :length]


@dataclass(frozen=True, slots=True)
class _Entry:
    ids: tuple[int, ...]
    kept: list[torch.Tensor]
    num_bytes: int


class PrefixStore:
    """Keys and values of prompts and finished rows, least recently used out first.

    A prompt starts from the entry with which it shares the longest prefix: the preamble common to all
    prompts, the same prompt asked again, the earlier turns of a conversation, answers included.
    """

    def __init__(self, max_bytes: int, max_entries: int = 512) -> None:
        self.max_bytes, self.max_entries = max_bytes, max_entries
        self.num_bytes = 0
        self._entries: OrderedDict[tuple[int, ...], _Entry] = OrderedDict()

    def longest(self, ids: Sequence[int]) -> tuple[int, list[torch.Tensor]]:
        """How many first tokens are known, and their keys and values."""
        best, found = 0, None
        for entry in self._entries.values():
            length = shared_length(entry.ids, ids)
            if length > best:
                best, found = length, entry
        if found is None:
            return 0, []
        self._entries.move_to_end(found.ids)
        return best, found.kept

    def add(self, ids: Sequence[int], kept: list[torch.Tensor]) -> None:
        entry = _Entry(tuple(ids), kept, sum(side.numel() * side.element_size() for side in kept))
        if entry.ids in self._entries or entry.num_bytes > self.max_bytes:
            return
        self._entries[entry.ids] = entry
        self.num_bytes += entry.num_bytes
        while self.num_bytes > self.max_bytes or len(self._entries) > self.max_entries:
            _, old = self._entries.popitem(last=False)
            self.num_bytes -= old.num_bytes


def shared_length(a: Sequence[int], b: Sequence[int]) -> int:
    """The number of first tokens that two sequences share."""
    for length, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return length
    return min(len(a), len(b))
