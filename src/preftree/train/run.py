"""One training run, from settings to a finished directory; idempotent and resumable.

In:  `TrainSettings`.
Out: `TrainReport`, and in `out`: model and tokenizer, README.md (the model card), metrics.jsonl, settings.json,
rows_set_aside.json, report.json.
Always true: `report.json` is written last; with several processes the first alone writes; progress is on stderr.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from preftree.errors import InputError
from preftree.progress import progress
from preftree.train.directory import (
    claim,
    model_fingerprint,
    refuse_full_disk,
    run_key,
    template_text,
    versions,
    write_json,
)
from preftree.train.publish import check_push, push
from preftree.train.settings import TrainReport, TrainSettings
from preftree.train.sources import held_out_rows, rows_fingerprint, training_rows
from preftree.tries.precision import resolve_precision

if TYPE_CHECKING:
    from preftree.train.processes import Processes
    from preftree.train.store import Store
    from preftree.train.trainer import TrieTrainer


def train(settings: TrainSettings) -> TrainReport:
    """Train, or go on, or return what a finished directory says."""
    from preftree.train.processes import Processes

    if settings.push_to_hub:
        check_push(settings.push_to_hub)
    out = Path(settings.out)
    if settings.lora is not None and not (out / "report.json").is_file():
        from preftree.train.load import check_extras

        check_extras(settings.lora)
    precision = resolve_precision(settings.precision)
    fingerprint = model_fingerprint(settings.model)
    other = model_fingerprint(settings.reference_model, "train.reference_model") if settings.reference_model else ""
    template = template_text(settings.template) if settings.template else ""
    key = run_key(settings, precision, [fingerprint, other, template, rows_fingerprint(settings)])
    processes = Processes.begin()
    with processes.first_alone() as first:
        if first:
            claim(out, settings, key, precision)
    if (out / "report.json").is_file():
        report = TrainReport(**json.loads((out / "report.json").read_text(encoding="utf-8")))
    else:
        report = _train(settings, out, other or fingerprint, precision, processes)
    if settings.push_to_hub and processes.first:
        # Also for a run that had ended: its upload may have been what failed. The same files again are no change.
        push(out, settings.push_to_hub, private=settings.push_private)
    return report


def _train(
    settings: TrainSettings, out: Path, reference_fingerprint: str, precision: str, processes: Processes
) -> TrainReport:
    began = time.monotonic()
    import transformers

    from preftree.train.load import load_model, load_tokenizer
    from preftree.train.trainer import TrieTrainer, check_arguments, last_checkpoint, tokens_of
    from preftree.train.watch import Watch
    from preftree.tries.attention import check_model

    transformers.utils.logging.disable_progress_bar()
    transformers.set_seed(settings.seed)
    check_arguments(settings)
    tokenizer = load_tokenizer(settings)
    with processes.first_alone() as first:
        if first:
            _prepare(settings, tokenizer, out)
    examples, held_out = _stores(settings, out)
    model = load_model(settings.model, tokenizer, examples.last_tokens(), settings)
    refuse_full_disk(out, sum(p.numel() * p.element_size() for p in model.parameters()))
    core = getattr(model, "get_base_model", lambda: model)()
    check_model(core)
    for store in (examples, held_out):
        if store is not None:
            _refuse_foreign_tokens(store, core, f"train.model={settings.model}")

    several = len(examples.sources()) > 1
    trainer = TrieTrainer(
        model, examples, settings,
        lowered=precision == "bf16", held_out=() if held_out is None else held_out, several_sources=several,
    )  # fmt: skip
    if trainer.sharded and settings.lora is not None and settings.lora.merge:
        raise InputError("train.lora: adapters can't be merged into weights that are spread; set lora.merge=false")
    tokens_reference = _references(settings, trainer, tokenizer, reference_fingerprint, precision)
    steps, checkpoint = len(trainer.train_dataset), last_checkpoint(out)
    if checkpoint is not None and processes.first:
        trainer.steps.tokens_rows, trainer.steps.tokens_trie = tokens_of(checkpoint)
    with progress(f"training {settings.objective}", steps, "steps") as bar:
        trainer.add_callback(Watch(out, bar, settings, processes, trainer.save_weights))
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    eval_metrics = trainer.evaluate() if settings.evaluates else {}
    if settings.keep_best:
        # What is written are the best weights, so what is said is theirs.
        lines = [line for line in trainer.state.log_history if "eval_loss" in line]
        best = min(lines, key=lambda line: float(line["eval_loss"]))
        eval_metrics = {name: value for name, value in best.items() if name.startswith("eval_")}
    totals = processes.merged({"rows": (trainer.steps.tokens_rows,), "trie": (trainer.steps.tokens_trie,)})
    set_aside = json.loads((out / "rows_set_aside.json").read_text(encoding="utf-8"))
    report = TrainReport(
        out=settings.out,
        objective=settings.objective,
        num_rows=len(examples),
        num_set_aside=len(set_aside),
        steps=steps,
        tokens_rows=int(totals["rows"][0]),
        tokens_trie=int(totals["trie"][0]),
        tokens_reference=tokens_reference,
        seconds=round(time.monotonic() - began, 3),
        precision=precision,
        final_metrics=_last_metrics(out / "metrics.jsonl"),
        eval_metrics=eval_metrics,
        sources=examples.sources(),
        reasons=dict(Counter(row["reason"] for row in set_aside).most_common(20)),
    )
    adapters_alone = settings.lora is not None and not settings.lora.merge
    trainer.save_weights(out if settings.lora is None or adapters_alone else out / "adapter")
    with processes.first_alone() as first:
        if first:
            _finish(settings, out, trainer, tokenizer, report)
    return report


# ---------------------------------------------------------------- before


def _prepare(settings: TrainSettings, tokenizer: Any, out: Path) -> None:
    """Stores of the training rows and the held-out ones, once; what was set aside is listed."""
    from preftree.train.prepare import prepare
    from preftree.train.store import Store

    parts = {"train": training_rows, "held-out": held_out_rows} if settings.evaluates else {"train": training_rows}
    if all(Store.is_whole(out / "prepared" / name) for name in parts) and (out / "rows_set_aside.json").is_file():
        return
    set_aside = []
    for name, rows in parts.items():
        with progress(f"reading {name} rows", None, "rows") as bar:
            _, bad = prepare(
                rows(settings), tokenizer, out / "prepared" / name, max_length=settings.max_length,
                where=_where(settings, held_out=name != "train"), bar=bar,
            )  # fmt: skip
        set_aside += bad
    write_json(out / "rows_set_aside.json", [dataclasses.asdict(row) for row in set_aside])


def _where(settings: TrainSettings, *, held_out: bool) -> str:
    """What to call the rows in an error."""
    if held_out:
        return settings.eval_rows or f"train.eval_share={settings.eval_share:g}"
    return settings.rows or "train.mix"


def _refuse_foreign_tokens(store: Store, model: Any, name: str) -> None:
    """Tokens that the model has no embedding for, and rows longer than positions that it learnt."""
    words = model.get_input_embeddings().num_embeddings
    if store.largest_token >= words:
        raise InputError(f"{name}: token {store.largest_token} of the rows is beyond its vocabulary of {words}")
    # GPT-2's name for positions that are learnt; others are computed, and may go on.
    positions = getattr(model.config, "n_positions", None)
    if positions is not None and store.longest > positions:
        raise InputError(
            f"{name}: a row has {store.longest} tokens, and the model {positions} positions; set "
            f"train.max_length={positions}"
        )


def _stores(settings: TrainSettings, out: Path) -> tuple[Store, Store | None]:
    from preftree.train.objectives import OBJECTIVES
    from preftree.train.store import Store

    seed = settings.seed if OBJECTIVES[settings.objective].mismatched else None
    folders = [out / "prepared" / name for name in ("train", "held-out")[: 1 + settings.evaluates]]
    stores = [Store(folder, mismatch_seed=seed, max_length=settings.max_length) for folder in folders]
    return stores[0], stores[1] if settings.evaluates else None


def _references(settings: TrainSettings, trainer: TrieTrainer, tokenizer: Any, fingerprint: str, precision: str) -> int:
    """Log-probabilities of all examples under the reference, where the objective has one; how many tokens it took."""
    from preftree.train.forward import answer_tries, core_model
    from preftree.train.load import device
    from preftree.train.objectives import OBJECTIVES
    from preftree.train.reference import reference_logps
    from preftree.train.store import Store
    from preftree.tries.attention import attending

    if not OBJECTIVES[settings.objective].reference:
        return 0
    model = trainer.model
    if settings.reference_model:
        from transformers import AutoModelForCausalLM

        model = AutoModelForCausalLM.from_pretrained(settings.reference_model, dtype=model.dtype).to(device()).eval()
        for steps in (trainer.steps, trainer.held_out):
            if isinstance(steps.examples, Store):
                _refuse_foreign_tokens(steps.examples, model, f"train.reference_model={settings.reference_model}")
    elif settings.lora is not None and settings.lora.four_bit:
        fingerprint += " in 4 bits"
        answer_tries(model, rewards=False)
    tokens = 0
    with attending(core_model(model)):
        for steps in (trainer.steps, trainer.held_out):
            if len(steps.examples):
                found = reference_logps(
                    steps.examples, settings, partial(steps.score, model),
                    fingerprint=fingerprint, precision=precision,
                )  # fmt: skip
                steps.reference_X3 = found.logps
                tokens += found.tokens
    return tokens


# ---------------------------------------------------------------- after


def _finish(settings: TrainSettings, out: Path, trainer: TrieTrainer, tokenizer: Any, report: TrainReport) -> None:
    """The best weights in the place of the last, adapters merged, card and report; checkpoints and prepared rows go."""
    from preftree.train.portable import write_for_predecessors
    from preftree.train.watch import best_folder

    best = best_folder(out)
    merge = settings.lora is not None and settings.lora.merge
    if settings.keep_best and best.is_dir():
        for file in best.glob("*.safetensors"):
            shutil.copy2(file, (out / "adapter" if merge else out) / file.name)
    if merge:
        model = trainer.accelerator.unwrap_model(trainer.model)
        model.load_adapter(str(out / "adapter"), model.active_adapter, is_trainable=False)
        model.merge_and_unload().save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_for_predecessors(out)
    _write_card(settings, out, report)
    write_json(out / "report.json", report.to_json())
    for folder in (*out.glob("checkpoint-*"), best, out / "prepared"):
        shutil.rmtree(folder, ignore_errors=True)


def _write_card(settings: TrainSettings, out: Path, report: TrainReport) -> None:
    from preftree.train.card import model_card

    (out / "README.md").write_text(model_card(settings, report, versions()), encoding="utf-8")


def _last_metrics(file: Path) -> dict[str, float]:
    """The last line of training."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    last: dict[str, float] = next((line for line in reversed(lines) if "loss" in line), {})
    return {name: value for name, value in last.items() if name not in ("step", "epoch")}
