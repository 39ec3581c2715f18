"""Attention over a trie: each token sees its own path and nothing else.

In:  a causal transformer of `transformers`, a `Trie`.
Out: the last hidden states of all its tokens, computed once each.
Always true: token i attends to token j exactly if j <= i < end(j), and, under a sliding window w, if their
positions differ by less than w. A model for which this can't be kept (recurrent or convolutional layers, which
carry state from one branch into its neighbour) is refused in one sentence.

Three implementations are registered through transformers' `AttentionInterface`:
- *nodes*: the queries of one trie node against the keys of its path, one call a node, so that attention is paid
  along paths and not over the square;
- *dense*: one call under a mask over the square: the plain reference, and what CUDA uses for short rows;
- *flex*: FlexAttention under a block mask (see `flex`), what CUDA uses for long rows.

Shapes: T tokens of the trie, N of a node, K keys on a path, H query heads, G key heads, D head width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import AttentionInterface

from preftree.errors import InputError
from preftree.tries.flex import FLEX_FROM, attend_flex, padded_size
from preftree.tries.plan import Plan, refuse_unknown
from preftree.tries.routing import asks_for_routing, multiplicity, routing_loss
from preftree.tries.trie import Node, Span, TokenSequence, Trie, build_trie

Kind = Literal["nodes", "dense", "flex"]
_NAMES: dict[Kind, str] = {"nodes": "preftree_nodes", "dense": "preftree_dense", "flex": "preftree_flex"}
_SUPPORTED_LAYERS = {"full_attention", "sliding_attention"}
_FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_FLASH_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def trie_hidden(model: Any, trie: Trie, kind: Kind | None = None, *, routing: list[Tensor] | None = None) -> Tensor:
    """The last hidden states [T, W] of a model's decoder over a trie.

    With gradient checkpointing hold `attending(model)` until the backward pass has ended. The routing loss of a
    mixture of experts that asks for one is added to `routing`.
    """
    device = next(model.parameters()).device
    if kind is None and device.type == "cuda" and len(trie.tokens) >= FLEX_FROM:
        kind = "flex"
    plan = Plan(trie, device, padded_size(len(trie.tokens)) if kind == "flex" else None)
    with attending(model, kind):
        wanted = routing is not None and asks_for_routing(model.config)
        out = model.base_model(
            input_ids=plan.ids_T[None], position_ids=plan.position_T[None], use_cache=False, trie_plan=plan,
            **({"output_router_logits": True} if wanted else {}),
        )  # fmt: skip
    if routing is not None and wanted:
        counts_T = torch.tensor(multiplicity(trie), device=device)
        real = [logits_TE[: len(trie.tokens)] for logits_TE in out.router_logits]
        routing.append(routing_loss(model.config, real, counts_T))
    hidden_TW: Tensor = out.last_hidden_state[0, : len(trie.tokens)]
    return hidden_TW


@contextmanager
def attending(model: Any, kind: Kind | None = None) -> Iterator[None]:
    """While held, the model attends over tries. Nested uses keep the outer choice."""
    before = model.config._attn_implementation
    if before in _NAMES.values() and kind is None:
        yield
        return
    on_cpu = next(model.parameters()).device.type == "cpu"
    model.config._attn_implementation = _NAMES[kind or ("nodes" if on_cpu else "dense")]
    try:
        yield
    finally:
        model.config._attn_implementation = before


def check_model(model: Any) -> None:
    """Refuse a model that can't be run over a trie; the last check is a small trie against plain passes."""
    name = type(model).__name__
    kinds = set(getattr(model.config, "layer_types", None) or ()) - _SUPPORTED_LAYERS
    stateful = (torch.nn.Conv1d, torch.nn.RNNBase)
    if kinds or any(isinstance(module, stateful) for module in model.modules()):
        raise InputError(
            f"{name} has recurrent, convolutional or chunked layers ({', '.join(sorted(kinds)) or 'by its modules'}), "
            "which carry state between the branches of a trie: choose a model with plain or sliding-window attention"
        )
    if not getattr(model, "_supports_attention_backend", False):
        raise InputError(f"{name} does not let its attention be replaced through transformers' AttentionInterface")
    if getattr(model.config, "attention_dropout", 0.0):
        raise InputError(f"{name} has attention_dropout={model.config.attention_dropout}: set it to 0 in its config")
    _probe(model, name)


def _probe(model: Any, name: str) -> None:
    """Fourteen tokens in two branches: the trie's hidden states against two plain passes."""
    vocabulary = int(model.config.vocab_size)
    stem = [(7 * i + 3) % vocabulary for i in range(6)]
    rows = [[*stem, *((5 * i + shift) % vocabulary for i in range(4))] for shift in (1, 2)]
    trie = build_trie([TokenSequence(tuple(row)) for row in rows])
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            hidden_TW = trie_hidden(model, trie)
            for s, row in enumerate(rows):
                ids = torch.tensor([row], device=hidden_TW.device)
                plain_LW = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
                gap = (hidden_TW[trie.path(s)] - plain_LW).float().norm() / plain_LW.float().norm()
                if not gap < 0.02:
                    raise InputError(
                        f"{name} gives other hidden states over a trie than row by row (relative gap {gap:.2g}): "
                        "its layers see more than a token's own path"
                    )
    finally:
        model.train(was_training)


# ---------------------------------------------------------------- what transformers calls, layer by layer


def _attend_nodes(
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
    **kwargs: Any,
) -> tuple[Tensor, None]:
    if kwargs.get("softcap") is not None or query.device.type != "cpu":
        return _attend_dense(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout,
            sliding_window=sliding_window, trie_plan=trie_plan, **kwargs,
        )  # fmt: skip
    plan = refuse_unknown(module, trie_plan, dropout, kwargs)
    # The CPU's flash kernel runs backward 2.3 times as fast in fp32 as in bf16 (measured, Zen 5), and more exactly.
    exact = torch.float64 if query.dtype == torch.float64 else torch.float32
    out_1THD = _NodeAttention.apply(  # type: ignore[no-untyped-call]
        query.to(exact), key.to(exact), value.to(exact), plan, scaling, sliding_window
    )
    return out_1THD.to(value.dtype), None


def _attend_dense(
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
    plan = refuse_unknown(module, trie_plan, dropout, kwargs)
    mask_TT = plan.dense(sliding_window)
    query, key = query.to(value.dtype), key.to(value.dtype)
    if softcap is None:
        out_1HTD = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask_TT, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
        )
    else:
        groups = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
        scores_1HTT = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        scores_1HTT = softcap * torch.tanh(scores_1HTT / softcap)
        out_1HTD = scores_1HTT.masked_fill(~mask_TT, float("-inf")).softmax(-1) @ value
    return out_1HTD.transpose(1, 2).contiguous(), None


class _NodeAttention(torch.autograd.Function):
    """All nodes of a layer in one autograd step: keys of a path are gathered again in backward, never kept."""

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, plan: Plan, scaling: float | None, window: int | None
    ) -> Tensor:
        _, H, T, _ = query.shape
        out_1THD = query.new_empty(1, T, H, value.shape[-1])
        lse_1HT = query.new_empty(1, H, T)
        for node in plan.nodes:
            ranges = _visible(node, window)
            keys = _gather(key, ranges)
            mask, causal = _mask(plan, node, keys.shape[2], window, query.dtype)
            out, lse = _FLASH(
                query[:, :, node.start : node.stop], keys, _gather(value, ranges), 0.0, causal,
                attn_mask=mask, scale=scaling,
            )  # fmt: skip
            out_1THD[:, node.start : node.stop] = out.transpose(1, 2)
            lse_1HT[:, :, node.start : node.stop] = lse
        ctx.save_for_backward(query, key, value, out_1THD, lse_1HT)
        ctx.plan, ctx.scaling, ctx.window = plan, scaling, window
        return out_1THD

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, out_1THD, lse_1HT = ctx.saved_tensors
        grad_query = torch.empty_like(query)
        grad_key, grad_value = torch.zeros_like(key), torch.zeros_like(value)
        grad_1HTD, out_1HTD = grad_out.transpose(1, 2), out_1THD.transpose(1, 2)
        for node in ctx.plan.nodes:
            here = slice(node.start, node.stop)
            ranges = _visible(node, ctx.window)
            keys = _gather(key, ranges)
            mask, causal = _mask(ctx.plan, node, keys.shape[2], ctx.window, query.dtype)
            dq, dk, dv = _FLASH_BACKWARD(
                grad_1HTD[:, :, here], query[:, :, here], keys, _gather(value, ranges), out_1HTD[:, :, here],
                lse_1HT[:, :, here].contiguous(), 0.0, causal, attn_mask=mask, scale=ctx.scaling,
            )  # fmt: skip
            grad_query[:, :, here] = dq
            at = 0
            for start, stop in ranges:
                grad_key[:, :, start:stop] += dk[:, :, at : at + stop - start]
                grad_value[:, :, start:stop] += dv[:, :, at : at + stop - start]
                at += stop - start
        return grad_query, grad_key, grad_value, None, None, None


def _visible(node: Node, window: int | None) -> list[Span]:
    """The ranges of the layout that some query of a node sees: its path and itself, less what a window hides."""
    ranges = [*node.path, (node.start, node.stop)]
    if len(ranges) > 1 and ranges[-2][1] == node.start:
        ranges[-2:] = [(ranges[-2][0], node.stop)]
    drop = 0 if window is None else max(0, node.depth - window + 1)
    kept = []
    for start, stop in ranges:
        cut = min(drop, stop - start)
        drop -= cut
        if start + cut < stop:
            kept.append((start + cut, stop))
    return kept


def _gather(tensor: Tensor, ranges: list[Span]) -> Tensor:
    """Those places [1, G, K, D]; a view where they are one range."""
    if len(ranges) == 1:
        return tensor[:, :, ranges[0][0] : ranges[0][1]]
    return torch.cat([tensor[:, :, start:stop] for start, stop in ranges], dim=2)


def _mask(plan: Plan, node: Node, num_keys: int, window: int | None, dtype: torch.dtype) -> tuple[Tensor | None, bool]:
    """The kernel's mask, or its causal flag where node and keys are the same stretch."""
    num_queries = node.stop - node.start
    if num_queries == num_keys and (window is None or num_keys <= window):
        return None, True
    return plan.node(num_queries, num_keys, window, dtype), False


AttentionInterface.register(_NAMES["nodes"], _attend_nodes)
AttentionInterface.register(_NAMES["dense"], _attend_dense)
AttentionInterface.register(_NAMES["flex"], attend_flex)
