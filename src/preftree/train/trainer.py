"""transformers' Trainer over tries: one item of data is one optimizer batch, computed trie by trie.

In:  a model, examples, reference log-probabilities where the objective needs them, settings.
Out: gradients and metrics; checkpoints, schedule and logging are the Trainer's.
Always true: a batch's loss is the sum over its examples by the objective's denominator over the whole batch, so
neither packing nor splitting changes it; a checkpoint is used only if its mark, written last, stands in it.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from preftree.errors import TrainingError
from preftree.progress import Progress
from preftree.train.examples import Example, batch_packs, epoch_batches
from preftree.train.objectives import OBJECTIVES, BatchFacts, PairLogps, PairLoss, kto_reference_point, reward, sft
from preftree.train.reference import mismatched_packs
from preftree.train.settings import TrainSettings
from preftree.tries.attention import attending
from preftree.tries.scores import trie_logps, trie_rewards
from preftree.tries.trie import TokenSequence, Trie, build_trie

_MARK = "complete.json"
# A checkpoint is due when what was trained since the last is this many times the time to write one.
_CHECKPOINT_SHARE = 20
_CHECKPOINT_FLOOR_S = 30.0


class Batches(Dataset[dict[str, list[int]]]):
    """All batches of all epochs, in order: item i is the optimizer batch of step i."""

    def __init__(self, examples: Sequence[Example], settings: TrainSettings) -> None:
        self._batches = [b for epoch in range(settings.epochs) for b in epoch_batches(examples, settings, epoch)]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return {"batch": self._batches[index]}


class TrieTrainer(Trainer):  # type: ignore[misc]
    """Training over tries. What is not here is `transformers.Trainer`."""

    def __init__(
        self,
        model: Any,
        examples: Sequence[Example],
        settings: TrainSettings,
        *,
        lowered: bool,
        reference_X3: Tensor | None = None,
    ) -> None:
        self.examples, self.settings, self.lowered = examples, settings, lowered
        self.objective = OBJECTIVES[settings.objective]
        self.reference_X3 = reference_X3
        self.tokens_rows = self.tokens_trie = 0
        self._sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        super().__init__(
            model=model,
            args=_arguments(settings, model.device.type),
            train_dataset=Batches(examples, settings),
            data_collator=_only,
        )
        self.remove_callback(PrinterCallback)

    # ------------------------------------------------------------ one optimizer step

    def training_step(
        self, model: Any, inputs: dict[str, list[int]], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Forward and backward over all tries of one optimizer batch."""
        model.train()
        batch = inputs["batch"]
        denominator = self._denominator(batch)
        total = torch.zeros((), dtype=torch.float64)
        with attending(model):
            facts = BatchFacts(self._reference_point(batch), self._tokens_a_chosen(batch))
            for indices in batch_packs(self.examples, batch, self.settings):
                with self._autocast():
                    loss = self._pack_loss(indices, facts) / denominator
                self.accelerator.backward(loss)
                total += loss.detach().cpu().double()
        if not math.isfinite(total.item()):
            raise TrainingError(
                f"the loss of step {self.state.global_step + 1} is {total.item()}: lower train.learning_rate, or look "
                f"at the last lines of {self.settings.out}/metrics.jsonl"
            )
        return total.to(self.args.device)

    def score(self, sequences: Sequence[TokenSequence]) -> Tensor:
        """Log-probabilities (or rewards) of sequences in one trie, in the precision of training."""
        with self._autocast():
            return self._read(self._trie(sequences))

    def _pack_loss(self, indices: list[int], facts: BatchFacts) -> Tensor:
        examples = [self.examples[index] for index in indices]
        trie = self._trie([sequence for example in examples for sequence in example.sequences])
        self.tokens_trie += len(trie.tokens)
        self.tokens_rows += sum(len(sequence.tokens) for example in examples for sequence in example.sequences)
        scores_S = self._read(trie)
        if self.objective.reads == "rows":
            self._note("logps/sum", scores_S)
            return sft(scores_S).sum()
        chosen_P, rejected_P = scores_S[0::2], scores_S[1::2]
        if self.objective.reads == "rewards":
            from_tree_P = torch.tensor([example.from_tree for example in examples], device=scores_S.device)
            terms, centering = self.settings.reward_terms, self.settings.reward_centering
            out = reward(chosen_P, rejected_P, from_tree_P.to(scores_S.dtype), terms=terms, centering=centering)
        else:
            assert self.objective.pair is not None
            ref_chosen_P, ref_rejected_P = self._reference(indices, scores_S)
            num_S = torch.tensor([s.num_scored for example in examples for s in example.sequences]).to(scores_S)
            logps = PairLogps(chosen_P, rejected_P, ref_chosen_P, ref_rejected_P, num_S[0::2], num_S[1::2])
            out = self.objective.pair(logps, self.settings, facts)
            self._note("logps/chosen", chosen_P)
            self._note("logps/rejected", rejected_P)
        self._note_rewards(out)
        return out.loss.sum()

    def _reference(self, indices: list[int], like: Tensor) -> tuple[Tensor, Tensor]:
        """Of chosen and rejected [P], under the reference."""
        if not self.objective.reference:
            zero_P = torch.zeros(len(indices)).to(like)
            return zero_P, zero_P
        assert self.reference_X3 is not None
        ref_P3 = self.reference_X3[indices].to(like)
        return ref_P3[:, 0], ref_P3[:, 1]

    def _tokens_a_chosen(self, batch: list[int]) -> float:
        return sum(self.examples[index].sequences[0].num_scored for index in batch) / len(batch)

    def _read(self, trie: Trie) -> Tensor:
        read = trie_rewards if self.objective.reads == "rewards" else trie_logps
        return read(self.model, trie)

    def _trie(self, sequences: Sequence[TokenSequence]) -> Trie:
        return build_trie(sequences, share=self.settings.group == "tree")

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.args.device.type, dtype=torch.bfloat16, enabled=self.lowered)

    def _denominator(self, batch: list[int]) -> int:
        if self.objective.denominator == "tokens":
            return sum(self.examples[index].num_scored for index in batch)
        return len(batch) * (2 if self.objective.denominator == "rows" else 1)

    def _reference_point(self, batch: list[int]) -> Tensor:
        """KTO's z over the whole optimizer batch, by a pass without gradient over the mismatched branches."""
        zero = torch.zeros((), device=self.args.device)
        if not self.objective.mismatched:
            return zero
        assert self.reference_X3 is not None
        logps, refs = [], []
        with torch.no_grad():
            for indices in mismatched_packs(self.examples, batch, self.settings):
                sequences = [s for i in indices if (s := self.examples[i].mismatched) is not None]
                logps.append(self.score(sequences))
                refs.append(self.reference_X3[indices, 2].to(logps[-1]))
        if not logps:
            return zero
        z = kto_reference_point(torch.cat(logps), torch.cat(refs), beta=self.settings.beta)
        self._note("kl", z[None] / self.settings.beta)
        return z

    # ------------------------------------------------------------ metrics, under TRL's names

    def _note_rewards(self, out: PairLoss) -> None:
        self._note("rewards/chosen", out.chosen)
        self._note("rewards/rejected", out.rejected)
        self._note("rewards/margins", out.chosen - out.rejected)
        self._note("rewards/accuracies", (out.chosen > out.rejected).float())

    def _note(self, name: str, values: Tensor) -> None:
        self._sums[name][0] += values.detach().double().sum().item()
        self._sums[name][1] += values.numel()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The Trainer's figures with the means since the last line."""
        for name, (total, count) in self._sums.items():
            logs[name] = total / count
        self._sums.clear()
        super().log(logs, start_time)
        epoch = self.state.log_history[-1].get("epoch")
        if epoch is not None:
            # The Trainer sees all epochs as one; the reader should not.
            self.state.log_history[-1]["epoch"] = epoch * self.settings.epochs

    # ------------------------------------------------------------ order and checkpoints

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self.train_dataset)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
        (folder / _MARK).write_text(json.dumps(sizes), encoding="utf-8")
        for other in Path(self.args.output_dir).glob("checkpoint-*"):
            if other != folder:
                shutil.rmtree(other)


class Bookkeeping(TrainerCallback):  # type: ignore[misc]
    """metrics.jsonl, the progress bar, and when a checkpoint is due."""

    def __init__(self, metrics: Path, bar: Progress, settings: TrainSettings) -> None:
        self._metrics, self._bar, self._settings = metrics, bar, settings
        self._saved_step, self._saved_at, self._write_s = 0, time.monotonic(), 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A resumed run keeps the lines up to its checkpoint: later ones are written again."""
        lines = [json.dumps(entry, sort_keys=True) + "\n" for entry in state.log_history if "loss" in entry]
        self._metrics.write_text("".join(lines), encoding="utf-8")
        self._saved_step, self._saved_at = state.global_step, time.monotonic()
        self._bar.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._began_save = time.monotonic()
        control.should_save = self._due(state.global_step) and state.global_step < state.max_steps

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._saved_step, self._saved_at = state.global_step, time.monotonic()
        self._write_s = self._saved_at - self._began_save

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if logs is None or "loss" not in logs:
            return
        entry = {**logs, "epoch": logs.get("epoch", 0.0) * self._settings.epochs, "step": state.global_step}
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, sort_keys=True) + "\n")
        shown = [f"loss {logs['loss']:.3g}"]
        if "rewards/margins" in logs:
            shown.append(f"margin {logs['rewards/margins']:.3g}")
        self._bar.advance(state.global_step - self._bar.done, ", ".join(shown))

    def _due(self, step: int) -> bool:
        # Only after a logged step: the means since the last line are not in a checkpoint.
        if step % self._settings.logging_steps:
            return False
        if self._settings.save_steps:
            return step - self._saved_step >= self._settings.save_steps
        wait_s = max(_CHECKPOINT_FLOOR_S, _CHECKPOINT_SHARE * self._write_s)
        return time.monotonic() - self._saved_at >= wait_s


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint: its mark stands, and every file has the size that the mark says."""
    whole = [folder for folder in out.glob("checkpoint-*") if _is_whole(folder)]
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items())


def _arguments(settings: TrainSettings, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=settings.out,
        num_train_epochs=1,
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler,
        warmup_steps=settings.warmup_ratio,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        logging_steps=settings.logging_steps,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=device == "cpu",
    )


def _only(items: list[dict[str, list[int]]]) -> dict[str, list[int]]:
    """The Trainer's batches have one item, which is a whole optimizer batch."""
    return items[0]
