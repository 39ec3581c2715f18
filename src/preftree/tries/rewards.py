"""Models asked about many finished conversations: a reward model's rewards, a language model's log-probabilities.

In:  a directory that `AutoModelForSequenceClassification` (or `AutoModelForCausalLM`) reads, or the released Eurus-RM;
     groups of conversations (one a problem, say).
Out: one number a conversation; -inf, so that it is never chosen, for one that can't be read (longer than the model's
     positions, refused by the template). These are counted on stderr and in `set_aside`.
Always true: a reward does not depend on what is scored beside it, beyond rounding; it is what plain transformers
reads at the last token that the chat template gives; no weight of the model was drawn when it was loaded.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.progress import progress
from preftree.records import Message
from preftree.tries.asking import Answered, Asked, Conversations
from preftree.tries.precision import resolve_precision
from preftree.tries.trie import TokenSequence

LAYOUTS = ("trie", "rows")


class RewardModel:
    """Loaded at once, used often. `max_tokens` bounds one forward pass; `set_aside` counts reasons over all calls.

    `layout="rows"` is for models that no trie can be laid out for (encoders that look both ways, another kind of
    head): plain padded batches, and nothing is shared.
    """

    def __init__(self, path: str, *, max_tokens: int = 4096, precision: str = "auto", layout: str = "trie") -> None:
        tokenizer = _tokenizer(path, "reward model")
        if layout not in LAYOUTS:
            raise InputError(f'layout: expected one of {", ".join(LAYOUTS)}, got "{layout}"')
        model = _on_device(_load(path))
        lowered = resolve_precision(precision) == "bf16"
        if layout == "rows":
            self._asked: Asked = _Rows(model, tokenizer, max_tokens=max_tokens, lowered=lowered, where=path)
        else:
            from preftree.tries.scores import trie_rewards

            _prepared(model)
            self._asked = Asked(model, tokenizer, trie_rewards, max_tokens=max_tokens, lowered=lowered)

    @property
    def set_aside(self) -> Counter[str]:
        """Reasons why conversations could not be read, with counts."""
        return self._asked.set_aside

    def passes(self, conversations: Conversations) -> Iterator[list[Answered]]:
        """The rewards of those that can be read, a forward pass at a time."""
        return self._asked.passes(conversations)

    def score(self, conversations: Sequence[Sequence[tuple[Message, ...]]]) -> list[list[float]]:
        """Rewards of each group's conversations, in their order; what a group shares is computed once."""
        before = Counter(self.set_aside)
        rewards = [[-math.inf] * len(members) for members in conversations]
        with progress("rewards", sum(map(len, conversations)), "answers") as bar:
            for answered in self.passes(conversations):
                for one in answered:
                    rewards[one.group][one.place] = one.value
                bar.advance(len(answered))
        tell_set_aside(self.set_aside - before)
        return rewards


class LogpModel:
    """A causal language model, asked for the log-probability of each conversation's last message (in nats, summed)."""

    def __init__(self, path: str, *, max_tokens: int = 4096, precision: str = "auto") -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from preftree.tries.scores import trie_logps

        tokenizer = _tokenizer(path, "model")
        model, info = AutoModelForCausalLM.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        if info["missing_keys"]:
            raise InputError(f"model {path}: no weights for {', '.join(sorted(info['missing_keys'])[:3])}")
        model = _on_device(model)
        _prepared(model)
        lowered = resolve_precision(precision) == "bf16"
        self._asked = Asked(model, tokenizer, trie_logps, max_tokens=max_tokens, lowered=lowered, spans=True)

    @property
    def set_aside(self) -> Counter[str]:
        """Reasons why conversations could not be read, with counts."""
        return self._asked.set_aside

    def passes(self, conversations: Conversations) -> Iterator[list[Answered]]:
        """The log-probabilities of those that can be read, a forward pass at a time."""
        return self._asked.passes(conversations)


def tell_set_aside(reasons: Counter[str]) -> None:
    for reason, count in reasons.items():
        print(f"rewards: {count} answers set aside with a reward of -inf: {reason}", file=sys.stderr)


class _Rows(Asked):
    """The same questions, answered row by row in padded batches."""

    def __init__(self, model: Any, tokenizer: Any, *, max_tokens: int, lowered: bool, where: str) -> None:
        super().__init__(model, tokenizer, _never, max_tokens=max_tokens, lowered=lowered)
        self._padding = model.config.get_text_config().pad_token_id
        if self._padding is None:
            raise InputError(f"reward model {where}: its config names no pad_token_id, which padded rows need")

    def values(self, sequences: Sequence[TokenSequence]) -> list[float]:
        import torch

        order = sorted(range(len(sequences)), key=lambda at: len(sequences[at].tokens))
        values = [0.0] * len(sequences)
        device = self._model.device
        while order:
            longest = len(sequences[order[-1]].tokens)
            batch = order[-max(1, self._max_tokens // longest) :]
            del order[-len(batch) :]
            ids_BT = torch.full((len(batch), longest), self._padding, device=device)
            seen_BT = torch.zeros_like(ids_BT)
            for row, at in enumerate(batch):
                length = len(sequences[at].tokens)
                ids_BT[row, :length] = torch.tensor(sequences[at].tokens, device=device)
                seen_BT[row, :length] = 1
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self._lowered):
                logits_B1 = self._model(input_ids=ids_BT, attention_mask=seen_BT).logits
            for at, value in zip(batch, logits_B1[:, 0].tolist(), strict=True):
                values[at] = value
        return values


def _never(model: Any, trie: Any) -> Any:
    raise NotImplementedError("rows are asked in batches")


def _tokenizer(path: str, what: str) -> Any:
    import transformers

    if not (Path(path) / "config.json").is_file():
        raise InputError(f"{what} {path}: no model directory there")
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    if tokenizer.chat_template is None:
        raise InputError(f"{what} {path}: its tokenizer has no chat template, which conversations need")
    return tokenizer


def _on_device(model: Any) -> Any:
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def _prepared(model: Any) -> None:
    from preftree.tries.attention import check_model

    # Not lightened: without gradient that is no faster (measured), and its products round a little more coarsely.
    check_model(model)


def _load(path: str) -> Any:
    """A model with one label, all of whose weights stand in the directory."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from preftree.tries.eurus_rm import is_eurus_rm, read_eurus_rm

    if is_eurus_rm(path):
        return read_eurus_rm(path)
    labels = AutoConfig.from_pretrained(path).num_labels
    if labels != 1:
        raise InputError(f"reward model {path}: it has {labels} labels, expected 1")
    model, info = AutoModelForSequenceClassification.from_pretrained(
        path, dtype=torch.float32, output_loading_info=True
    )
    if info["missing_keys"]:
        raise InputError(f"reward model {path}: no weights for {', '.join(sorted(info['missing_keys'])[:3])}")
    return model
