"""What watches a run: metrics.jsonl, the progress bar, when a checkpoint or an evaluation is due, the best weights,
and the guard that stops when rewards run away.

In:  the Trainer's events. Out: files in the run's directory; a TrainingError of one sentence.
Always true: the last whole checkpoint was written before the rewards ran away.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from preftree.errors import TrainingError
from preftree.progress import Progress
from preftree.train.processes import Processes
from preftree.train.settings import TrainSettings

# A checkpoint is due when what was trained since the last is this many times the time to write one.
_CHECKPOINT_SHARE = 20
_CHECKPOINT_FLOOR_S = 30.0
# Logged lines over which rewards/chosen is averaged before a run is called runaway.
_WINDOW = 10


class Watch(TrainerCallback):  # type: ignore[misc]
    """One for a run; it writes on the first process only. `save` writes the weights; all processes call it."""

    def __init__(
        self, out: Path, bar: Progress, settings: TrainSettings, processes: Processes, save: Callable[[Path], None]
    ) -> None:
        self._out, self._bar, self._settings, self._save = out, bar, settings, save
        self._processes, self._first = processes, processes.first
        self._saved_step, self._saved_at, self._write_s = 0, time.monotonic(), 0.0
        self._chosen: deque[float] = deque(maxlen=_WINDOW)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A resumed run keeps the lines up to its checkpoint: later ones are written again."""
        kept = [entry for entry in state.log_history if "loss" in entry or "eval_loss" in entry]
        if self._first:
            lines = [json.dumps(entry, sort_keys=True) + "\n" for entry in kept]
            (self._out / "metrics.jsonl").write_text("".join(lines), encoding="utf-8")
        self._chosen.extend(entry["rewards/chosen"] for entry in kept if "rewards/chosen" in entry)
        self._saved_step, self._saved_at = state.global_step, time.monotonic()
        self._bar.advance(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._began_save = time.monotonic()
        every = self._settings.eval_steps
        control.should_evaluate = bool(every) and state.global_step % every == 0 and state.global_step < state.max_steps
        control.should_save = self._due(state.global_step) and state.global_step < state.max_steps

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._saved_step, self._saved_at = state.global_step, time.monotonic()
        self._write_s = self._saved_at - self._began_save

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        if logs is None or not ("loss" in logs or "eval_loss" in logs):
            return
        if self._first:
            entry = {**logs, "epoch": logs.get("epoch", 0.0) * self._settings.epochs, "step": state.global_step}
            with (self._out / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, sort_keys=True) + "\n")
        if "loss" not in logs:
            return
        if "rewards/chosen" in logs:
            self._chosen.append(logs["rewards/chosen"])
            self._guard(state.global_step)
            if self._falling():
                control.should_save = False
        shown = [f"loss {logs['loss']:.3g}"]
        if "rewards/margins" in logs:
            shown.append(f"margin {logs['rewards/margins']:.3g}")
        self._bar.advance(state.global_step - self._bar.done, ", ".join(shown))

    # ------------------------------------------------------------ the best weights

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **kwargs: Any) -> None:
        if not self._settings.keep_best:
            return
        if state.best_metric is None or metrics["eval_loss"] < state.best_metric:
            state.best_metric, state.best_global_step = metrics["eval_loss"], state.global_step
            folder = best_folder(self._out)
            partial = folder.with_name("best.partial")
            if self._first:
                shutil.rmtree(partial, ignore_errors=True)
            self._save(partial)
            if self._first:
                shutil.rmtree(folder, ignore_errors=True)
                partial.replace(folder)

    # ------------------------------------------------------------ rewards that run away

    def _guard(self, step: int) -> None:
        limit = self._settings.max_reward_drop
        if not limit or self._settings.objective == "reward" or len(self._chosen) < _WINDOW:
            return
        mean = sum(self._chosen) / len(self._chosen)
        if mean < -limit or not math.isfinite(mean):
            raise TrainingError(
                f"rewards run away: rewards/chosen was {mean:.3g} over the last {_WINDOW} lines at step {step}, below "
                f"-{limit:g}; the last checkpoint before that stands in {self._out}. Lower train.learning_rate, raise "
                "train.beta, or take nca or kto, which hold chosen rewards up (train.max_reward_drop=0: no guard)"
            )

    def _falling(self) -> bool:
        """Half of the way to the guard's limit: what is saved from here on would not be a good checkpoint."""
        limit = self._settings.max_reward_drop
        return bool(limit and self._chosen and self._chosen[-1] < -limit / 2)

    def _due(self, step: int) -> bool:
        # Only after a logged step: the means since the last line are not in a checkpoint.
        if step % self._settings.logging_steps:
            return False
        if self._settings.save_steps:
            return step - self._saved_step >= self._settings.save_steps
        wait_s = max(_CHECKPOINT_FLOOR_S, _CHECKPOINT_SHARE * self._write_s)
        # Clocks differ between processes; the first one's decides.
        late = torch.tensor([float(self._first and time.monotonic() - self._saved_at >= wait_s)])
        return bool(self._processes.summed(late).item())


def best_folder(out: Path) -> Path:
    """Where the weights with the lowest eval_loss stand while a run goes on."""
    return out / "best"
