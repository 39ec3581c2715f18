"""One model asked about many finished conversations, pass by pass: a number each.

In:  groups of conversations (a group shares a prompt), a model, what is asked of a trie (its rewards, or the summed
     log-probabilities of the last messages).
Out: for each pass the numbers that came of it, so that a caller can keep them before the next one.
Always true: a group is one trie where it fits into `max_tokens`, so what its members share is computed once; a number
does not depend on what is asked beside it, beyond rounding; what can't be read is counted, and gives no number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from preftree.records import Message
from preftree.tries.render import Chat, SetAsideError, render_all
from preftree.tries.segments import Segments
from preftree.tries.trie import TokenSequence, Trie, build_trie, common_prefix, new_tokens

Conversations = Sequence[Sequence[tuple[Message, ...]]]
# Conversations that are rendered at a time: no more need be in memory as tokens.
_RENDERED = 4096


@dataclass(frozen=True, slots=True)
class Answered:
    """The number of one conversation, and over how many scored tokens it was summed (0: none were)."""

    group: int
    place: int
    value: float
    tokens: int = 0


class Asked:
    """A loaded model and what is asked of it. `set_aside` counts, over all calls, why conversations gave no number."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        ask: Callable[[Any, Trie], Any],
        *,
        max_tokens: int,
        lowered: bool,
        spans: bool = False,
    ) -> None:
        self._model, self._tokenizer, self._ask = model, tokenizer, ask
        self._max_tokens, self._lowered, self._spans = max_tokens, lowered, spans
        self._segments = Segments(tokenizer)
        self._limit = int(getattr(model.config.get_text_config(), "max_position_embeddings", 1 << 30))
        self.set_aside: Counter[str] = Counter()

    def passes(self, conversations: Conversations) -> Iterator[list[Answered]]:
        """The numbers of all conversations that can be read, a forward pass at a time."""
        for first, part in _parts(conversations):
            yield from self._part(first, part)

    def _part(self, first: int, part: Conversations) -> Iterator[list[Answered]]:
        places = [(first + group, place) for group, members in enumerate(part) for place in range(len(members))]
        chats = [self._chat(talk) for members in part for talk in members]
        found = render_all(self._tokenizer, chats, max_length=self._limit, segments=self._segments)
        self.set_aside += Counter(str(fault) for fault in found if isinstance(fault, SetAsideError))
        groups: dict[int, list[tuple[TokenSequence, int]]] = {}
        for sequence, (group, place) in zip(found, places, strict=True):
            if isinstance(sequence, TokenSequence):
                groups.setdefault(group, []).append((sequence, place))
        units = [
            [(sequence, group, place) for sequence, place in sorted(members, key=lambda entry: entry[0].tokens)]
            for group, members in groups.items()
        ]
        for entries in _packs(units, self._max_tokens):
            values = self.values([sequence for sequence, _, _ in entries])
            yield [
                Answered(group, place, value, sequence.num_scored)
                for (sequence, group, place), value in zip(entries, values, strict=True)
            ]

    def values(self, sequences: Sequence[TokenSequence]) -> list[float]:
        """One forward pass."""
        import torch

        device = self._model.device.type
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=self._lowered):
            found: list[float] = self._ask(self._model, build_trie(sequences)).tolist()
        return found

    def _chat(self, talk: Sequence[Message]) -> Chat:
        return Chat(tuple(talk), (len(talk) - 1,) if self._spans else ())


def _parts(conversations: Conversations) -> Iterator[tuple[int, Conversations]]:
    """Whole groups, some thousand conversations at a time, with the number of the first."""
    first = held = 0
    for at, members in enumerate(conversations):
        held += len(members)
        if held >= _RENDERED:
            yield first, conversations[first : at + 1]
            first, held = at + 1, 0
    if first < len(conversations):
        yield first, conversations[first:]


_Entry = tuple[TokenSequence, int, int]


def _packs(groups: Sequence[list[_Entry]], budget: int) -> Iterator[list[_Entry]]:
    """What goes into one trie: whole groups, as many as fit; a group that does not is split, each part with its stem.

    Neighbours in the order of their tokens share the most (a preamble, say).
    """
    held: list[_Entry] = []
    size = 0
    units = [unit for group in groups for unit in _split(group, budget)]
    for unit in sorted(units, key=lambda entries: entries[0][0].tokens):
        more = new_tokens(sequence for sequence, _, _ in unit)
        shared = common_prefix(held[-1][0].tokens, unit[0][0].tokens) if held else 0
        if held and size + more - shared > budget:
            yield held
            held, size, shared = [], 0, 0
        held = held + unit
        size += more - shared
    if held:
        yield held


def _split(group: list[_Entry], budget: int) -> Iterator[list[_Entry]]:
    """A group, in parts of at most `budget` tokens (or one sequence)."""
    held: list[_Entry] = []
    size = 0
    for entry in group:
        tokens = entry[0].tokens
        more = len(tokens) - (common_prefix(held[-1][0].tokens, tokens) if held else 0)
        if held and size + more > budget:
            yield held
            held, size, more = [], 0, len(tokens)
        held.append(entry)
        size += more
    if held:
        yield held
