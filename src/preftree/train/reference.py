"""Log-probabilities under the reference (the starting model): once, before training, over the same tries, on disk.

In:  examples, the model as it starts, the fingerprint of its weights and tokenizer.
Out: `Reference`: per example those of chosen, rejected and, for KTO, of the mismatched answer.
Always true: the key covers the weights, the tokenizer and template (through the token ids themselves), the scored
spans and the precision; a file under another key is never read; a file is whole or absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from preftree.progress import progress
from preftree.records import digest
from preftree.train.examples import Example, batch_packs, epoch_batches
from preftree.train.settings import TrainSettings
from preftree.tries.trie import TokenSequence, build_trie, pack

Score = Callable[[Sequence[TokenSequence]], Tensor]


@dataclass(frozen=True, slots=True)
class Reference:
    """Log-probabilities [examples, 3] in nats; the third column is 0 where no mismatched answer is needed."""

    logps: Tensor
    tokens: int


def reference_key(examples: Sequence[Example], fingerprint: str, precision: str) -> str:
    """What the stored figures depend on, and nothing else."""
    rendered = [
        [[list(sequence.tokens), [list(span) for span in sequence.spans]] for sequence in _all(example)]
        for example in examples
    ]
    return digest(["reference-1", fingerprint, precision, rendered])


def reference_logps(
    examples: Sequence[Example], settings: TrainSettings, score: Score, *, fingerprint: str, precision: str
) -> Reference:
    """Read them, or compute and store them. `score` gives summed log-probabilities, without gradient."""
    folder = Path(settings.reference_cache or Path(settings.out) / "reference")
    file = folder / f"{reference_key(examples, fingerprint, precision)}.safetensors"
    if file.is_file():
        return Reference(load_file(file)["logps"], 0)
    logps_X3 = torch.zeros(len(examples), 3)
    tokens = 0
    with torch.no_grad(), progress("reference", len(examples), "pairs") as bar:
        for indices, sequences, columns in _passes(examples, settings):
            scores = score(sequences)
            tokens += len(build_trie(sequences, share=settings.group == "tree").tokens)
            logps_X3[indices, columns] = scores.float().cpu()
            bar.advance(len(set(indices)) if columns[0] == 0 else 0)
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(f".{os.getpid()}.partial")
    save_file({"logps": logps_X3}, partial)
    os.replace(partial, file)
    return Reference(logps_X3, tokens)


def _passes(
    examples: Sequence[Example], settings: TrainSettings
) -> Iterator[tuple[list[int], list[TokenSequence], list[int]]]:
    """The packs of the first epoch, so that the first step meets its own figures to the bit; then the mismatched."""
    for batch in epoch_batches(examples, settings, epoch=0):
        for indices in batch_packs(examples, batch, settings):
            flat = [(i, side, examples[i].sequences[side]) for i in indices for side in (0, 1)]
            yield [i for i, _, _ in flat], [sequence for _, _, sequence in flat], [side for _, side, _ in flat]
        for found in mismatched_packs(examples, batch, settings):
            yield found, [_mismatched(examples[i]) for i in found], [2] * len(found)


def mismatched_packs(examples: Sequence[Example], batch: Sequence[int], settings: TrainSettings) -> list[list[int]]:
    """The examples of a batch that have a mismatched answer, by the trie that holds it."""
    found = [index for index in batch if examples[index].mismatched is not None]
    found.sort(key=lambda index: _mismatched(examples[index]).tokens)
    groups = [[_mismatched(examples[index])] for index in found]
    packs = pack(groups, settings.max_tokens, share=settings.group == "tree")
    return [[found[at] for at in indices] for indices in packs]


def _mismatched(example: Example) -> TokenSequence:
    assert example.mismatched is not None
    return example.mismatched


def _all(example: Example) -> list[TokenSequence]:
    return [*example.sequences, *([] if example.mismatched is None else [example.mismatched])]
