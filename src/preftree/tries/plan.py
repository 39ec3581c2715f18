"""What attention needs to know of a trie: places, positions, ends, and masks made of them.

In:  a trie, a device. Out: tensors and masks that all layers share.
Always true: token i attends to token j exactly if j <= i < end(j), and, under a sliding window w, if their positions
differ by less than w.

Shapes: T tokens of the row, N of a node, K keys on a path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from preftree.errors import InputError
from preftree.tries.trie import Trie


class Plan:
    """What every layer needs of one trie on one device; masks are made once and shared by all layers.

    With `size` the row is padded to so many tokens, which see themselves alone and are seen by none.
    """

    def __init__(self, trie: Trie, device: torch.device, size: int | None = None) -> None:
        self.nodes = trie.nodes
        length = len(trie.tokens)
        padding = range(length, max(size or 0, length))
        self.ids_T = torch.tensor([*trie.tokens, *(0 for _ in padding)], device=device)
        self.position_T = torch.tensor([*trie.position, *(0 for _ in padding)], device=device)
        self.end_T = torch.tensor([*trie.end, *(place + 1 for place in padding)], device=device)
        self._masks: dict[tuple[Any, ...], Tensor | None] = {}
        self._others: dict[tuple[Any, ...], Any] = {}

    def shared(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """A mask of another kind, made once."""
        if key not in self._others:
            self._others[key] = make()
        return self._others[key]

    def dense(self, window: int | None) -> Tensor:
        """The whole rule as a boolean square [T, T]."""
        key = ("dense", window)
        if key not in self._masks:
            place_T = torch.arange(len(self.ids_T), device=self.ids_T.device)
            seen_TT = (place_T[None, :] <= place_T[:, None]) & (place_T[:, None] < self.end_T[None, :])
            if window is not None:
                seen_TT &= self.position_T[:, None] - self.position_T[None, :] < window
            self._masks[key] = seen_TT
        mask_TT = self._masks[key]
        assert mask_TT is not None
        return mask_TT

    def node(self, num_queries: int, num_keys: int, window: int | None, dtype: torch.dtype) -> Tensor | None:
        """The additive mask [N, K] of a node whose last query is its last key; None if every key is seen."""
        key = (num_queries, num_keys, window, dtype)
        if key not in self._masks:
            query_N1 = torch.arange(num_keys - num_queries, num_keys)[:, None]
            key_1K = torch.arange(num_keys)[None, :]
            seen_NK = key_1K <= query_N1
            if window is not None:
                seen_NK &= query_N1 - key_1K < window
            hidden = torch.zeros(num_queries, num_keys, dtype=dtype).masked_fill_(~seen_NK, float("-inf"))
            self._masks[key] = None if bool(seen_NK.all()) else hidden
        return self._masks[key]


def refuse_unknown(module: torch.nn.Module, plan: Plan | None, dropout: float, kwargs: dict[str, Any]) -> Plan:
    """The plan, if this layer's attention is of a kind that tries can keep. Raises InputError."""
    if plan is None:
        raise InputError(f"{type(module).__name__} was called for trie attention without a trie")
    if dropout or kwargs.get("s_aux") is not None or kwargs.get("position_bias") is not None:
        raise InputError(
            f"{type(module).__name__} uses attention dropout, sinks or biases: no trie attention for these"
        )
    if not getattr(module, "is_causal", True):
        raise InputError(f"{type(module).__name__} looks ahead: tries need causal attention")
    return plan
