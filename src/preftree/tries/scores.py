"""What a model says of the sequences of a trie: summed log-probabilities, and rewards.

In:  a model, a `Trie`.
Out: tensors over the trie's sequences, in their order, with gradients.
Always true: only scored positions meet the vocabulary projection, a chunk at a time, in backward too, so the
logits of a whole row never exist; a token that several sequences share counts once for each of them; the
reward is read at a sequence's last token, where plain transformers reads the exported model.

Shapes: T tokens, W width, S sequences, E edges (scored tokens), U distinct positions that predict them, V words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from preftree.errors import InputError
from preftree.tries.attention import Kind, trie_hidden
from preftree.tries.linear import product
from preftree.tries.trie import Trie

# Logits that exist at one time: 64 MiB in fp32. Larger gains nothing, smaller pays the weight's gradient too often.
_CHUNK_LOGITS = 1 << 23


def trie_logps(model: Any, trie: Trie, kind: Kind | None = None, *, routing: list[Tensor] | None = None) -> Tensor:
    """Summed log-probabilities [S] of the scored spans, in nats; `routing` as in `trie_hidden`."""
    hidden_TW = trie_hidden(model, trie, kind, routing=routing)
    edge_logps_E = _edge_logps(model, trie, hidden_TW)
    # Sums of thousands of terms, in fp64: a sequence's sum should not depend on what stands beside it.
    sums_S = torch.zeros(trie.num_sequences, dtype=torch.float64, device=hidden_TW.device)
    if not trie.members:
        return sums_S.to(edge_logps_E.dtype)
    edge_M, sequence_M = torch.tensor(trie.members, device=hidden_TW.device).unbind(1)
    return sums_S.index_add(0, sequence_M, edge_logps_E[edge_M].double()).to(edge_logps_E.dtype)


def trie_rewards(model: Any, trie: Trie, kind: Kind | None = None, *, routing: list[Tensor] | None = None) -> Tensor:
    """Rewards [S] at the last token of each sequence, by the model's `score` head; `routing` as in `trie_hidden`."""
    hidden_TW = trie_hidden(model, trie, kind, routing=routing)
    last_SW = hidden_TW[torch.tensor(trie.last, device=hidden_TW.device)]
    weight_1W = model.score.weight
    with torch.autocast(hidden_TW.device.type, enabled=False):
        rewards_S1 = last_SW.to(weight_1W.dtype) @ weight_1W.T
        if model.score.bias is not None:
            rewards_S1 = rewards_S1 + model.score.bias
    rewards_S: Tensor = rewards_S1[:, 0]
    return rewards_S


@dataclass(frozen=True, slots=True)
class _Projection:
    """Which rows of the hidden states are projected, and which word each edge asks for."""

    rows: Tensor
    targets: Tensor
    bounds: tuple[tuple[int, int, int, int], ...]
    scale: float
    cap: float | None
    dtype: torch.dtype


def _edge_logps(model: Any, trie: Trie, hidden_TW: Tensor) -> Tensor:
    """Log-probability [E] of each scored token, given its parent's hidden state."""
    head = model.get_output_embeddings()
    if head is None:
        raise InputError(f"{type(model).__name__} has no vocabulary projection: a causal language model is needed")
    device = hidden_TW.device
    places: list[int] = []
    rows: list[int] = []
    for edge in trie.edges:
        if not places or places[-1] != trie.parent[edge]:
            places.append(trie.parent[edge])
        rows.append(len(places) - 1)
    scale, cap = _scaling(model.config)
    exact = torch.float64 if hidden_TW.dtype == torch.float64 else torch.float32
    lowered = torch.is_autocast_enabled(device.type)
    plan = _Projection(
        rows=torch.tensor(rows, device=device),
        targets=torch.tensor([trie.tokens[edge] for edge in trie.edges], device=device),
        bounds=tuple(_chunks(rows, max(1, _CHUNK_LOGITS // head.weight.shape[0]))),
        scale=scale,
        cap=cap,
        dtype=torch.get_autocast_dtype(device.type) if lowered else head.weight.dtype,
    )
    if not rows:
        return hidden_TW.new_zeros(0, dtype=exact)
    hidden_UW = hidden_TW[torch.tensor(places, device=device)]
    logps: Tensor = _ScoredProjection.apply(hidden_UW, head.weight, head.bias, plan)  # type: ignore[no-untyped-call]
    return logps


def _scaling(config: Any) -> tuple[float, float | None]:
    """What some families do to their logits: Cohere multiplies, Granite divides, Gemma 2 caps."""
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return scale, None if cap is None else float(cap)


def _chunks(rows: list[int], size: int) -> list[tuple[int, int, int, int]]:
    """(first row, end row, first edge, end edge) of each chunk of `size` rows; edges are in the order of rows."""
    bounds = []
    edge = 0
    num_rows = rows[-1] + 1 if rows else 0
    for start in range(0, num_rows, size):
        stop = min(start + size, num_rows)
        first = edge
        while edge < len(rows) and rows[edge] < stop:
            edge += 1
        bounds.append((start, stop, first, edge))
    return bounds


class _ScoredProjection(torch.autograd.Function):
    """log softmax(hidden @ weight.T + bias) at (row, target), chunk by chunk; backward projects again."""

    @staticmethod
    def forward(ctx: Any, hidden_UW: Tensor, weight_VW: Tensor, bias_V: Tensor | None, plan: _Projection) -> Tensor:
        low_UW, low_VW = hidden_UW.to(plan.dtype), weight_VW.to(plan.dtype)
        exact = torch.float64 if plan.dtype == torch.float64 else torch.float32
        logps_E = hidden_UW.new_empty(len(plan.rows), dtype=exact)
        lse_U = hidden_UW.new_empty(len(hidden_UW), dtype=exact)
        for start, stop, first, last in plan.bounds:
            logits_CV = _logits(low_UW[start:stop], low_VW, bias_V, plan, exact)
            row = plan.rows[first:last]
            asked_E = logits_CV[row - start, plan.targets[first:last]]
            # logsumexp in place: torch's own takes as much memory again.
            top_C1 = logits_CV.amax(-1, keepdim=True)
            lse_U[start:stop] = logits_CV.sub_(top_C1).exp_().sum(-1).log_() + top_C1[:, 0]
            logps_E[first:last] = asked_E - lse_U[row]
        ctx.save_for_backward(low_UW, low_VW, bias_V, lse_U)
        ctx.plan, ctx.dtypes = plan, (hidden_UW.dtype, weight_VW.dtype)
        return logps_E

    @staticmethod
    def backward(ctx: Any, grad_E: Tensor) -> tuple[Tensor | None, ...]:
        low_UW, low_VW, bias_V, lse_U = ctx.saved_tensors
        plan: _Projection = ctx.plan
        grad_hidden_UW = torch.empty_like(low_UW)
        grad_weight_VW = torch.zeros_like(low_VW, dtype=ctx.dtypes[1]) if ctx.needs_input_grad[1] else None
        grad_bias_V = torch.zeros_like(bias_V) if bias_V is not None and ctx.needs_input_grad[2] else None
        grad_U = torch.zeros_like(lse_U).index_add_(0, plan.rows, grad_E.to(lse_U.dtype))
        for start, stop, first, last in plan.bounds:
            logits_CV = _logits(low_UW[start:stop], low_VW, bias_V, plan, lse_U.dtype)
            slope_CV = None if plan.cap is None else 1 - (logits_CV / plan.cap) ** 2
            # d logp(target) = onehot(target) - softmax, weighted by what each edge's loss asks.
            change_CV = logits_CV.sub_(lse_U[start:stop, None]).exp_().mul_(-grad_U[start:stop, None])
            at = (plan.rows[first:last] - start, plan.targets[first:last])
            change_CV.index_put_(at, grad_E[first:last].to(change_CV.dtype), accumulate=True)
            if slope_CV is not None:
                change_CV *= slope_CV
            if plan.scale != 1.0:
                change_CV *= plan.scale
            if grad_bias_V is not None:
                grad_bias_V += change_CV.sum(0)
            low_CV = change_CV.to(plan.dtype)
            grad_hidden_UW[start:stop] = product(low_CV, low_VW.T)
            if grad_weight_VW is not None and grad_weight_VW.dtype == plan.dtype:
                grad_weight_VW.addmm_(low_CV.T, low_UW[start:stop])
            elif grad_weight_VW is not None:
                grad_weight_VW += low_CV.T @ low_UW[start:stop]
        return grad_hidden_UW.to(ctx.dtypes[0]), grad_weight_VW, grad_bias_V, None


def _logits(
    hidden_CW: Tensor, weight_VW: Tensor, bias_V: Tensor | None, plan: _Projection, exact: torch.dtype
) -> Tensor:
    logits_CV = product(hidden_CW, weight_VW).to(exact)
    if bias_V is not None:
        logits_CV += bias_V
    if plan.scale != 1.0:
        logits_CV *= plan.scale
    return logits_CV if plan.cap is None else plan.cap * torch.tanh(logits_CV / plan.cap)
