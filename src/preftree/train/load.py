"""What a run begins with: tokenizer and template, model, adapters.

In:  settings. Out: objects of transformers and peft.
Always true: a base model keeps the template that it was given; what can't be loaded is an InputError of one sentence.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from preftree.errors import InputError
from preftree.train.directory import short, template_text
from preftree.train.reward import load_reward_model
from preftree.train.settings import LoraSettings, TrainSettings


def check_extras(lora: LoraSettings) -> None:
    """What adapters need beyond the package itself is there: asked before the work, not after it."""
    _peft()
    if lora.four_bit:
        try:
            import bitsandbytes  # noqa: F401
        except ImportError as error:
            raise InputError(
                "train.lora.four_bit needs the extra four-bit: pip install 'preftree[four-bit]'"
            ) from error
        if not torch.cuda.is_available():
            raise InputError("train.lora.four_bit needs a GPU, and there is none here; leave it out")


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise InputError("train.lora needs the extra peft: pip install 'preftree[peft]'") from error
    return peft


def load_tokenizer(settings: TrainSettings) -> Any:
    """The model's tokenizer, with the recipe's chat template if it has none of its own."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(settings.model)
    except (OSError, ValueError) as error:
        raise InputError(
            f"train.model={settings.model}: no tokenizer can be loaded from there ({short(error)})"
        ) from error
    if settings.template and tokenizer.chat_template is None:
        tokenizer.chat_template = template_text(settings.template)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_model(path: str, tokenizer: Any, last_tokens: set[int], settings: TrainSettings) -> Any:
    """The model in fp32 on this process's device; a reward model for `reward`; adapters where asked for."""
    lora = settings.lora
    try:
        if settings.objective == "reward":
            model = load_reward_model(path, tokenizer, last_tokens, seed=settings.seed)
        else:
            more = {"quantization_config": _four_bit()} if lora is not None and lora.four_bit else {}
            model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, **more)
    except (OSError, ValueError) as error:
        raise InputError(f"train.model={path}: no model can be loaded from there ({short(error)})") from error
    if lora is not None:
        model = _with_adapters(model, lora, settings)
    if lora is None or not lora.four_bit:
        model = model.to(device())
    if settings.gradient_checkpointing:
        # Newer releases of transformers call it by another name.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    return model


def device() -> torch.device:
    """This process's accelerator, or the CPU."""
    import os

    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _with_adapters(model: Any, lora: LoraSettings, settings: TrainSettings) -> Any:
    peft = _peft()
    rewards = settings.objective == "reward"
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.targets if lora.targets == "all-linear" else lora.targets.split(","),
        task_type="SEQ_CLS" if rewards else "CAUSAL_LM",
        modules_to_save=["score"] if rewards else None,
    )
    torch.manual_seed(settings.seed)
    try:
        adapted = peft.get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"train.lora.targets={lora.targets}: {short(error)}") from error
    _refuse_adapted_vocabulary(adapted, lora)
    return adapted


def _refuse_adapted_vocabulary(adapted: Any, lora: LoraSettings) -> None:
    """Tries read the vocabulary's own weights, and tied ones can't take an adapter on one side only."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    core = adapted.get_base_model()
    tied = getattr(core.config, "tie_word_embeddings", False)
    embeddings = [core.get_output_embeddings(), *([core.get_input_embeddings()] if tied else [])]
    if any(isinstance(layer, BaseTunerLayer) for layer in embeddings):
        raise InputError(
            f"train.lora.targets={lora.targets}: adapters on the vocabulary's projection are not trained over tries; "
            "leave lm_head, and embed_tokens where it is tied to it, out"
        )


def _four_bit() -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )  # fmt: skip
