"""transformers' Trainer over tries: one item of data is one optimizer batch, computed trie by trie.

In:  a model, examples, settings. Out: gradients, metrics and evaluations; checkpoints, schedule and logging are the
Trainer's.
Always true: all processes see the same batches and end with the same weights as one process would; a checkpoint is
used only if its mark, written last, stands in it.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from preftree.errors import InputError, TrainingError
from preftree.train.forward import answer_tries, core_model
from preftree.train.memory import keep_freed_memory
from preftree.train.order import epoch_batches
from preftree.train.processes import Processes
from preftree.train.settings import TrainSettings
from preftree.train.steps import Steps
from preftree.train.store import Example
from preftree.tries.attention import attending

_MARK, _TOKENS = "complete.json", "tokens.json"


class Batches(Dataset[dict[str, list[int]]]):
    """All batches of all epochs, in order: item i is the optimizer batch of step i."""

    def __init__(self, examples: Sequence[Example], settings: TrainSettings) -> None:
        self._batches = [b for epoch in range(settings.epochs) for b in epoch_batches(examples, settings, epoch)]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return {"batch": self._batches[index]}


class TrieTrainer(Trainer):  # type: ignore[misc]
    """Training over tries. What is not here is `transformers.Trainer`.

    `reference` and `held_out_reference` are set before training, for objectives that need them.
    """

    def __init__(
        self,
        model: Any,
        examples: Sequence[Example],
        settings: TrainSettings,
        *,
        lowered: bool,
        held_out: Sequence[Example] = (),
        several_sources: bool = False,
    ) -> None:
        keep_freed_memory()
        self.settings = settings
        self.steps = Steps(examples, settings, lowered=lowered, several=several_sources)
        self.held_out = Steps(held_out, settings, lowered=lowered, several=several_sources)
        answer_tries(model, rewards=settings.objective == "reward")
        super().__init__(
            model=model,
            args=_arguments(settings, model),
            train_dataset=Batches(examples, settings),
            data_collator=_only,
        )
        self.remove_callback(PrinterCallback)
        self.processes = Processes.here()

    def get_train_dataloader(self) -> Any:
        """Not prepared by accelerate: every process sees every batch, and takes its own tries of it."""
        return DataLoader(self.train_dataset, batch_size=1, shuffle=False, collate_fn=_only)

    # ------------------------------------------------------------ one optimizer step

    def training_step(
        self, model: Any, inputs: dict[str, list[int]], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Forward and backward over all tries of one optimizer batch. Raises TrainingError if the loss is no number."""
        model.train()
        batch = inputs["batch"]
        # Wrappers average gradients over processes; the loss is a sum over all of them.
        scale = self.processes.number / self.steps.denominator(batch)
        total = torch.zeros(1, dtype=torch.float64)
        with attending(core_model(self.model)):
            facts = self.steps.facts(model, batch, self.processes)
            packs = self.steps.packs(batch, self.processes)
            for place, (indices, weight) in enumerate(packs):
                last = place == len(packs) - 1
                # DeepSpeed asks accelerate whether this backward pass ends a step, others are told by `no_sync`.
                self.accelerator.gradient_state._set_sync_gradients(last)
                with nullcontext() if last else self.accelerator.no_sync(model):
                    loss = scale * self.steps.pack_loss(model, indices, facts, weight)
                    self.accelerator.backward(loss)
                total += loss.detach().cpu().double() / self.processes.number
        total = self.processes.summed(total)
        if not math.isfinite(total.item()):
            raise TrainingError(
                f"the loss of step {self.state.global_step + 1} is {total.item()}: lower train.learning_rate, or look "
                f"at the last lines of {self.settings.out}/metrics.jsonl"
            )
        return total[0].to(self.args.device)

    def score(self, sequences: Any) -> Tensor:
        """Log-probabilities (or rewards) of sequences in one trie, in the precision of training."""
        return self.steps.score(self.model, sequences)

    # ------------------------------------------------------------ evaluation and figures

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The objective's loss and figures on the held-out examples, in batches of training's size."""
        examples, steps = self.held_out.examples, self.held_out
        model, was_training = self.model, self.model.training
        model.eval()
        total = torch.zeros(2, dtype=torch.float64)
        with torch.no_grad(), attending(core_model(model)):
            for batch in epoch_batches(examples, self.settings, epoch=0):
                facts = steps.facts(model, batch, self.processes)
                for indices, weight in steps.packs(batch, self.processes):
                    total[0] += steps.pack_loss(model, indices, facts, weight).cpu().double()
                if self.processes.first:
                    total[1] += steps.denominator(batch)
        model.train(was_training)
        loss, count = self.processes.summed(total).tolist()
        figures = {"loss": loss / count, **steps.notes.means(self.processes)}
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The Trainer's figures with the means since the last line."""
        if "loss" in logs:
            logs.update(self.steps.notes.means(self.processes))
        super().log(logs, start_time)
        epoch = self.state.log_history[-1].get("epoch")
        if epoch is not None:
            # The Trainer sees all epochs as one; the reader should not.
            self.state.log_history[-1]["epoch"] = epoch * self.settings.epochs

    # ------------------------------------------------------------ checkpoints

    @property
    def sharded(self) -> bool:
        """Whether processes hold parts of the weights only (FSDP, DeepSpeed)."""
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)

    def save_weights(self, folder: Path) -> None:
        """The whole model, or its adapters, as a checkpoint of transformers; all processes call it."""
        whole = self.model_wrapped if self.sharded else self.model
        weights = self.accelerator.get_state_dict(whole)
        if self.processes.first:
            self.accelerator.unwrap_model(self.model).save_pretrained(folder, state_dict=weights)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        tokens = self.processes.merged({"tokens": (self.steps.tokens_rows, self.steps.tokens_trie)})["tokens"]
        self.processes.wait()
        if not self.processes.first:
            return
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        (folder / _TOKENS).write_text(json.dumps(tokens), encoding="utf-8")
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        sizes = {str(file.relative_to(folder)): file.stat().st_size for file in files}
        (folder / _MARK).write_text(json.dumps(sizes), encoding="utf-8")
        for other in Path(self.args.output_dir).glob("checkpoint-*"):
            if other != folder:
                shutil.rmtree(other)


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint: its mark stands, and every file has the size that the mark says."""
    whole = [folder for folder in out.glob("checkpoint-*") if _is_whole(folder)]
    return max(whole, key=lambda folder: int(folder.name.rpartition("-")[2]), default=None)


def tokens_of(checkpoint: Path) -> tuple[int, int]:
    """Tokens computed up to it: what rows would have cost, and what tries did."""
    rows, trie = json.loads((checkpoint / _TOKENS).read_text(encoding="utf-8"))
    return int(rows), int(trie)


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all((folder / name).is_file() and (folder / name).stat().st_size == size for name, size in sizes.items())


def check_arguments(settings: TrainSettings) -> None:
    """Names that only transformers knows, before anything is read. Raises InputError."""
    from transformers.integrations import get_available_reporting_integrations
    from transformers.training_args import OptimizerNames

    optimizers = [str(name.value) for name in OptimizerNames]
    if settings.optimizer not in optimizers:
        raise InputError(f"train.optimizer={settings.optimizer}: expected one of {', '.join(optimizers)}")
    backends = get_available_reporting_integrations()
    for name in settings.report_to:
        if name not in backends:
            there = ", ".join(backends) or "none of them"
            raise InputError(f"train.report_to: {name} is unknown or not installed; installed here: {there}")


def _arguments(settings: TrainSettings, model: Any) -> TrainingArguments:
    return TrainingArguments(
        output_dir=settings.out,
        num_train_epochs=1,
        per_device_train_batch_size=1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler,
        warmup_steps=settings.warmup_ratio,
        optim=settings.optimizer,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        seed=settings.seed,
        logging_steps=settings.logging_steps,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to=list(settings.report_to),
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=model.device.type == "cpu",
        # Only a mixture of experts has weights that some tries don't use.
        ddp_find_unused_parameters=any("experts" in name for name, _ in model.named_parameters()),
    )


def _only(items: list[dict[str, list[int]]]) -> dict[str, list[int]]:
    """The Trainer's batches have one item, which is a whole optimizer batch."""
    return items[0]
