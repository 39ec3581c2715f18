"""What the viewer shows beside a forest: a tokenizer with its template, reward models by name.

In:  settings of `preftree view`. Out: an open library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.actors.embedded import cache_dir
from preftree.errors import InputError, nearest
from preftree.report.viewer import Library, Shelf

_KNOWN = ("tokenizer", "template", "reward_model", "max_tokens")


def open_library(forests: Sequence[str], section: Mapping[str, Any]) -> Library:
    """The forests, read into their indices and scored by the reward models that are named."""
    for key in section:
        if key not in _KNOWN:
            raise InputError(f'view: unknown setting "{key}"{nearest(key, _KNOWN)}')
    models = _models(section.get("reward_model"))
    tokenizer = _tokenizer(section.get("tokenizer"), section.get("template"), list(models.values()))
    library = Library([Shelf(Path(forest), cache_dir() / "view", tokenizer) for forest in forests])
    for name, path in models.items():
        from preftree.tries import RewardModel

        library.score({name: RewardModel(path, max_tokens=int(section.get("max_tokens") or 4096)).score})
    return library


def _models(named: Any) -> dict[str, str]:
    """Reward models by the name that they are shown under: their folder's, or the whole path where two are alike."""
    paths = [named] if isinstance(named, str) else list(named or [])
    if not all(isinstance(path, str) for path in paths):
        raise InputError("view: reward_model: expected a directory, or a list of directories")
    names = [Path(path).name for path in paths]
    return {name if names.count(name) == 1 else path: path for name, path in zip(names, paths, strict=True)}


def _tokenizer(name: Any, template: Any, models: list[str]) -> Any:
    """The tokenizer that is named, else that of the first reward model, else none."""
    name = name or (models[0] if models else None)
    if name is None:
        return None
    from transformers import AutoTokenizer

    from preftree.actors.weights import resolve_model
    from preftree.train.directory import template_text
    from preftree.tries.render import check_template

    tokenizer = AutoTokenizer.from_pretrained(resolve_model(str(name)))
    if template:
        tokenizer.chat_template = template_text(str(template))
    check_template(tokenizer, f"view: tokenizer {name}")
    return tokenizer
