"""A model that answers tries: `model(trie=...)` gives the scores of a trie, so that whatever wraps a model (DDP,
FSDP, DeepSpeed, PEFT) sees an ordinary forward pass.

In:  a causal model or a reward model of transformers, with or without adapters.
Out: the same object; called without a trie it does what it did.
Always true: attention is over the trie from the call until the backward pass has ended, if `attending` is held.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from torch import Tensor

from preftree.tries.lean import lighten
from preftree.tries.scores import trie_logps, trie_rewards
from preftree.tries.trie import Trie


class TrieScores(NamedTuple):
    """Scores [S], and the routing loss of a mixture of experts that asks for one."""

    scores: Tensor
    routing: Tensor | None


def answer_tries(model: Any, *, rewards: bool) -> Any:
    """Teach this model to answer tries, with rewards or with log-probabilities."""
    core = core_model(model)
    lighten(core)
    read = trie_rewards if rewards else trie_logps
    plain = model.forward

    @functools.wraps(plain)
    def forward(*args: Any, trie: Trie | None = None, **kwargs: Any) -> Any:
        if trie is None:
            return plain(*args, **kwargs)
        routing: list[Tensor] = []
        scores_S = read(core, trie, routing=routing)
        return TrieScores(scores_S, routing[0] if routing else None)

    model.forward = forward
    return model


def core_model(model: Any) -> Any:
    """The transformers model inside adapters."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model
