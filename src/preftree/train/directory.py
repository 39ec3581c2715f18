"""A run's directory: whose it is, what is written into it and how, what a model and its rows are known by.

In:  settings, paths. Out: fingerprints, and files that are whole or absent.
Always true: settings.json holds the key of the run (settings, rows, model); a directory with another key is refused,
never mixed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

from preftree import __version__
from preftree.errors import InputError, TrainingError
from preftree.records import digest
from preftree.train.settings import TrainSettings

# These say where and how often, not what: they may differ between the runs of one directory.
_NOT_IN_KEY = (
    "out", "model", "rows", "mix", "eval_rows", "reference_model", "template", "save_steps", "reference_cache",
    "report_to", "push_to_hub", "push_private",
)  # fmt: skip


def run_key(settings: TrainSettings, precision: str, fingerprints: list[Any]) -> str:
    """What decides the outcome; `fingerprints` are of models and rows, which may move."""
    decides = {name: value for name, value in dataclasses.asdict(settings).items() if name not in _NOT_IN_KEY}
    return digest([decides, precision, fingerprints])


def claim(out: Path, settings: TrainSettings, key: str, precision: str) -> None:
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
    write_json(
        file,
        {"key": key, "settings": dataclasses.asdict(settings), "precision": precision, "versions": versions()},
    )


def versions() -> dict[str, str]:
    import torch
    import transformers

    return {
        "preftree": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _differences(before: dict[str, Any], settings: TrainSettings) -> str:
    now = json.loads(json.dumps(dataclasses.asdict(settings)))
    changed = [f"{name} was {before.get(name)!r}, is {now[name]!r}" for name in now if before.get(name) != now[name]]
    return "; ".join(changed) or "the content of the rows or the model changed"


def model_fingerprint(model: str, setting: str = "train.model") -> str:
    """Of a directory: its files, weights, tokenizer and template. Of a hub id: the commit that it stands for."""
    folder = Path(model)
    if folder.is_dir():
        wanted = (".safetensors", ".json", ".jinja", ".model", ".txt")
        skip = {"settings.json", "report.json", "rows_set_aside.json", "metrics.jsonl"}
        files = [file for file in sorted(folder.iterdir()) if file.suffix in wanted and file.name not in skip]
        if not any(file.suffix == ".safetensors" for file in files):
            raise InputError(f"{setting}={model}: no .safetensors file there")
        return digest([[file.name, sha256(file)] for file in files])
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(f"{setting}={model}: neither a directory nor a hub id ({short(error)})") from error
    return digest([model, config._commit_hash])


def template_text(name: str) -> str:
    """A packaged chat template by name, or a file."""
    packaged = resources.files("preftree.train") / "templates"
    names = sorted(entry.name.removesuffix(".jinja") for entry in packaged.iterdir() if entry.name.endswith(".jinja"))
    if name in names:
        return (packaged / f"{name}.jinja").read_text(encoding="utf-8")
    if not Path(name).is_file():
        raise InputError(f"train.template={name}: neither a file nor one of {', '.join(names)}")
    return Path(name).read_text(encoding="utf-8")


def refuse_full_disk(out: Path, weights: int) -> None:
    """Weights, and at the worst moment two checkpoints of weights and AdamW's two moments."""
    needed, free = weights * 7, shutil.disk_usage(out).free
    if free < needed:
        raise TrainingError(
            f"{out}: {free / 1e9:.1f} GB are free and training needs up to {needed / 1e9:.1f} GB: free some, or choose "
            "another train.out"
        )


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        state = hashlib.sha256()
        while block := stream.read(1 << 22):
            state.update(block)
    return state.hexdigest()


def write_json(file: Path, value: Any) -> None:
    """A whole file or none."""
    partial = file.with_name(file.name + ".partial")
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(partial, file)


def short(error: BaseException) -> str:
    """The first line of an error's text."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
