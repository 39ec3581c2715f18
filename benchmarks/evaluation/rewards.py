"""Rewards of 16 answers to each prompt: on tries, against the same model row by row in plain transformers.

In:  prompts of 100 tokens, and histories of 800; 16 answers of 150 tokens to each; a reward model with SmolLM2-135M's
     layers in fp32.
Out: seconds and tokens a second of each, their ratio, and how far the rewards are apart. The tokens alone allow 1.6
     and 4.75.

Both are given messages and render them with the chat template. Plain transformers gets what helps it: rows sorted by
length (all are equally long, so nothing is padded), SDPA attention, no gradient, and the best of several batch sizes,
found first on one prompt. The two take turns, a few prompts at a time, so that a busy machine is busy for both.

A hundred prompts take over an hour on two cores (1.9 million tokens row by row), so 6 are the default: each is as long
as any other, so the ratio is that of 100. `--prompts 100` runs them all.

    python -m benchmarks.evaluation rewards
    python -m benchmarks.evaluation.rewards --prompts 100
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._reward_model import export_reward_model
from benchmarks.training import machine

ANSWERS, ANSWER = 16, 150
PROMPTS = {"prompts of 100": 100, "histories of 800": 800}
BATCHES = (2, 4, 8, 16)
SLICE, TURN = 6, 1


def main(prompts: int = SLICE) -> dict[str, Any]:
    from preftree.tries import RewardModel

    result: dict[str, Any] = {"machine": machine(), "prompts": prompts, "answers": ANSWERS, "answer_tokens": ANSWER}
    with tempfile.TemporaryDirectory() as folder:
        export_reward_model(Path(folder))
        tries, rows = RewardModel(folder, precision="fp32"), Rows(folder)
        for name, length in PROMPTS.items():
            result[name] = measure(tries, rows, prompts, length)
            print(name, result[name], file=sys.stderr, flush=True)
    return result


def measure(tries: Any, rows: Rows, prompts: int, length: int) -> dict[str, Any]:
    draw = random.Random(length)
    groups = [rows.group(draw, length) for _ in range(prompts)]
    searched = {}
    for batch in BATCHES:
        began = time.perf_counter()
        rows.score(groups[:1], batch)
        searched[batch] = time.perf_counter() - began
    best = min(searched, key=lambda batch: searched[batch])
    tries.score(groups[:1])  # warm, as the rows are by now
    spent = {"tries": 0.0, "rows": 0.0}
    pairs: list[tuple[float, float]] = []
    for first in range(0, prompts, TURN):
        part = groups[first : first + TURN]
        began = time.perf_counter()
        ours = tries.score(part)
        middle = time.perf_counter()
        plain = rows.score(part, best)
        spent["tries"] += middle - began
        spent["rows"] += time.perf_counter() - middle
        pairs += zip((r for group in ours for r in group), plain, strict=True)
    tokens = {"tries": prompts * (length + ANSWERS * ANSWER), "rows": prompts * ANSWERS * (length + ANSWER)}
    largest = max(abs(plain) for _, plain in pairs)
    return {
        "ratio": round(spent["rows"] / spent["tries"], 2),
        "ratio of tokens": round(tokens["rows"] / tokens["tries"], 2),
        "largest gap, relative to its reward": max(abs(a - b) / abs(b) for a, b in pairs),
        "largest gap, relative to the largest reward": max(abs(a - b) for a, b in pairs) / largest,
        "rewards from, to": [min(plain for _, plain in pairs), max(plain for _, plain in pairs)],
        "seconds": {kind: round(seconds, 1) for kind, seconds in spent.items()},
        "tokens": tokens,
        "tokens a second": {kind: round(tokens[kind] / spent[kind]) for kind in tokens},
        "batch of rows": best,
        "seconds of one prompt by batch": {batch: round(seconds, 2) for batch, seconds in searched.items()},
    }


class Rows:
    """Plain transformers, row by row."""

    def __init__(self, folder: str) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
        texts = [self._tokenizer.decode([token]) for token in range(500, 20_000)]
        words = [text for text in texts if text[:1] == " " and text[1:].isascii() and text[1:].isalpha()]
        # Words that are one token each, whatever stands before them.
        self._words = [w for w in words if len(self._tokenizer(w, add_special_tokens=False)["input_ids"]) == 1]

    def group(self, draw: random.Random, length: int) -> list[tuple[Any, ...]]:
        """Sixteen conversations: a prompt of `length` tokens with its frame, answers of 150 with theirs."""
        from preftree.records import Message

        prompt = self._text(draw, length - self._length([("user", "")], opened=True))
        frame = self._length([("user", prompt), ("assistant", "")]) - length
        answers = [self._text(draw, ANSWER - frame) for _ in range(ANSWERS)]
        talks = [(Message("user", prompt), Message("assistant", answer)) for answer in answers]
        lengths = {self._length([(message.role, message.content) for message in talk]) for talk in talks}
        assert lengths == {length + ANSWER}, lengths
        return talks

    def _text(self, draw: random.Random, count: int) -> str:
        return "x" + "".join(draw.choice(self._words) for _ in range(count - 1))

    def _length(self, turns: list[tuple[str, str]], *, opened: bool = False) -> int:
        messages = [{"role": role, "content": content} for role, content in turns]
        return len(self._tokenizer.apply_chat_template(messages, add_generation_prompt=opened, return_dict=False))

    def score(self, groups: list[list[tuple[Any, ...]]], batch: int) -> list[float]:
        import torch

        talks = [[{"role": m.role, "content": m.content} for m in talk] for group in groups for talk in group]
        texts = self._tokenizer.apply_chat_template(talks, tokenize=False)
        rows = self._tokenizer(texts, add_special_tokens=False)["input_ids"]
        order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
        rewards = [0.0] * len(rows)
        for first in range(0, len(order), batch):
            chosen = order[first : first + batch]
            padded = self._tokenizer.pad({"input_ids": [rows[at] for at in chosen]}, return_tensors="pt")
            with torch.no_grad():
                logits = self._model(**padded, use_cache=False).logits[:, 0].tolist()
            for at, reward in zip(chosen, logits, strict=True):
                rewards[at] = reward
        return rewards


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=SLICE)
    print(json.dumps(main(parser.parse_args().prompts), indent=1))
