"""Tokenising texts that share most of their words: each stretch between special tokens once.

In:  texts as a chat template gives them, a tokenizer.
Out: the same token ids that the tokenizer gives for each whole text.
Always true: the short cut is taken only where it is exact by the tokenizer's own rules: special tokens are cut out
before anything else looks at the text, and bytes are split with no regard to what stood before them (byte-level BPE:
SmolLM, Llama 3, Qwen, GPT-2). Every other tokenizer reads whole texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any


class Segments:
    """Made once for a tokenizer; keeps nothing between calls."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._marks = _marks(tokenizer)
        self._cut = None if self._marks is None else re.compile(f"({'|'.join(map(re.escape, self._marks))})")

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without any special tokens that the text does not hold."""
        if self._cut is None or self._marks is None:
            return self._whole(texts)
        parts = [[part for part in self._cut.split(text) if part] for text in texts]
        stretches = list({part: None for found in parts for part in found if part not in self._marks})
        ids = dict(zip(stretches, self._whole(stretches), strict=True))
        ids.update({mark: [number] for mark, number in self._marks.items()})
        return [[token for part in found for token in ids[part]] for found in parts]

    def _whole(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        found = self._tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)
        ids: list[list[int]] = found["input_ids"]
        return ids


def _marks(tokenizer: Any) -> dict[str, int] | None:
    """The special tokens by text, longest first; None where cutting at them could change the rest."""
    if not getattr(tokenizer, "is_fast", False):
        return None
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    added = rules["added_tokens"]
    plain = all(not (token["lstrip"] or token["rstrip"] or token["normalized"]) for token in added)
    if not added or not plain or rules["normalizer"] is not None or not _is_byte_level(rules["pre_tokenizer"]):
        return None
    return {token["content"]: token["id"] for token in sorted(added, key=lambda t: -len(t["content"]))}


def _is_byte_level(step: dict[str, Any] | None) -> bool:
    """Whether this pre-tokenizer ends in bytes and puts no space before the first word."""
    if step is None:
        return False
    if step["type"] == "Sequence":
        steps = step["pretokenizers"]
        return _is_byte_level(steps[-1]) and all(s["type"] in ("Split", "Digits", "ByteLevel") for s in steps)
    return step["type"] == "ByteLevel" and not step["add_prefix_space"]
