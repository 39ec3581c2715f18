"""From an optimizer batch to its loss, trie by trie: what training, evaluation and the reference pass share.

In:  examples, reference log-probabilities where the objective needs them, settings, a model that answers tries.
Out: each pack's share of the batch's loss; the figures of the batch under TRL's names.
Always true: a batch's loss is the sum over its examples by the objective's denominator over the whole batch, so
neither packing nor splitting over processes changes it.

Shapes: P pairs, A answers that stand alone, S sequences of a pack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from preftree.train.forward import TrieScores
from preftree.train.objectives import (
    OBJECTIVES,
    BatchFacts,
    PairLogps,
    PairLoss,
    kto_reference_point,
    kto_single,
    reward,
    sft,
)
from preftree.train.order import batch_packs, mismatched_packs
from preftree.train.processes import Processes
from preftree.train.settings import TrainSettings
from preftree.train.store import Example
from preftree.tries.trie import TokenSequence, Trie, build_trie


class Notes:
    """Sums and counts of figures since the last line, in all and, where there are several sources, by source."""

    def __init__(self, several_sources: bool) -> None:
        self._several = several_sources
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(self, name: str, values: Tensor, sources: Sequence[str] = ()) -> None:
        amounts = values.detach().double().cpu().tolist()
        for amount, source in zip(amounts, sources or [""] * len(amounts), strict=True):
            names = (name, f"{name}/{source}") if self._several and source else (name,)
            for each in names:
                self._sums[each][0] += amount
                self._sums[each][1] += 1

    def means(self, processes: Processes) -> dict[str, float]:
        """The means over all processes; the sums begin again."""
        sums = processes.merged({name: tuple(pair) for name, pair in self._sums.items()})
        self._sums.clear()
        return {name: total / count for name, (total, count) in sorted(sums.items())}


class Steps:
    """Losses of optimizer batches. `tokens_trie` counts what was computed, `tokens_rows` what rows would cost."""

    def __init__(self, examples: Sequence[Example], settings: TrainSettings, *, lowered: bool, several: bool) -> None:
        self.examples, self.settings, self.lowered = examples, settings, lowered
        self.objective = OBJECTIVES[settings.objective]
        self.reference_X3: Tensor | None = None
        self.tokens_rows = self.tokens_trie = 0
        self.notes = Notes(several)

    def packs(self, batch: list[int], processes: Processes) -> list[tuple[list[int], float]]:
        """This process's part of a batch, with weights: 0 for what another process computes."""
        packs = batch_packs(self.examples, batch, self.settings, processes.number)
        return [(indices, float(own)) for indices, own in processes.share_evenly(packs)]

    def denominator(self, batch: list[int]) -> int:
        if self.objective.denominator == "tokens":
            return sum(self.examples[index].num_scored for index in batch)
        if self.objective.denominator == "rows":
            return sum(len(self.examples[index].sequences) for index in batch)
        return len(batch)

    def facts(self, model: Any, batch: list[int], processes: Processes) -> BatchFacts:
        """What an objective is told of the whole batch. KTO's z costs a pass without gradient."""
        a_chosen = sum(self.examples[index].sequences[0].num_scored for index in batch) / len(batch)
        tokens = sum(len(s.tokens) for index in batch for s in self.examples[index].sequences)
        zero = torch.zeros((), device=self._device(model))
        if not self.objective.mismatched:
            return BatchFacts(zero, a_chosen, tokens, self.denominator(batch))
        assert self.reference_X3 is not None
        ratios_B, known_B = torch.zeros(2, len(batch), dtype=torch.float64)
        with torch.no_grad():
            for entries, own in processes.share_evenly(mismatched_packs(self.examples, batch, self.settings)):
                places = [batch.index(index) for index, _ in entries]
                scores = self.score(model, [sequence for _, sequence in entries]).double().cpu()
                if not own:
                    continue
                ratios_B[places] = scores - self.reference_X3[[index for index, _ in entries], 2].double()
                known_B[places] = 1.0
        ratios_B, known_B = processes.summed(ratios_B), processes.summed(known_B)
        if not known_B.any():
            return BatchFacts(zero, a_chosen, tokens, self.denominator(batch))
        known = ratios_B[known_B > 0]
        z = kto_reference_point(known, torch.zeros_like(known), beta=self.settings.beta).to(zero.device)
        self.notes.add("kl", z[None] / self.settings.beta)
        return BatchFacts(z, a_chosen, tokens, self.denominator(batch))

    def score(self, model: Any, sequences: Sequence[TokenSequence]) -> Tensor:
        """Log-probabilities (or rewards) [S] of sequences in one trie, in the precision of training."""
        return self._read(model, self._trie(sequences)).scores

    def pack_loss(self, model: Any, indices: list[int], facts: BatchFacts, weight: float = 1.0) -> Tensor:
        """The sum of the losses of these examples, not yet divided. With weight 0 it is computed, but not counted."""
        if not weight:
            kept, self.notes, counts = self.notes, Notes(False), (self.tokens_trie, self.tokens_rows)
            loss = self.pack_loss(model, indices, facts)
            self.notes, (self.tokens_trie, self.tokens_rows) = kept, counts
            return loss * 0.0
        examples = [self.examples[index] for index in indices]
        trie = self._trie([sequence for example in examples for sequence in example.sequences])
        self.tokens_trie += len(trie.tokens)
        self.tokens_rows += sum(len(sequence.tokens) for example in examples for sequence in example.sequences)
        read = self._read(model, trie)
        loss = self._objective_loss(indices, examples, read.scores, facts)
        if read.routing is None:
            return loss
        # A mean over tokens: each trie's counts by its share of the batch's tokens, whatever the denominator.
        self.notes.add("aux_loss", read.routing[None])
        share = sum(len(s.tokens) for example in examples for s in example.sequences) / facts.tokens
        return loss + read.routing * share * facts.denominator

    def _objective_loss(
        self, indices: list[int], examples: list[Example], scores_S: Tensor, facts: BatchFacts
    ) -> Tensor:
        if self.objective.reads == "rows":
            self.notes.add("logps/sum", scores_S, [example.source for example in examples])
            return sft(scores_S).sum()
        if self.objective.reads == "rewards":
            return self._reward(examples, scores_S)
        place_P: list[int] = []
        place_A: list[int] = []
        at = 0
        for example in examples:
            (place_P if len(example.sequences) == 2 else place_A).append(at)
            at += len(example.sequences)
        paired = [(i, e) for i, e in zip(indices, examples, strict=True) if len(e.sequences) == 2]
        alone = [(i, e) for i, e in zip(indices, examples, strict=True) if len(e.sequences) == 1]
        loss = scores_S.new_zeros(())
        if paired:
            loss = loss + self._pairs(paired, scores_S, torch.tensor(place_P), facts)
        if alone:
            loss = loss + self._alone(alone, scores_S[place_A], facts)
        return loss

    # ------------------------------------------------------------ by what the objective reads

    def _pairs(self, found: list[tuple[int, Example]], scores_S: Tensor, place_P: Tensor, facts: BatchFacts) -> Tensor:
        assert self.objective.pair is not None
        chosen_P, rejected_P = scores_S[place_P], scores_S[place_P + 1]
        ref_P3 = self._reference([index for index, _ in found], scores_S)
        num_P2 = torch.tensor([[s.num_scored for s in example.sequences] for _, example in found]).to(scores_S)
        logps = PairLogps(chosen_P, rejected_P, ref_P3[:, 0], ref_P3[:, 1], num_P2[:, 0], num_P2[:, 1])
        out = self.objective.pair(logps, self.settings, facts)
        sources = [example.source for _, example in found]
        self.notes.add("logps/chosen", chosen_P, sources)
        self.notes.add("logps/rejected", rejected_P, sources)
        self._note_rewards(out, sources)
        return out.loss.sum()

    def _alone(self, found: list[tuple[int, Example]], scores_A: Tensor, facts: BatchFacts) -> Tensor:
        """KTO's answers with a label of their own."""
        ratio_A = scores_A - self._reference([index for index, _ in found], scores_A)[:, 0]
        loss = scores_A.new_zeros(())
        for desirable, name in ((True, "chosen"), (False, "rejected")):
            places = [place for place, (_, example) in enumerate(found) if example.label is desirable]
            if not places:
                continue
            weight = self.settings.lambda_desirable if desirable else self.settings.lambda_undesirable
            loss_R, reward_R = kto_single(ratio_A[places], desirable, beta=self.settings.beta, z=facts.z, weight=weight)
            sources = [found[place][1].source for place in places]
            self.notes.add(f"logps/{name}", scores_A[places], sources)
            self.notes.add(f"rewards/{name}", reward_R, sources)
            loss = loss + loss_R.sum()
        return loss

    def _reward(self, examples: list[Example], scores_S: Tensor) -> Tensor:
        tree_P = torch.tensor([example.from_tree for example in examples]).to(scores_S)
        margin_P = torch.tensor([example.margin for example in examples]).to(scores_S)
        terms, centering = self.settings.reward_terms, self.settings.reward_centering
        out = reward(scores_S[0::2], scores_S[1::2], tree_P, margin_P=margin_P, terms=terms, centering=centering)
        self._note_rewards(out, [example.source for example in examples])
        return out.loss.sum()

    def _reference(self, indices: list[int], like: Tensor) -> Tensor:
        """Log-probabilities [X, 3] under the reference; zeros for objectives that have none."""
        if not self.objective.reference:
            return torch.zeros(len(indices), 3).to(like)
        assert self.reference_X3 is not None
        return self.reference_X3[indices].to(like)

    def _read(self, model: Any, trie: Trie) -> TrieScores:
        with torch.autocast(self._device(model).type, dtype=torch.bfloat16, enabled=self.lowered):
            read: TrieScores = model(trie=trie)
        return read

    def _trie(self, sequences: Sequence[TokenSequence]) -> Trie:
        return build_trie(sequences, share=self.settings.group == "tree")

    def _device(self, model: Any) -> torch.device:
        device: torch.device = next(model.parameters()).device
        return device

    def _note_rewards(self, out: PairLoss, sources: Sequence[str]) -> None:
        self.notes.add("rewards/chosen", out.chosen, sources)
        self.notes.add("rewards/rejected", out.rejected, sources)
        self.notes.add("rewards/margins", out.chosen - out.rejected, sources)
        self.notes.add("rewards/accuracies", (out.chosen > out.rejected).float(), sources)
