"""Attention over a trie on a CPU without gradient: all that stands under a stem asks it in one call.

In:  queries, keys and values of a layer, the plan of a trie. Out: what `nodes` gives, to rounding.
Always true: a token's keys are those of its path. They are seen in parts: each long stretch that others go on from (a
*stem*: a prompt, a history) by all its descendants at once, without a mask, and the rest node by node; the parts are
put together by their log-sums, which is exact.

A kernel for one short node works in small blocks; the sixteen answers to one prompt are one long block here. Measured
on two Zen 5 cores, SmolLM2-135M, sixteen answers of 150 tokens to a history of 800: see benchmarks/evaluation/rewards.
There is no backward pass: training keeps to `nodes`.

Shapes: T tokens of the trie, N of a part, H query heads, D head width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from preftree.tries.plan import Plan, refuse_unknown
from preftree.tries.trie import Node, Span

_FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
# Shorter stretches are not worth a call of their own: their keys go with each node's.
_STEM = 32

Attend = Callable[..., tuple[Tensor, None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Stems with the places under them, and for each node what is left of its path, itself last."""

    stems: tuple[tuple[Span, Span], ...]
    rest: tuple[tuple[Node, tuple[Span, ...]], ...]


def parts_of(plan: Plan) -> Parts:
    stems = {
        (node.start, node.stop): (node.stop, plan.ends[node.start])
        for node in plan.nodes
        if node.stop - node.start >= _STEM and node.stop < plan.ends[node.start]
    }
    rest = []
    above: list[Node] = []  # the path of the node in hand
    for node in plan.nodes:
        while above and plan.ends[above[-1].start] <= node.start:
            above.pop()
        left = tuple((up.start, up.stop) for up in above if (up.start, up.stop) not in stems)
        rest.append((node, (*left, (node.start, node.stop))))
        above.append(node)
    return Parts(tuple(stems.items()), tuple(rest))


def attend_stems(otherwise: Attend) -> Attend:
    """The function that transformers calls; `otherwise` takes what this has no way for."""

    def attend(
        module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *,
        scaling: float | None = None, dropout: float = 0.0, sliding_window: int | None = None,
        trie_plan: Plan | None = None, **kwargs: Any,
    ) -> tuple[Tensor, None]:  # fmt: skip
        plan = refuse_unknown(module, trie_plan, dropout, kwargs)
        hidden = sliding_window is not None and plan.depth > sliding_window
        if torch.is_grad_enabled() or kwargs.get("softcap") is not None or query.device.type != "cpu" or hidden:
            return otherwise(
                module, query, key, value, attention_mask, scaling=scaling, dropout=dropout,
                sliding_window=sliding_window, trie_plan=trie_plan, **kwargs,
            )  # fmt: skip
        exact = torch.float64 if query.dtype == torch.float64 else torch.float32
        parts: Parts = plan.shared(("stems",), lambda: parts_of(plan))
        return _attend(query.to(exact), key.to(exact), value.to(exact), plan, parts, scaling).to(value.dtype), None

    return attend


def _attend(query: Tensor, key: Tensor, value: Tensor, plan: Plan, parts: Parts, scaling: float | None) -> Tensor:
    _, H, T, _ = query.shape
    out_1THD = query.new_empty(1, T, H, value.shape[-1])
    lse_1HT = query.new_empty(1, H, T)
    for node, ranges in parts.rest:
        here = slice(node.start, node.stop)
        keys, values = (_gather(tensor, ranges) for tensor in (key, value))
        own = len(ranges) == 1
        mask = None if own else plan.node(node.stop - node.start, keys.shape[2], None, query.dtype)
        out, lse = _FLASH(query[:, :, here], keys, values, 0.0, own, attn_mask=mask, scale=scaling)
        out_1THD[:, here], lse_1HT[:, :, here] = out.transpose(1, 2), lse
    for (start, stop), (first, last) in parts.stems:
        under = slice(first, last)
        out, lse = _FLASH(
            query[:, :, under],
            key[:, :, start:stop],
            value[:, :, start:stop],
            0.0,
            False,
            attn_mask=None,
            scale=scaling,
        )
        # softmax over both parts: each part's result, weighted by the share of its sum.
        share_1NH1 = torch.sigmoid(lse - lse_1HT[:, :, under]).transpose(1, 2)[..., None]
        out_1THD[:, under].lerp_(out.transpose(1, 2), share_1NH1)
        lse_1HT[:, :, under] = torch.logaddexp(lse_1HT[:, :, under], lse)
    return out_1THD


def _gather(tensor: Tensor, ranges: tuple[Span, ...]) -> Tensor:
    if len(ranges) == 1:
        return tensor[:, :, ranges[0][0] : ranges[0][1]]
    return torch.cat([tensor[:, :, start:stop] for start, stop in ranges], dim=2)
