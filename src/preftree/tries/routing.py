"""The load-balancing loss of mixtures of experts, over a trie: a token that n sequences share counts n times.

In:  the routers' logits of every layer, how many sequences hold each token, the model's configuration.
Out: the loss that a batch of the same sequences, row by row, gives (Switch Transformer, 2101.03961, equations 4 to 6).
Always true: a model that asks for no such loss costs nothing.

Shapes: T tokens, E experts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from preftree.tries.trie import Trie


def asks_for_routing(config: Any) -> bool:
    """Whether the model is to be trained with its routing loss, as TRL decides it."""
    return bool(getattr(config, "output_router_logits", False))


def multiplicity(trie: Trie) -> list[int]:
    """How many sequences hold each token [T]."""
    counts = [0] * len(trie.tokens)
    for last in trie.last:
        counts[last] += 1
    # Children stand behind their parents.
    for place in range(len(counts) - 1, -1, -1):
        if trie.parent[place] >= 0:
            counts[trie.parent[place]] += counts[place]
    return counts


def routing_loss(config: Any, logits: Sequence[Tensor], counts_T: Tensor) -> Tensor:
    """Times its coefficient. `logits` holds one tensor [T, E] a layer."""
    num_experts = getattr(config, "num_local_experts", None) or config.num_experts
    chosen_E = torch.zeros(num_experts, dtype=torch.float32, device=counts_T.device)
    likely_E = torch.zeros_like(chosen_E)
    weight_T = counts_T.float()
    for layer_TE in logits:
        probability_TE = layer_TE.float().softmax(-1)
        experts_TK = probability_TE.topk(config.num_experts_per_tok, dim=-1).indices
        chosen_E = chosen_E.index_add(0, experts_TK.flatten(), weight_T.repeat_interleave(config.num_experts_per_tok))
        likely_E = likely_E + weight_T @ probability_TE
    total = weight_T.sum() * len(logits)
    loss: Tensor = num_experts * (chosen_E / total * (likely_E / total)).sum()
    return float(config.router_aux_loss_coef) * loss
