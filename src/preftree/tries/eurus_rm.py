"""The paper's released reward model (hub id openbmb/Eurus-RM-7b), read without running any of its code.

In:  a directory or a hub id: a Mistral or Llama in safetensors whose head is called `regression_head`.
Out: the same weights as a standard model for sequence classification with one label.
Always true: every weight of the model is read from the files, none is drawn anew, none is left over; names and shapes
are compared before any of them is read; pickled weights, whose reading can run code, are refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from preftree.errors import InputError

_HEAD, _STANDARD = "regression_head.weight", "score.weight"
_INDEX = "model.safetensors.index.json"
_ARCHITECTURE = "EurusRewardModel"
# What of its configuration names its own code, or is set here.
_DROPPED = ("architectures", "auto_map", "model_type", "torch_dtype", "dtype", "num_labels", "id2label", "label2id")


def is_eurus_rm(path_or_id: str) -> bool:
    """By its architecture's name, or by a `regression_head` among the weights of a directory."""
    from transformers import PreTrainedConfig

    raw, _ = PreTrainedConfig.get_config_dict(path_or_id)
    return _ARCHITECTURE in (raw.get("architectures") or ()) or _HEAD in _places(Path(path_or_id))


def read_eurus_rm(path_or_id: str) -> Any:
    """A `MistralForSequenceClassification` or `LlamaForSequenceClassification` in fp32. Raises InputError."""
    import torch
    from safetensors import safe_open

    folder = _folder(path_or_id)
    kind, config = _kind_and_config(folder)
    places = _places(folder)
    if not places:
        raise InputError(
            f"{path_or_id}: no model*.safetensors there; pickled weights (.bin) can run code when they are read: "
            "convert them to safetensors first"
        )
    with torch.device("meta"):
        expected = {name: tuple(weight.shape) for name, weight in kind(config).state_dict().items()}
    found = {_standard(name): _shape(file, name) for name, file in places.items()}
    _compare(path_or_id, expected, found)

    weights: dict[str, Any] = {}
    for file in sorted(set(places.values())):
        with safe_open(file, framework="pt") as opened:
            weights |= {_standard(name): opened.get_tensor(name) for name, at in places.items() if at == file}
    return kind.from_pretrained(None, config=config, state_dict=weights, dtype=torch.float32)


def _folder(path_or_id: str) -> Path:
    """The directory itself, or the hub's files in its own cache: configuration and safetensors alone."""
    if Path(path_or_id).is_dir():
        return Path(path_or_id)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(path_or_id, allow_patterns=["config.json", "*.safetensors", _INDEX]))


def _kind_and_config(folder: Path) -> tuple[Any, Any]:
    from transformers import (
        LlamaConfig,
        LlamaForSequenceClassification,
        MistralConfig,
        MistralForSequenceClassification,
    )

    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kinds: dict[str, tuple[Any, Any]] = {
        "mistral": (MistralForSequenceClassification, MistralConfig),
        "llama": (LlamaForSequenceClassification, LlamaConfig),
    }
    if raw.get("model_type") not in kinds:
        raise InputError(f"{folder}/config.json: model_type: expected mistral or llama, got {raw.get('model_type')!r}")
    kind, config = kinds[raw["model_type"]]
    return kind, config(**{name: value for name, value in raw.items() if name not in _DROPPED}, num_labels=1)


def _places(folder: Path) -> dict[str, Path]:
    """In which file each weight lies, by its name: as the index says, or all that there are."""
    index = folder / _INDEX
    if index.is_file():
        try:
            places = {name: folder / file for name, file in json.loads(index.read_text("utf-8"))["weight_map"].items()}
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise InputError(f"{index}: expected a weight_map from weights to files") from error
        gone = sorted({file.name for file in places.values() if not file.is_file()})
        if gone:
            raise InputError(f"{index}: it names {gone[0]}, which is not there")
        return places
    return {name: file for file in sorted(folder.glob("model*.safetensors")) for name in _shapes(file)}


def _shape(file: Path, name: str) -> tuple[int, ...]:
    shapes = _shapes(file)
    if name not in shapes:
        raise InputError(f"{file}: {name} is not there, though {_INDEX} says so")
    return shapes[name]


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights in one file, from its header."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{file}: not a whole safetensors file ({error})") from error


def _standard(name: str) -> str:
    return _STANDARD if name == _HEAD else name


def _compare(where: str, expected: dict[str, tuple[int, ...]], found: dict[str, tuple[int, ...]]) -> None:
    """The same names with the same shapes, or an InputError that names the first that differ."""
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    other = [name for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]]
    for what, names in (("missing", missing), ("unknown", extra)):
        if names:
            raise InputError(f"{where}: {what} weights: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}")
    if other:
        name = other[0]
        raise InputError(f"{where}: {name} has the shape {list(found[name])}, expected {list(expected[name])}")
