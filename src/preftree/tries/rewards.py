"""A trained reward model, asked about many finished conversations at once.

In:  a directory that `AutoModelForSequenceClassification` reads; groups of conversations (one a problem, say).
Out: one reward a conversation.
Always true: a reward does not depend on what is scored beside it, beyond rounding; it is what plain transformers
reads at the last token that the chat template gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from preftree.errors import InputError
from preftree.progress import progress
from preftree.records import Message
from preftree.tries.precision import resolve_precision
from preftree.tries.render import render_messages
from preftree.tries.trie import build_trie, pack


class RewardModel:
    """Loaded at once, used often. `max_tokens` bounds one forward pass."""

    def __init__(self, path: str, *, max_tokens: int = 4096, precision: str = "auto") -> None:
        import torch
        import transformers

        from preftree.tries.attention import check_model

        if not (Path(path) / "config.json").is_file():
            raise InputError(f"reward model {path}: no model directory there")
        transformers.utils.logging.disable_progress_bar()
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        self._model = transformers.AutoModelForSequenceClassification.from_pretrained(path, dtype=torch.float32)
        if self._model.config.num_labels != 1:
            raise InputError(f"reward model {path}: it has {self._model.config.num_labels} labels, expected 1")
        self._model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        check_model(self._model)
        self._max_tokens, self._lowered = max_tokens, resolve_precision(precision) == "bf16"

    def score(self, conversations: Sequence[Sequence[tuple[Message, ...]]]) -> list[list[float]]:
        """Rewards of each group's conversations, in their order; what a group shares is computed once."""
        import torch

        from preftree.tries.scores import trie_rewards

        limit = int(getattr(self._model.config, "max_position_embeddings", 1 << 30))
        flat = [
            (group, place, render_messages(self._tokenizer, conversation, scored=(), max_length=limit))
            for group, members in enumerate(conversations)
            for place, conversation in enumerate(members)
        ]
        rewards = [[0.0] * len(members) for members in conversations]
        flat.sort(key=lambda entry: entry[2].tokens)
        device = self._model.device.type
        with progress("rewards", len(flat), "answers") as bar:
            for indices in pack([[sequence] for _, _, sequence in flat], self._max_tokens):
                trie = build_trie([flat[index][2] for index in indices])
                with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=self._lowered):
                    scores = trie_rewards(self._model, trie).tolist()
                for index, score in zip(indices, scores, strict=True):
                    rewards[flat[index][0]][flat[index][1]] = score
                bar.advance(len(indices))
        return rewards
