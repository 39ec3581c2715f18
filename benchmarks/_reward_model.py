"""A reward model to measure with: the embedded model's layers under a head drawn by a seed.

In:  a folder, a seed, and how many layers are kept, from the first.
Out: an `AutoModelForSequenceClassification` there, as `preftree train reward` writes one. Its rewards vary with every
     word, and mean nothing.
"""

from __future__ import annotations

from pathlib import Path

SEED = 7
HEAD_SCALE = 0.05


def export_reward_model(folder: Path, seed: int = SEED, layers: int | None = None) -> None:
    import torch
    from transformers import AutoTokenizer

    from preftree.actors.weights import resolve_model
    from preftree.train.portable import write_for_predecessors
    from preftree.train.reward import load_reward_model

    source = str(resolve_model("embedded"))
    tokenizer = AutoTokenizer.from_pretrained(source)
    # Conversations end with the newline that the template sets behind a turn.
    ends = set(tokenizer("\n", add_special_tokens=False)["input_ids"])
    model = load_reward_model(source, tokenizer, ends, seed=seed)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.score.weight.copy_(HEAD_SCALE * torch.randn(model.score.weight.shape, generator=draw))
    if layers is not None:
        model.model.layers = model.model.layers[:layers]
        model.config.num_hidden_layers = layers
        if getattr(model.config, "layer_types", None):
            model.config.layer_types = model.config.layer_types[:layers]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_for_predecessors(folder)
