"""Batched sampling from any causal transformers model: rows come and go, every step is one forward pass.

In:  rows: prompt tokens, sampling settings, and a stream of uniform numbers that is the row's own.
Out: the same rows with their new tokens and why they ended.
Always true: what a row draws depends on its own prompt, settings and uniforms (to rounding), never on the rows
beside it; a prefix that was read before is not computed again; active rows fill the slots 0..B-1.

Chosen by measurement (benchmarks/sampling.py and its results): on two cores with bfloat16 instructions this loop
draws 454 tokens a second in bfloat16 and 206 in float32; CTranslate2 171 in float32, and 222 in int8 on a machine that
was busy just then, so that its row is no fair rank against float32.

Shapes: B active rows, N rows of a pass, Q tokens a row of a pass, T columns read, V vocabulary,
K its most probable part.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from preftree.actors.slots import PrefixStore, Slots, shared_length
from preftree.errors import ActorError

# A forward pass over prompts reads at most this many tokens, padding included: memory stays bounded.
_PREFILL_TOKENS = 2048
# A prefix that several prompts share is read alone first if it is at least this long.
_SHARED_TOKENS = 16
# The nucleus of top-p is looked for among this many tokens first: sorting 49,152 of them for
# 128 rows takes 215 ms, this 25 ms.
_NUCLEUS_TOKENS = 1024
# Keys and values of the rows, and of the prompts that are remembered, take at most so much memory.
_SLOT_BYTES, _PREFIX_BYTES = 768 << 20, 640 << 20
# Continuations of at most so many tokens are scored a token at a time, from their prompt's keys and values.
_STEPPED_TOKENS = 8
_LAST_UNIFORM = 1.0 - 2.0**-24


@dataclass(slots=True, eq=False)
class Row:
    """One draw on its way. `uniforms` holds one number in [0, 1) for each token that it may draw."""

    prompt: tuple[int, ...]
    uniforms: np.ndarray[Any, np.dtype[np.float64]]
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Literal["stop", "length"] | None = None

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.tokens)


class Decoder:
    """A model, its slots, and the rows that are being drawn."""

    def __init__(self, model: Any, end_tokens: frozenset[int], max_rows: int) -> None:
        config = model.config.get_text_config()
        self.model, self.end_tokens, self.device = model, end_tokens, model.device
        self.num_positions = _num_positions(model)
        self._slots = Slots(config.num_hidden_layers, max_rows, _column_bytes(config, model.dtype), _SLOT_BYTES)
        self._prefixes = PrefixStore(_PREFIX_BYTES)
        self.rows: list[Row] = []

    @property
    def free(self) -> int:
        """How many rows may be let in."""
        return max(0, self._slots.num_slots - len(self.rows))

    @torch.inference_mode()
    def admit(self, rows: Sequence[Row]) -> None:
        """Read the prompts of new rows (equal prompts once) and draw each row's first token."""
        first = len(self.rows)
        if not first:
            self._slots.shrink()
        self._slots.reserve(first + len(rows), max(len(row.prompt) for row in rows) + 1)
        by_prompt: dict[tuple[int, ...], list[Row]] = {}
        for row in rows:
            by_prompt.setdefault(row.prompt, []).append(row)
        prompts = self._share(sorted(by_prompt, key=len), first)
        logits_NV = self._prefill(prompts, first)
        ordered = [by_prompt[prompt][0] for prompt in prompts]
        source = list(range(len(prompts)))
        for at, prompt in enumerate(prompts):
            for row in by_prompt[prompt][1:]:
                self._slots.copy(first + at, first + len(ordered), len(prompt))
                ordered.append(row)
                source.append(at)
        self.rows += ordered
        self._draw(ordered, logits_NV[source])

    @torch.inference_mode()
    def step(self) -> None:
        """One more token for every row. Drop finished rows before."""
        token_N1 = torch.tensor([[row.tokens[-1]] for row in self.rows], device=self.device)
        # The last token drawn is not yet in the slot: its column is the row's length without it.
        position_N1 = torch.tensor([[row.length - 1] for row in self.rows], device=self.device)
        self._draw(self.rows, self._forward(token_N1, position_N1, 0, int(position_N1.max()) + 1))

    @torch.inference_mode()
    def drop_finished(self) -> list[Row]:
        """Take finished rows out; the last rows move into their slots."""
        done = []
        for slot in reversed(range(len(self.rows))):
            if self.rows[slot].finish is None:
                continue
            row = self.rows[slot]
            done.append(row)
            # The next turn of a conversation begins with what was just read and written.
            self._prefixes.add((*row.prompt, *row.tokens[:-1]), self._slots.read(slot, row.length - 1))
            last = self.rows.pop()
            if slot < len(self.rows):
                self._slots.copy(len(self.rows), slot, last.length - 1)
                self.rows[slot] = last
        return done

    @torch.inference_mode()
    def score(self, prompt: Sequence[int], continuation: Sequence[int]) -> list[float]:
        """Log-probabilities, in nats, of the tokens of a continuation."""
        ids = torch.tensor([[*prompt, *continuation]], device=self.device)
        logits_QV = self.model(input_ids=ids[:, :-1], use_cache=False, logits_to_keep=len(continuation)).logits[0]
        target_Q1 = ids[0, len(prompt) :, None]
        scores: list[float] = logits_QV.float().log_softmax(-1).gather(-1, target_Q1)[:, 0].tolist()
        return scores

    @torch.inference_mode()
    def score_all(self, parts: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[list[float]]:
        """The same for several pairs of prompt and continuation. Short continuations of one prompt are read from one
        slot: the prompt once, or what no earlier prompt had in common with it, then token by token."""
        prompts = {tuple(prompt) for prompt, _ in parts}
        first = len(self.rows)
        short = all(1 <= len(continuation) <= _STEPPED_TOKENS for _, continuation in parts)
        if not (short and len(prompts) == 1 and all(prompts) and first < self._slots.num_slots):
            return [self.score(prompt, continuation) for prompt, continuation in parts]
        (prompt,) = prompts
        longest = max(len(continuation) for _, continuation in parts)
        if not first:
            self._slots.shrink()
        self._slots.reserve(first + 1, len(prompt) + longest)
        behind_V = self._prefill([prompt], first)[0].log_softmax(-1)
        scores = []
        for _, continuation in parts:
            logprobs = [behind_V[continuation[0]].item()]
            for at, (token, following) in enumerate(itertools.pairwise(continuation), len(prompt)):
                token_11 = torch.tensor([[token]], device=self.device)
                position_11 = torch.tensor([[at]], device=self.device)
                logits_V = self._forward(token_11, position_11, first, at + 1)[0]
                logprobs.append(logits_V.log_softmax(-1)[following].item())
            scores.append(logprobs)
        return scores

    # ------------------------------------------------------------ reading prompts

    def _share(self, prompts: list[tuple[int, ...]], slot: int) -> list[tuple[int, ...]]:
        """Make sure that what all new prompts have in common has been read once."""
        common = min(shared_length(prompts[0], prompt) for prompt in prompts)
        common = min(common, len(prompts[0]) - 1)
        if len(prompts) > 1 and common >= _SHARED_TOKENS and self._prefixes.longest(prompts[0])[0] < common:
            self._prefill([prompts[0][:common]], slot)
        return prompts

    def _prefill(self, prompts: Sequence[tuple[int, ...]], first: int) -> torch.Tensor:
        """Read prompts into the slots from `first` on; the logits behind each prompt's last token [N, V]."""
        logits, begin = [], 0
        while begin < len(prompts):
            known: list[int] = []
            for at, prompt in enumerate(prompts[begin:], begin):
                length, kept = self._prefixes.longest(prompt)
                # The last token is always read: its logits are not stored.
                length = min(length, len(prompt) - 1)
                unread = max(len(p) - n for p, n in zip(prompts[begin:], [*known, length], strict=False))
                if known and unread * (len(known) + 1) > _PREFILL_TOKENS:
                    break
                if length:
                    self._slots.write(first + at, kept, length)
                known.append(length)
            group = prompts[begin : begin + len(known)]
            logits.append(self._read(group, known, first + begin))
            for at, prompt in enumerate(group, first + begin):
                self._prefixes.add(prompt, self._slots.read(at, len(prompt)))
            begin += len(known)
        return torch.cat(logits)

    def _read(self, prompts: Sequence[tuple[int, ...]], known: Sequence[int], first: int) -> torch.Tensor:
        """One pass over the unread ends of prompts, padded on the left: the last token is last in each row."""
        num_unread = max(len(prompt) - n for prompt, n in zip(prompts, known, strict=True))
        width = max(map(len, prompts)) + 1
        # Padding is written into a column that no row has reached yet.
        token_NQ = np.zeros((len(prompts), num_unread), dtype=np.int64)
        position_NQ = np.full((len(prompts), num_unread), width - 1, dtype=np.int64)
        for at, (prompt, n) in enumerate(zip(prompts, known, strict=True)):
            token_NQ[at, n - len(prompt) :] = prompt[n:]
            position_NQ[at, n - len(prompt) :] = np.arange(n, len(prompt))
        to = self.device
        return self._forward(torch.from_numpy(token_NQ).to(to), torch.from_numpy(position_NQ).to(to), first, width)

    def _forward(self, token_NQ: torch.Tensor, position_NQ: torch.Tensor, first: int, width: int) -> torch.Tensor:
        """The logits behind the last token of each row [N, V]."""
        self._slots.place(first, position_NQ, width)
        hidden_NQT = torch.arange(width, device=self.device) > position_NQ[:, :, None]
        dtype = self.model.dtype
        mask_N1QT = torch.zeros(hidden_NQT.shape, dtype=dtype, device=self.device)
        mask_N1QT = mask_N1QT.masked_fill_(hidden_NQT, torch.finfo(dtype).min)[:, None]
        logits: torch.Tensor = self.model(
            input_ids=token_NQ,
            position_ids=position_NQ.clamp(max=self.num_positions - 1),
            attention_mask=mask_N1QT,
            past_key_values=self._slots,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1].float()

    # ------------------------------------------------------------ drawing

    def _draw(self, rows: Sequence[Row], logits_BV: torch.Tensor) -> None:
        """Give each row its next token, and say which rows end by it."""
        token_B = draw(
            logits_BV,
            torch.tensor([row.temperature for row in rows], device=self.device),
            torch.tensor([row.top_p for row in rows], device=self.device),
            torch.tensor([row.uniforms[len(row.tokens)] for row in rows], dtype=torch.float32, device=self.device),
        )
        logprob_B = logits_BV.log_softmax(-1).gather(-1, token_B[:, None])[:, 0]
        for row, token, logprob in zip(rows, token_B.tolist(), logprob_B.tolist(), strict=True):
            row.tokens.append(token)
            row.logprobs.append(logprob)
            if token in self.end_tokens:
                row.finish = "stop"
            elif len(row.tokens) == row.max_tokens:
                row.finish = "length"


def _num_positions(model: Any) -> int:
    """How long a row may be; ActorError for a model whose layers keep more than keys and values."""
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ["sliding_attention" if window else "full_attention"])
    if getattr(model, "_is_stateful", False) or kinds - {"full_attention", "sliding_attention"}:
        raise ActorError(
            f"{config.model_type} has layers that are not plain attention: serve it, and name the endpoint"
        )
    longest: int = getattr(config, "max_position_embeddings", 1 << 20)
    # Within one window, sliding attention is plain attention; the mask here knows no window.
    return min(longest, window) if window and "sliding_attention" in kinds else longest


def _column_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes of one token's keys and values over all layers."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * int(config.num_hidden_layers * heads * width) * dtype.itemsize


def draw(
    logits_BV: torch.Tensor, temperature_B: torch.Tensor, top_p_B: torch.Tensor, uniform_B: torch.Tensor
) -> torch.Tensor:
    """One token a row: the cumulative distribution inverted at the row's uniform number; temperature 0 is greedy."""
    greedy_B = temperature_B == 0
    if bool(greedy_B.all()):
        return logits_BV.argmax(-1)
    probability_BV = (logits_BV / temperature_B.masked_fill(greedy_B, 1.0)[:, None]).softmax(-1)
    nucleus_B = top_p_B < 1
    if bool(nucleus_B.any()):
        probability_BV[nucleus_B] = _nucleus(probability_BV[nucleus_B], top_p_B[nucleus_B])
    cumulative_BV = probability_BV.cumsum(-1)
    # Below 1 in float32, so the place searched for always lies inside: the token found has a probability above 0.
    target_B = uniform_B.clamp(max=_LAST_UNIFORM) * cumulative_BV[:, -1]
    token_B = torch.searchsorted(cumulative_BV, target_B[:, None], right=True)[:, 0]
    return torch.where(greedy_B, logits_BV.argmax(-1), token_B) if bool(greedy_B.any()) else token_B


def _nucleus(probability_BV: torch.Tensor, top_p_B: torch.Tensor) -> torch.Tensor:
    """Zero outside the smallest set of most probable tokens whose mass reaches top_p."""
    num_tokens = min(_NUCLEUS_TOKENS, probability_BV.shape[-1])
    top_BK, token_BK = probability_BV.topk(num_tokens)
    if bool((top_BK.sum(-1) < top_p_B).any()) and num_tokens < probability_BV.shape[-1]:
        top_BK, token_BK = probability_BV.sort(descending=True)
    before_BK = top_BK.cumsum(-1) - top_BK
    kept_BK = top_BK.masked_fill(before_BK >= top_p_B[:, None], 0.0)
    return torch.zeros_like(probability_BV).scatter_(-1, token_BK, kept_BK)
