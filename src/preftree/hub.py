"""The model hub: what cards are written with, and the upload of a finished directory.

In:  texts for a card; a directory, its files, a repository; the token comes from the environment (HF_TOKEN) and from
nowhere else. Out: Markdown; the address of the commit.
Always true: what a user or a row wrote can't break a card's tables; only the named files are uploaded; uploading the
same files again changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from preftree.errors import InputError, PreftreeError


def check_push(repo_id: str, setting: str, example: str) -> str:
    """The token, or an InputError that names the setting: asked before the work, not after it."""
    if not re.fullmatch(r"([\w-][\w.-]*/)?[\w-][\w.-]*", repo_id, re.ASCII):
        raise InputError(f"{setting}={repo_id}: expected a hub id such as {example}")
    token = os.environ.get("HF_TOKEN", "").strip()
    if not token:
        raise InputError(f"{setting}: no token; set HF_TOKEN to one that may write")
    return token


def upload(
    folder: Path,
    files: Sequence[str],
    repo_id: str,
    *,
    kind: Literal["model", "dataset"],
    private: bool,
    message: str,
    token: str,
    failure: type[PreftreeError],
    endpoint: str | None = None,
) -> str:
    """The address of the commit. Raises `failure` where the hub does not take it; the directory stays whole."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=endpoint, token=token)
    # The bases are OSError and the error of the HTTP client that the hub's library is built on, which its releases
    # differ in; a ValueError is a card whose metadata the hub refuses, or an answer in a form that is not the hub's.
    failures: tuple[Any, ...] = (*HfHubHTTPError.__bases__, ValueError)
    try:
        repo = api.create_repo(repo_id, private=private, exist_ok=True, repo_type=kind)
        info = api.upload_folder(
            folder_path=folder,
            repo_id=repo.repo_id,
            repo_type=kind,
            allow_patterns=list(files),
            commit_message=message,
        )
    except failures as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise failure(f"{folder} is finished, but {repo_id} could not be uploaded: {reason}") from error
    return str(info.commit_url)


# ---------------------------------------------------------------- what cards are written with


def table(head: Sequence[str], rows: Mapping[str, Any] | Sequence[Sequence[Any]]) -> str:
    """A table of Markdown; nothing where there is no row."""
    lines = [list(row) for row in (rows.items() if isinstance(rows, Mapping) else rows)]
    if not lines:
        return ""
    shown = [[plain(f"{value:.6g}" if isinstance(value, float) else str(value)) for value in line] for line in lines]
    marked = [f"| {' | '.join(line)} |" for line in shown]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *marked])


_MARKS = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&\\`|<>[]*#"})


def plain(text: str) -> str:
    """One line in which nothing is a mark of Markdown or HTML."""
    return " ".join(text.split()).translate(_MARKS)
