"""Upload a finished model to the hub.

In:  a finished directory, a hub id; the token comes from the environment (HF_TOKEN) and from nowhere else.
Out: the address of the commit.
Always true: only what a reader of the model needs goes: weights, tokenizer, configuration, card, settings, the
figures of the run and an adapter; never checkpoints, rows, or log-probabilities of the reference. Uploading the same
directory again changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from preftree import hub
from preftree.errors import TrainingError

_MODEL = ("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json", "README.md")
_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.jinja")
_RUN = ("settings.json", "metrics.jsonl")
_ADAPTER = ("adapter_config.json", "adapter/adapter_config.json", "adapter/*.safetensors")


def check_push(repo_id: str) -> str:
    """The token, or an InputError: asked before training, not after it."""
    return hub.check_push(repo_id, "train.push_to_hub", "me/model")


def push(out: Path, repo_id: str, *, private: bool, endpoint: str | None = None) -> str:
    """Raises InputError without a token, TrainingError where the hub does not take it; the directory stays whole."""
    return hub.upload(
        out,
        uploaded(out),
        repo_id,
        kind="model",
        private=private,
        message="Model trained with preftree",
        token=check_push(repo_id),
        failure=TrainingError,
        endpoint=endpoint,
    )


def uploaded(out: Path) -> list[str]:
    """The files of a directory that belong to its model, in order."""
    patterns = (*_MODEL, *_TOKENIZER, *_RUN, *_ADAPTER)
    found = {file for pattern in patterns for file in out.glob(pattern) if file.is_file()}
    return sorted(file.relative_to(out).as_posix() for file in found)
