"""A reward model: a causal transformer with one linear output, read at the last token of a conversation.

In:  the path of a causal model, its tokenizer, a finished conversation's last token.
Out: an `AutoModelForSequenceClassification` with one label, no bias and a padding token that never ends a
conversation, so that plain transformers (which reads the last token that is not padding) reads where we train.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from preftree.errors import InputError


def load_reward_model(path: str, tokenizer: Any, last_tokens: set[int], *, seed: int) -> Any:
    """The model with a head drawn by the seed, or its own head if the model has one."""
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(path, num_labels=1, dtype=torch.float32)
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear):
        raise InputError(f"{path}: {type(model).__name__} has no linear `score` head to train as a reward")
    set_padding(model, tokenizer, last_tokens)
    return model


def set_padding(model: Any, tokenizer: Any, last_tokens: set[int]) -> None:
    """A padding token that no conversation ends with: the tokenizer's own, another special one, or a new one."""
    candidates = [tokenizer.pad_token_id, tokenizer.unk_token_id, *sorted(tokenizer.all_special_ids)]
    free = [token for token in candidates if token is not None and token not in last_tokens]
    if free:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(free[0])
    else:
        tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer))
    model.config.pad_token_id = tokenizer.pad_token_id
