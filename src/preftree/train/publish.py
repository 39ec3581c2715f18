"""Upload a finished model to the hub.

In:  a finished directory, a hub id; the token comes from the environment (HF_TOKEN) and from nowhere else.
Out: the address of the commit.
Always true: only what a reader of the model needs goes: weights, tokenizer, configuration, card, settings, the
figures of the run and an adapter; never checkpoints, rows, or log-probabilities of the reference. Uploading the same
directory again changes nothing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from preftree.errors import InputError, TrainingError

_MODEL = ("*.safetensors", "model.safetensors.index.json", "config.json", "generation_config.json", "README.md")
_TOKENIZER = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.jinja")
_RUN = ("settings.json", "metrics.jsonl")
_ADAPTER = ("adapter_config.json", "adapter/adapter_config.json", "adapter/*.safetensors")


def check_push(repo_id: str) -> str:
    """The token, or an InputError: asked before training, not after it."""
    if not re.fullmatch(r"([\w-][\w.-]*/)?[\w-][\w.-]*", repo_id, re.ASCII):
        raise InputError(f"train.push_to_hub={repo_id}: expected a hub id such as me/model")
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise InputError("train.push_to_hub: no token; set HF_TOKEN to one that may write")
    return token


def push(out: Path, repo_id: str, *, private: bool, endpoint: str | None = None) -> str:
    """Raises InputError without a token, TrainingError where the hub does not take it; the directory stays whole."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=endpoint, token=check_push(repo_id))
    # The bases are OSError and the error of the HTTP client that the hub's library is built on, which its releases
    # differ in; a ValueError is a card whose metadata the hub refuses, or an answer in a form that is not the hub's.
    failures: tuple[Any, ...] = (*HfHubHTTPError.__bases__, ValueError)
    files = uploaded(out)
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True)
        info = api.upload_folder(
            folder_path=out, repo_id=repo.repo_id, allow_patterns=files, commit_message="Model trained with preftree"
        )
    except failures as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"{out} is finished, but {repo_id} could not be uploaded: {reason}") from error
    return str(info.commit_url)


def uploaded(out: Path) -> list[str]:
    """The files of a directory that belong to its model, in order."""
    patterns = (*_MODEL, *_TOKENIZER, *_RUN, *_ADAPTER)
    found = {file for pattern in patterns for file in out.glob(pattern) if file.is_file()}
    return sorted(file.relative_to(out).as_posix() for file in found)
