"""A reward model: a causal transformer with one linear output, read at the last token of a conversation.

In:  a causal model, a reward model or the released Eurus-RM; its tokenizer; the tokens with which conversations end.
Out: an `AutoModelForSequenceClassification` with one label whose raw output is the reward.
Always true: other readers of the export read where we train. Plain transformers (and TRL, and RewardBench) take the
last token that is not `config.pad_token_id`, whatever the attention mask says; vLLM, which pads nothing, takes the
last. So no conversation ends with the padding token. Where positions are relative (rotary), the tokenizer pads on the
left: then the last token stays last even for a reader that sets the tokenizer's padding token to another, such as the
end of text. What nobody can mend: a reader that sets the model's own `config.pad_token_id` to a token with which
conversations end reads the token before it.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from preftree.errors import InputError
from preftree.records import Message
from preftree.tries.eurus_rm import is_eurus_rm, read_eurus_rm
from preftree.tries.render import Chat, SetAsideError, render_all


def load_reward_model(path: str, tokenizer: Any, last_tokens: set[int], *, seed: int) -> Any:
    """The model with a head drawn by the seed, or its own head if it has one. The tokenizer's padding is set too."""
    torch.manual_seed(seed)
    model = read_eurus_rm(path) if is_eurus_rm(path) else _load(path)
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear):
        raise InputError(f"{path}: {type(model).__name__} has no linear `score` head to train as a reward")
    # By this name readers (transformers' pipeline, vLLM) know that the raw output is wanted, not its sigmoid.
    model.config.problem_type = "regression"
    set_padding(model, tokenizer, last_tokens)
    return model


def _load(path: str) -> Any:
    config = AutoConfig.from_pretrained(path)
    classifies = any(name.endswith("ForSequenceClassification") for name in config.architectures or ())
    if classifies and config.num_labels != 1:
        raise InputError(f"{path}: a classifier of {config.num_labels} labels, expected a causal model or one label")
    model, info = AutoModelForSequenceClassification.from_pretrained(
        path, num_labels=1, dtype=torch.float32, output_loading_info=True
    )
    # The head of a causal model is new; nothing else may be, nor the head of what has one.
    drawn = sorted(set(info["missing_keys"]) - (set() if classifies else {"score.weight", "score.bias"}))
    if drawn:
        raise InputError(f"{path}: no weights for {', '.join(drawn[:3])}")
    return model


def set_padding(model: Any, tokenizer: Any, last_tokens: set[int]) -> None:
    """A padding token that no conversation ends with: the tokenizer's own, the unknown one, another special one (one
    that the template does not use, if there is any), or a new one."""
    talk = _talk_tokens(tokenizer)
    ends = {*last_tokens, *talk[-1:]}
    special = sorted(tokenizer.all_special_ids, key=lambda token: (token in talk, token))
    candidates = [tokenizer.pad_token_id, tokenizer.unk_token_id, *special]
    free = [token for token in candidates if token is not None and token not in ends]
    if free:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(free[0])
    else:
        tokenizer.add_special_tokens({"pad_token": "<|pad|>"})
        if len(tokenizer) > model.get_input_embeddings().num_embeddings:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    config = model.config.get_text_config()
    config.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    if getattr(config, "rope_parameters", None):
        # What is not among these arguments is not saved with the tokenizer.
        tokenizer.init_kwargs["padding_side"] = tokenizer.padding_side = "left"


def _talk_tokens(tokenizer: Any) -> tuple[int, ...]:
    """How the template renders a short conversation; nothing where it has none, or takes none of this form."""
    if tokenizer.chat_template is None:
        return ()
    chat = Chat((Message("user", "a"), Message("assistant", "b")))
    (found,) = render_all(tokenizer, [chat], max_length=1 << 30)
    return () if isinstance(found, SetAsideError) else found.tokens
