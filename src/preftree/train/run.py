"""One training run, from settings to a finished directory; idempotent and resumable.

In:  `TrainSettings`.
Out: `TrainReport`, and in `out`: model and tokenizer, metrics.jsonl, settings.json, rows_set_aside.json, report.json.
Always true: `report.json` is written last; settings.json holds the key of the run (settings, rows, model), and a
directory with another key is refused, never mixed; progress is on stderr.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

from preftree import __version__
from preftree.errors import InputError, TrainingError
from preftree.progress import progress
from preftree.records import digest
from preftree.train.rows import read_rows, row_files
from preftree.train.settings import TrainReport, TrainSettings
from preftree.tries.precision import resolve_precision

# These say where and how often, not what: they may differ between the runs of one directory.
_NOT_IN_KEY = ("out", "model", "rows", "save_steps", "reference_cache")


def train(settings: TrainSettings) -> TrainReport:
    """Train, or go on, or return what a finished directory says."""
    out = Path(settings.out)
    fingerprint = _model_fingerprint(settings.model)
    precision = resolve_precision(settings.precision)
    key = digest([_of_key(settings), precision, fingerprint, [_sha256(file) for file in row_files(settings.rows)]])
    _claim(out, settings, key, precision)
    if (out / "report.json").is_file():
        return TrainReport(**json.loads((out / "report.json").read_text(encoding="utf-8")))
    return _train(settings, out, fingerprint, precision)


def _train(settings: TrainSettings, out: Path, fingerprint: str, precision: str) -> TrainReport:
    began = time.monotonic()
    import transformers

    from preftree.train.examples import render_rows
    from preftree.train.objectives import OBJECTIVES
    from preftree.train.reference import reference_logps
    from preftree.train.trainer import Bookkeeping, TrieTrainer, last_checkpoint
    from preftree.tries.attention import attending, check_model

    transformers.utils.logging.disable_progress_bar()
    transformers.set_seed(settings.seed)
    objective = OBJECTIVES[settings.objective]
    rows = read_rows(settings.rows, paired=objective.reads != "rows")
    tokenizer = _tokenizer(settings.model)
    rendered = render_rows(rows, tokenizer, settings, mismatched=objective.mismatched)
    _write(out / "rows_set_aside.json", [dataclasses.asdict(row) for row in rendered.set_aside])
    last_tokens = {sequence.tokens[-1] for example in rendered.examples for sequence in example.sequences}
    model = _model(settings, tokenizer, last_tokens)
    _refuse_full_disk(out, sum(p.numel() * p.element_size() for p in model.parameters()))
    check_model(model)

    trainer = TrieTrainer(model, rendered.examples, settings, lowered=precision == "bf16")
    reference_tokens = 0
    if objective.reference:
        with attending(model):
            reference = reference_logps(
                rendered.examples, settings, trainer.score, fingerprint=fingerprint, precision=precision
            )
        trainer.reference_X3, reference_tokens = reference.logps, reference.tokens
    steps = len(trainer.train_dataset)
    checkpoint = last_checkpoint(out)
    with progress(f"training {settings.objective}", steps, "steps") as bar:
        trainer.add_callback(Bookkeeping(out / "metrics.jsonl", bar, settings))
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    report = TrainReport(
        out=settings.out,
        objective=settings.objective,
        num_rows=len(rendered.examples),
        num_set_aside=len(rendered.set_aside),
        steps=steps,
        tokens_rows=trainer.tokens_rows,
        tokens_trie=trainer.tokens_trie,
        tokens_reference=reference_tokens,
        seconds=round(time.monotonic() - began, 3),
        precision=precision,
        final_metrics={k: v for k, v in _last_line(out / "metrics.jsonl").items() if k not in ("step", "epoch")},
    )
    _write(out / "report.json", report.to_json())
    for folder in out.glob("checkpoint-*"):
        shutil.rmtree(folder)
    return report


# ---------------------------------------------------------------- what is loaded


def _tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as error:
        raise InputError(f"train.model={path}: no tokenizer can be loaded from there ({_short(error)})") from error


def _model(settings: TrainSettings, tokenizer: Any, last_tokens: set[int]) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        if settings.objective == "reward":
            from preftree.train.reward import load_reward_model

            model = load_reward_model(settings.model, tokenizer, last_tokens, seed=settings.seed)
        else:
            model = AutoModelForCausalLM.from_pretrained(settings.model, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise InputError(
            f"train.model={settings.model}: no model can be loaded from there ({_short(error)})"
        ) from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


# ---------------------------------------------------------------- the directory


def _of_key(settings: TrainSettings) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(settings).items() if name not in _NOT_IN_KEY}


def _claim(out: Path, settings: TrainSettings, key: str, precision: str) -> None:
    """Make the directory this run's own, or see that it is."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "settings.json"
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        if before["key"] != key:
            raise InputError(
                f"{out} holds a run of other settings, rows or model ({_differences(before['settings'], settings)}): "
                "choose another train.out, or remove that directory"
            )
        return
    import torch
    import transformers

    versions = {
        "preftree": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    settings_json = dataclasses.asdict(settings)
    _write(file, {"key": key, "settings": settings_json, "precision": precision, "versions": versions})


def _differences(before: dict[str, Any], settings: TrainSettings) -> str:
    now = dataclasses.asdict(settings)
    changed = [f"{name} was {before.get(name)!r}, is {now[name]!r}" for name in now if before.get(name) != now[name]]
    return "; ".join(changed) or "the content of the rows or the model changed"


def _model_fingerprint(model: str) -> str:
    """Of a directory: its files, weights, tokenizer and template. Of a hub id: the commit that it stands for."""
    folder = Path(model)
    if folder.is_dir():
        wanted = (".safetensors", ".json", ".jinja", ".model", ".txt")
        skip = {"settings.json", "report.json", "rows_set_aside.json", "metrics.jsonl"}
        files = [file for file in sorted(folder.iterdir()) if file.suffix in wanted and file.name not in skip]
        if not any(file.suffix == ".safetensors" for file in files):
            raise InputError(f"train.model={model}: no .safetensors file there")
        return digest([[file.name, _sha256(file)] for file in files])
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(f"train.model={model}: neither a directory nor a hub id ({_short(error)})") from error
    return digest([model, config._commit_hash])


def _refuse_full_disk(out: Path, weights: int) -> None:
    """Weights, and at the worst moment two checkpoints of weights and AdamW's two moments."""
    needed, free = weights * 7, shutil.disk_usage(out).free
    if free < needed:
        raise TrainingError(
            f"{out}: {free / 1e9:.1f} GB are free and training needs up to {needed / 1e9:.1f} GB: free some, or choose "
            "another train.out"
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        state = hashlib.sha256()
        while block := stream.read(1 << 22):
            state.update(block)
    return state.hexdigest()


def _write(file: Path, value: Any) -> None:
    """A whole file or none."""
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, file)


def _last_line(file: Path) -> dict[str, float]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return json.loads(lines[-1]) if lines else {}


def _short(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
