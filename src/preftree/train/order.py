"""The order in which examples are trained on, and which of them share a trie.

In:  examples, settings, an epoch. Out: batches of an epoch; the packs that a batch is computed in.
Always true: order and packs depend on the examples and the seed alone, so a resumed run meets the same batches; a
batch holds whole trees as far as they fit into it; every example is in exactly one batch of an epoch.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

from preftree.records import digest
from preftree.train.settings import TrainSettings
from preftree.train.store import Example, Store
from preftree.tries.trie import TokenSequence, pack


def epoch_batches(examples: Sequence[Example], settings: TrainSettings, epoch: int) -> list[list[int]]:
    """The batches of one epoch: indices of examples, groups shuffled, each batch at most `batch_size` examples.

    A group that does not fit into what is left of a batch waits for the next; gaps are filled by later groups.
    """
    size = settings.batch_size
    pieces = _pieces(examples, settings)
    random.Random(f"{settings.seed}:epoch:{epoch}").shuffle(pieces)
    batches: list[list[int]] = []
    open_batches: list[list[int]] = []  # in the order of their opening; each has room
    for piece in pieces:
        home = next((batch for batch in open_batches if len(batch) + len(piece) <= size), None)
        if home is None:
            home = []
            batches.append(home)
            open_batches.append(home)
        home += piece
        # A batch that has waited long enough for a piece of its size goes as it is: the search stays short.
        open_batches = [batch for batch in open_batches if len(batch) < size][-_WAITING:]
    return batches


# How many unfinished batches wait for pieces that fill their gaps.
_WAITING = 64


def _pieces(examples: Sequence[Example], settings: TrainSettings) -> list[list[int]]:
    """What stays together: a tree, or, where it is larger than a batch, as much of it as a batch holds."""
    if settings.group == "row":
        return [[index] for index in range(len(examples))]
    groups: dict[Hashable, list[int]] = {}
    names: Sequence[Hashable] = examples.groups if isinstance(examples, Store) else [e.group for e in examples]
    for index, name in enumerate(names):
        groups.setdefault(name, []).append(index)
    size = settings.batch_size
    return [group[at : at + size] for group in groups.values() for at in range(0, len(group), size)]


def batch_packs(
    examples: Sequence[Example], batch: Sequence[int], settings: TrainSettings, processes: int = 1
) -> list[list[int]]:
    """Which examples of a batch go into one trie. Neighbours in the sorted order share most, so they go together.

    With several processes there are at least as many packs as processes, as far as there are examples.
    """
    found = {index: examples[index].sequences for index in batch}
    order = sorted(batch, key=lambda index: found[index][0].tokens)
    share = settings.group == "tree"
    packs = pack([found[index] for index in order], settings.max_tokens, share=share)
    chosen = [[order[at] for at in indices] for indices in packs]
    while len(chosen) < processes and (largest := max(chosen, key=len)) and len(largest) > 1:
        at = chosen.index(largest)
        chosen[at : at + 1] = [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    return chosen


def mismatched_packs(
    examples: Sequence[Example], batch: Sequence[int], settings: TrainSettings
) -> list[list[tuple[int, TokenSequence]]]:
    """The examples of a batch that have a mismatched answer, with it, by the trie that holds it."""
    found = [(index, m) for index in batch if (m := examples[index].mismatched) is not None]
    found.sort(key=lambda entry: entry[1].tokens)
    packs = pack([[sequence] for _, sequence in found], settings.max_tokens, share=settings.group == "tree")
    return [[found[at] for at in indices] for indices in packs]


def examples_digest(examples: Sequence[Example]) -> str:
    """Of every token, span and mismatched answer."""
    if isinstance(examples, Store):
        return examples.digest
    return digest(
        [
            [
                [list(s.tokens), [list(span) for span in s.spans]]
                for s in (*e.sequences, *([] if e.mismatched is None else [e.mismatched]))
            ]
            for e in examples
        ]
    )
