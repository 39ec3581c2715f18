"""Models on disk: where a name leads, what it is, and how it is loaded.

In:  a model's name: `embedded`, a folder, or a hub id.
Out: a folder or hub id that transformers can load; a fingerprint of what the folder holds; model and tokenizer.
Always true: only safetensors are loaded and no code of the model's runs; changed weights, tokenizer or template give
another fingerprint; a missing model is one sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.actors.embedded import NAME, cache_dir, embedded_model
from preftree.errors import InputError
from preftree.records import digest

# What decides the answers of a model folder, besides *.safetensors.
_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A causal model in evaluation mode and its tokenizer."""

    model: Any
    tokenizer: Any


def resolve_model(model: str) -> Path | str:
    """`embedded` and folders give a folder; anything else of the form owner/name is a hub id."""
    if model == NAME:
        return embedded_model()
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InputError(f"model {model}: the folder has no config.json, so it is no checkpoint")
        return path
    looks_local = model.startswith((".", "/", "~")) or model.count("/") != 1 or not all(model.split("/"))
    if looks_local:
        raise InputError(f"model {model}: no such folder; name a checkpoint folder, a hub id (owner/name) or {NAME}")
    return model


def model_folder(model: Path | str) -> Path:
    """The folder itself, or where the hub's files lie, fetched if need be."""
    return model if isinstance(model, Path) else _snapshot(model)


def fingerprint(model: Path | str) -> str:
    """SHA-256 of what a model folder holds. A hub id is looked up in the local hub cache first."""
    folder = model_folder(model)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise InputError(f"model {folder}: no *.safetensors in it; convert the weights to safetensors first")
    present = weights + [folder / name for name in _FILES if (folder / name).is_file()]
    known = _Hashes()
    found = digest({path.name: known.of(path) for path in present})
    known.save()
    return found


def load_model(model: Path | str, dtype: str) -> LoadedModel:
    """Model and tokenizer, ready to sample; InputError in one sentence if that fails."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    # Its bar for each load would tear ours apart.
    logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        loaded = AutoModelForCausalLM.from_pretrained(
            model,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"model {model} can't be loaded: {_first_line(error)}") from error
    return LoadedModel(loaded.to(device).eval(), tokenizer)


def _snapshot(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["*.safetensors", "*.safetensors.index.json", *_FILES]
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(
            f"model {hub_id}: not found on the hub or no hub is reached ({_first_line(error)}); "
            f"name a checkpoint folder, or {NAME}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class _Hashes:
    """Hashes of large files, kept by path, size and time of change, so that a fingerprint takes milliseconds."""

    def __init__(self) -> None:
        self._path = cache_dir() / "hashes.json"
        try:
            self._known: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # No table yet, or one cut short: it is only a shortcut, and is made anew.
            self._known = {}
        self._changed = False

    def of(self, path: Path) -> str:
        stat = path.stat()
        key = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"
        if key not in self._known:
            with path.open("rb") as file:
                self._known[key] = _sha256(file)
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        if not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside = self._path.with_suffix(f".{os.getpid()}")
            aside.write_text(json.dumps(self._known), encoding="utf-8")
            aside.replace(self._path)
        except OSError as error:
            raise InputError(f"the cache folder {self._path.parent} can't be written: {error}") from error


def _sha256(file: Any) -> str:
    found = hashlib.sha256()
    while chunk := file.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()
