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
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from preftree.progress import progress
from preftree.records import digest
from preftree.train.order import batch_packs, epoch_batches, examples_digest, mismatched_packs
from preftree.train.processes import Processes
from preftree.train.settings import TrainSettings
from preftree.train.store import Example
from preftree.tries.trie import TokenSequence, build_trie

Score = Callable[[Sequence[TokenSequence]], Tensor]


@dataclass(frozen=True, slots=True)
class Reference:
    """Log-probabilities [examples, 3] in nats; the third column is 0 where no mismatched answer is needed."""

    logps: Tensor
    tokens: int


def reference_key(examples: Sequence[Example], fingerprint: str, precision: str) -> str:
    """What the stored figures depend on, and nothing else."""
    return digest(["reference-2", fingerprint, precision, examples_digest(examples)])


def reference_logps(
    examples: Sequence[Example],
    settings: TrainSettings,
    score: Score,
    *,
    fingerprint: str,
    precision: str,
    processes: Processes | None = None,
) -> Reference:
    """Read them, or compute and store them. `score` gives summed log-probabilities, without gradient."""
    processes = processes or Processes.here()
    folder = Path(settings.reference_cache or Path(settings.out) / "reference")
    file = folder / f"{reference_key(examples, fingerprint, precision)}.safetensors"
    processes.wait()
    if file.is_file():
        # A run's own file was made by it, perhaps before it was killed; a shared one cost this run nothing.
        return Reference(load_file(file)["logps"], 0 if settings.reference_cache else _tokens(file))
    logps_X3 = torch.zeros(len(examples), 3)
    tokens = 0
    with torch.no_grad(), progress("reference", len(examples), "examples") as bar:
        for indices, sequences, columns in _passes(examples, settings, processes):
            scores = score(sequences)
            tokens += len(build_trie(sequences, share=settings.group == "tree").tokens)
            logps_X3[indices, columns] = scores.float().cpu()
            bar.advance(len(set(indices)) * processes.number if columns[0] == 0 else 0)
    # Each figure was computed by one process; the others hold 0 there.
    logps_X3 = processes.summed(logps_X3)
    tokens = int(processes.merged({"tokens": (tokens,)})["tokens"][0])
    if processes.first:
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        save_file({"logps": logps_X3}, partial, metadata={"tokens": str(tokens)})
        os.replace(partial, file)
    processes.wait()
    return Reference(logps_X3, tokens)


def _tokens(file: Path) -> int:
    with safe_open(file, framework="pt") as opened:
        return int((opened.metadata() or {}).get("tokens", 0))


def _passes(
    examples: Sequence[Example], settings: TrainSettings, processes: Processes
) -> Iterator[tuple[list[int], list[TokenSequence], list[int]]]:
    """The packs of the first epoch, so that the first step meets its own figures to the bit; then the mismatched."""
    for batch in epoch_batches(examples, settings, epoch=0):
        for indices in processes.share(batch_packs(examples, batch, settings, processes.number)):
            flat = [(i, side, s) for i in indices for side, s in enumerate(examples[i].sequences)]
            yield [i for i, _, _ in flat], [sequence for _, _, sequence in flat], [side for _, side, _ in flat]
        for entries in processes.share(mismatched_packs(examples, batch, settings)):
            yield [i for i, _ in entries], [sequence for _, sequence in entries], [2] * len(entries)
