"""Attention over a trie by FlexAttention: the rule of `plan` as a block mask, so that hidden blocks cost nothing.

In:  queries, keys and values of a padded row, its plan. Out: what a token's own path says to it.
Always true: rows come in a few sizes, since each new size compiles the kernel again; on CUDA kernel and mask builder
are compiled (uncompiled, the builder would make the whole square); elsewhere they run as they are, for tests.

Shapes: T tokens of the padded row, H query heads, G key heads, D head width.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from preftree.tries.plan import Plan, refuse_unknown

# Under this many tokens a dense mask is faster.
FLEX_FROM = 1000
_SMALLEST = 1024


def padded_size(length: int) -> int:
    """The next of 1,024 x (1, 1.5, 2, 3, 4, 6, 8, ...): at most a third is padding, eight sizes up to 12,288."""
    size = _SMALLEST
    while size < length:
        size = size * 3 // 2 if size & (size - 1) == 0 else size * 4 // 3
    return size


@functools.cache
def _compiled() -> tuple[Any, Any]:
    return torch.compile(flex_attention, dynamic=False), torch.compile(create_block_mask, dynamic=False)


def attend_flex(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    trie_plan: Plan | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """What transformers calls, layer by layer: out [1, T, H, D]."""
    plan = refuse_unknown(module, trie_plan, dropout, kwargs)
    on_cuda = query.device.type == "cuda"
    attend, build = _compiled() if on_cuda else (flex_attention, create_block_mask)
    length = query.shape[2]

    def seen(batch: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        on_path = (j <= i) & (i < plan.end_T[j])
        if sliding_window is None:
            return on_path
        return on_path & (plan.position_T[i] - plan.position_T[j] < sliding_window)

    def capped(score: Tensor, batch: Tensor, head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        assert softcap is not None
        return softcap * torch.tanh(score / softcap)

    mask = plan.shared(
        ("flex", sliding_window), lambda: build(seen, None, None, length, length, device=str(query.device))
    )
    out_1HTD = attend(
        query.to(value.dtype), key.to(value.dtype), value,
        score_mod=None if softcap is None else capped, block_mask=mask, scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip
    return out_1HTD.transpose(1, 2).contiguous(), None
