"""What the viewer shows beside a forest: a tokenizer with its template, models that judge, by name.

In:  settings of `preftree view`. Out: an open library, scored.
Always true: numbers are kept under the content of the weights, so another model in the same folder is asked anew; a
model is loaded only if there is a tree that it has not scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from preftree.actors.embedded import cache_dir
from preftree.actors.weights import fingerprint, model_folder, resolve_model
from preftree.errors import InputError, nearest
from preftree.records import digest
from preftree.report.viewer import Judge, Library, Shelf

_KNOWN = ("tokenizer", "template", "reward_model", "policy", "reference_model", "max_tokens")
_MAX_TOKENS = 4096


def open_library(forests: Sequence[str], section: Mapping[str, Any]) -> Library:
    """The forests, read into their indices and scored by the models that are named."""
    for key in section:
        if key not in _KNOWN:
            raise InputError(f'view: unknown setting "{key}"{nearest(key, _KNOWN)}')
    rewards, policy, reference = (_paths(section, name) for name in ("reward_model", "policy", "reference_model"))
    if len(policy) > 1 or len(reference) > 1:
        raise InputError("view: policy and reference_model: expected one model each")
    if reference and not policy:
        raise InputError("view: reference_model is shown beside a policy: name policy=DIR too")
    max_tokens = section.get("max_tokens") or _MAX_TOKENS
    if not isinstance(max_tokens, int) or max_tokens < 1:
        raise InputError(f"view: max_tokens: expected a number of at least 1, got {max_tokens}")
    tokenizer = _tokenizer(section.get("tokenizer"), section.get("template"), [*policy, *rewards])
    names = _names([*rewards, *policy, *reference])
    judges = [_judge(names[path], path, "reward", max_tokens) for path in rewards]
    judges += [_judge(names[path], path, "log-probability", max_tokens) for path in [*policy, *reference]]
    if reference:
        mine, other = judges[-2:]
        name = f"{mine.name} against {other.name}"
        judges.append(Judge(name, digest(["ratio", mine.key, other.key]), "log-ratio", None, (mine.key, other.key)))
    library = Library([Shelf(Path(forest), cache_dir() / "view", tokenizer) for forest in forests])
    try:
        library.score(judges)
    except BaseException:
        library.close()
        raise
    return library


def _judge(name: str, path: str, kind: str, max_tokens: int) -> Judge:
    from preftree.tries.precision import resolve_precision

    folder = model_folder(resolve_model(path))

    def load() -> Callable[[Any], list[list[float]]]:
        from preftree.tries import LogpModel, RewardModel

        if kind == "reward":
            return RewardModel(str(folder), max_tokens=max_tokens).score
        model = LogpModel(str(folder), max_tokens=max_tokens)

        def logps(conversations: Any) -> list[list[float]]:
            found = [[-math.inf] * len(members) for members in conversations]
            for answered in model.passes(conversations):
                for one in answered:
                    found[one.group][one.place] = one.value
            return found

        return logps

    return Judge(name, digest([kind, fingerprint(folder), resolve_precision("auto")]), kind, load)


def _paths(section: Mapping[str, Any], name: str) -> list[str]:
    named = section.get(name)
    paths = [named] if isinstance(named, str) else list(named or [])
    if not all(isinstance(path, str) and path for path in paths):
        raise InputError(f"view: {name}: expected a directory, or a list of directories")
    return list(dict.fromkeys(paths))


def _names(paths: Sequence[str]) -> dict[str, str]:
    """The name that a model is shown under: its folder's, or the whole path where two are alike."""
    last = {path: Path(path).name or path for path in paths}
    return {path: name if list(last.values()).count(name) == 1 else path for path, name in last.items()}


def _tokenizer(name: Any, template: Any, models: list[str]) -> Any:
    """The tokenizer that is named, else that of the first model, else none."""
    name = name or (models[0] if models else None)
    if name is None:
        return None
    from transformers import AutoTokenizer

    from preftree.train.directory import template_text
    from preftree.tries.render import check_template

    tokenizer = AutoTokenizer.from_pretrained(resolve_model(str(name)))
    if template:
        tokenizer.chat_template = template_text(str(template))
    check_template(tokenizer, f"view: tokenizer {name}")
    return tokenizer
