"""Files of a saved model in the words of transformers 4 too: RewardBench and older servers pin it.

In:  the folder of a saved model. Out: the same folder, its two configurations completed.
Always true: transformers 5 reads what it read before. Without this its predecessor refuses the tokenizer (a class that
it does not know), and silently turns positions at another base, which changes every reward and every answer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# The tokenizer of transformers 5, and its name before.
_TOKENIZER, _TOKENIZER_BEFORE = "TokenizersBackend", "PreTrainedTokenizerFast"


def write_for_predecessors(folder: Path) -> None:
    """Complete config.json and tokenizer_config.json; a folder of adapters alone has the second only."""
    for name, complete in (("config.json", _model), ("tokenizer_config.json", _tokenizer)):
        file = folder / name
        if file.is_file():
            saved = json.loads(file.read_text(encoding="utf-8"))
            file.write_text(json.dumps(complete(saved), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _model(config: dict[str, Any]) -> dict[str, Any]:
    """`rope_parameters` again as `rope_theta` and `rope_scaling`, where all layers share them."""
    rope = config.get("rope_parameters") or {}
    if "rope_theta" not in rope:
        return config
    scaling = {key: value for key, value in rope.items() if key != "rope_theta"}
    plain = scaling.get("rope_type", "default") == "default"
    return config | {"rope_theta": rope["rope_theta"], "rope_scaling": None if plain else scaling}


def _tokenizer(config: dict[str, Any]) -> dict[str, Any]:
    """The class by its name before; and no token types, which it would make and decoders refuse."""
    if config.get("tokenizer_class") != _TOKENIZER:
        return config
    return {"model_input_names": ["input_ids", "attention_mask"]} | config | {"tokenizer_class": _TOKENIZER_BEFORE}
