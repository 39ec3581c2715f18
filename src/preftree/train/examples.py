"""Rows to token sequences, ready for tries, and the order in which they are trained on.

In:  rows, a tokenizer, settings.
Out: `Example`s (an SFT row or a pair as tokens); batches of an epoch; the packs that a batch is computed in.
Always true: order and packs depend on the rows and the seed alone, so a resumed run meets the same batches; a
batch holds whole trees as far as they fit into it; every example is in exactly one batch of an epoch.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from preftree.errors import InputError
from preftree.train.rows import Answer, BadRow, Conversation, Row, Rows, Text
from preftree.train.settings import TrainSettings
from preftree.tries.render import SetAsideError, render_messages, render_text
from preftree.tries.trie import TokenSequence, pack


@dataclass(frozen=True, slots=True)
class Example:
    """One sequence (SFT) or chosen and rejected; `mismatched` is an answer to another problem (KTO)."""

    group: str
    from_tree: bool
    sequences: tuple[TokenSequence, ...]
    mismatched: TokenSequence | None = None

    @property
    def num_scored(self) -> int:
        return sum(sequence.num_scored for sequence in self.sequences)


@dataclass(frozen=True, slots=True)
class Rendered:
    examples: tuple[Example, ...]
    set_aside: tuple[BadRow, ...]


def render_rows(rows: Rows, tokenizer: Any, settings: TrainSettings, *, mismatched: bool) -> Rendered:
    """All rows as examples, in their order; what can't be rendered joins what was set aside."""
    kept: list[tuple[Row, tuple[TokenSequence, ...]]] = []
    bad = list(rows.set_aside)
    for row in rows.rows:
        try:
            kept.append((row, tuple(_render(tokenizer, answer, settings.max_length) for answer in row.answers)))
        except SetAsideError as error:
            file, _, number = row.place.rpartition(" row ")
            bad.append(BadRow(file, int(number), "", str(error)))
    if not kept:
        raise InputError(f"{settings.rows}: no row is left; the first was set aside because: {bad[0].reason}")
    strangers = _Mismatches(tokenizer, [row for row, _ in kept], settings) if mismatched else None
    examples = tuple(
        Example(row.group, row.source == "tree", sequences, None if strangers is None else strangers.of(index))
        for index, (row, sequences) in enumerate(kept)
    )
    return Rendered(examples, tuple(bad))


def _render(tokenizer: Any, answer: Answer, max_length: int) -> TokenSequence:
    if isinstance(answer, Text):
        return render_text(tokenizer, answer.prompt, answer.completion, max_length=max_length)
    messages = (*answer.prompt, *answer.completion)
    scored = [i for i in range(len(answer.prompt), len(messages)) if messages[i].role == "assistant"]
    return render_messages(tokenizer, messages, scored=scored, max_length=max_length)


class _Mismatches:
    """For each row an answer of another problem behind its own prompt, drawn by the seed."""

    # Draws before a row is given up: only rows near the length limit need a second.
    _DRAWS = 50

    def __init__(self, tokenizer: Any, rows: list[Row], settings: TrainSettings) -> None:
        self._tokenizer, self._rows, self._settings = tokenizer, rows, settings
        if len({row.group for row in rows}) < 2:
            raise InputError(f"{settings.rows}: KTO compares with answers to other problems, and there is only one")

    def of(self, index: int) -> TokenSequence | None:
        row = self._rows[index]
        draw = random.Random(f"{self._settings.seed}:{index}")
        for _ in range(self._DRAWS):
            other = draw.choice(self._rows)
            if other.group == row.group:
                continue
            foreign = _behind(row.answers[0], draw.choice(other.answers))
            if foreign is None:
                continue
            try:
                return _render(self._tokenizer, foreign, self._settings.max_length)
            except SetAsideError:
                continue
        return None


def _behind(own: Answer, foreign: Answer) -> Answer | None:
    if isinstance(own, Text) and isinstance(foreign, Text):
        return Text(own.prompt, foreign.completion)
    if isinstance(own, Conversation) and isinstance(foreign, Conversation):
        return Conversation(own.prompt, foreign.completion)
    return None


# ---------------------------------------------------------------- order


def epoch_batches(examples: Sequence[Example], settings: TrainSettings, epoch: int) -> list[list[int]]:
    """The batches of one epoch: indices of examples, groups shuffled, each batch at most `batch_size` examples.

    A group that does not fit into what is left of a batch waits for the next; gaps are filled by later groups.
    """
    size = settings.batch_size
    pieces = _pieces(examples, settings)
    random.Random(f"{settings.seed}:epoch:{epoch}").shuffle(pieces)
    batches: list[list[int]] = []
    waiting = pieces
    while waiting:
        batch: list[int] = []
        later: list[list[int]] = []
        for at, piece in enumerate(waiting):
            if len(batch) + len(piece) <= size:
                batch += piece
            else:
                later.append(piece)
            if len(batch) == size:
                later += waiting[at + 1 :]
                break
        batches.append(batch)
        waiting = later
    return batches


def _pieces(examples: Sequence[Example], settings: TrainSettings) -> list[list[int]]:
    """What stays together: a tree, or, where it is larger than a batch, as much of it as a batch holds."""
    if settings.group == "row":
        return [[index] for index in range(len(examples))]
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(example.group, []).append(index)
    size = settings.batch_size
    return [group[at : at + size] for group in groups.values() for at in range(0, len(group), size)]


def batch_packs(examples: Sequence[Example], batch: Sequence[int], settings: TrainSettings) -> list[list[int]]:
    """Which examples of a batch go into one trie. Neighbours in the sorted order share most, so they go together."""
    order = sorted(batch, key=lambda index: examples[index].sequences[0].tokens)
    share = settings.group == "tree"
    packs = pack([examples[index].sequences for index in order], settings.max_tokens, share=share)
    return [[order[at] for at in indices] for indices in packs]
