"""A trained reward model, asked about many finished conversations at once.

In:  a directory that `AutoModelForSequenceClassification` reads, or the released Eurus-RM; groups of conversations
     (one a problem, say).
Out: one reward a conversation; -inf, so that it is never chosen, for one that can't be read (longer than the model's
     positions, refused by the template). These are counted on stderr and in `set_aside`.
Always true: a reward does not depend on what is scored beside it, beyond rounding; it is what plain transformers
reads at the last token that the chat template gives; no weight of the model was drawn when it was loaded.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.progress import progress
from preftree.records import Message
from preftree.tries.precision import resolve_precision
from preftree.tries.render import Chat, SetAsideError, render_all
from preftree.tries.trie import TokenSequence, build_trie, pack


class RewardModel:
    """Loaded at once, used often. `max_tokens` bounds one forward pass; `set_aside` counts reasons over all calls."""

    def __init__(self, path: str, *, max_tokens: int = 4096, precision: str = "auto") -> None:
        import torch
        import transformers

        from preftree.tries.attention import check_model
        from preftree.tries.lean import lighten

        if not (Path(path) / "config.json").is_file():
            raise InputError(f"reward model {path}: no model directory there")
        transformers.utils.logging.disable_progress_bar()
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        if self._tokenizer.chat_template is None:
            raise InputError(f"reward model {path}: its tokenizer has no chat template, which conversations need")
        self._model = _load(path)
        self._model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        check_model(self._model)
        lighten(self._model)
        self._max_tokens, self._lowered = max_tokens, resolve_precision(precision) == "bf16"
        self.set_aside: Counter[str] = Counter()

    def score(self, conversations: Sequence[Sequence[tuple[Message, ...]]]) -> list[list[float]]:
        """Rewards of each group's conversations, in their order; what a group shares is computed once."""
        import torch

        from preftree.tries.scores import trie_rewards

        rewards = [[-math.inf] * len(members) for members in conversations]
        places = [(group, place) for group, members in enumerate(conversations) for place in range(len(members))]
        limit = int(getattr(self._model.config.get_text_config(), "max_position_embeddings", 1 << 30))
        chats = [Chat(tuple(conversations[group][place])) for group, place in places]
        found = render_all(self._tokenizer, chats, max_length=limit)
        flat = [(s, at) for s, at in zip(found, places, strict=True) if isinstance(s, TokenSequence)]
        flat.sort(key=lambda entry: entry[0].tokens)
        device = self._model.device.type
        with progress("rewards", len(flat), "answers") as bar:
            for indices in pack([[sequence] for sequence, _ in flat], self._max_tokens):
                trie = build_trie([flat[index][0] for index in indices])
                with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=self._lowered):
                    scores = trie_rewards(self._model, trie).tolist()
                for index, score in zip(indices, scores, strict=True):
                    group, place = flat[index][1]
                    rewards[group][place] = score
                bar.advance(len(indices))
        self._count(Counter(str(fault) for fault in found if isinstance(fault, SetAsideError)))
        return rewards

    def _count(self, reasons: Counter[str]) -> None:
        self.set_aside += reasons
        for reason, count in reasons.items():
            print(f"rewards: {count} answers set aside with a reward of -inf: {reason}", file=sys.stderr)


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
