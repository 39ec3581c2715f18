"""The released reward model's layout, by tiny random models in it: each weight is read, and nothing else is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AutoModelForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForSequenceClassification,
)

from preftree.errors import InputError
from preftree.records import Message
from preftree.tries import RewardModel
from preftree.tries.eurus_rm import is_eurus_rm, read_eurus_rm

HEAD = "regression_head.weight"
IDS = torch.tensor([[5, 6, 7, 8, 9, 3]])
KINDS: dict[str, Any] = {
    "mistral": (MistralConfig, MistralForSequenceClassification, {"sliding_window": 4}),
    "llama": (LlamaConfig, LlamaForSequenceClassification, {}),
}
State = dict[str, torch.Tensor]


def write(folder: Path, kind: str = "mistral", *, shards: int = 1, vocabulary: int = 300, **changed: Any) -> State:
    """A checkpoint as its authors' code saves it; returns the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    config_of, model_of, more = KINDS[kind]
    torch.manual_seed(3)
    config = config_of(
        vocab_size=vocabulary, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, num_labels=1, **more,
    )  # fmt: skip
    state = {name: value.contiguous() for name, value in model_of(config).state_dict().items()}
    state[HEAD] = state.pop("score.weight")
    save(folder, state, shards)
    raw = {name: value for name, value in config.to_dict().items() if name not in ("id2label", "label2id")}
    own = {"architectures": ["EurusRewardModel"], "auto_map": {"AutoModel": "modeling_eurus_rm.EurusRewardModel"}}
    (folder / "config.json").write_text(json.dumps(raw | own | changed))
    (folder / "modeling_eurus_rm.py").write_text("raise SystemExit('its code was run')\n")
    return state


def save(folder: Path, state: State, shards: int = 1) -> None:
    if shards == 1:
        save_file(state, folder / "model.safetensors")
        return
    names = sorted(state)
    weight_map = {}
    for k in range(shards):
        file = f"model-{k + 1:05}-of-{shards:05}.safetensors"
        save_file({name: state[name] for name in names[k::shards]}, folder / file)
        weight_map |= dict.fromkeys(names[k::shards], file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shards", [1, 3])
def test_rewards_are_the_last_hidden_state_times_the_head(tmp_path: Path, kind: str, shards: int) -> None:
    state = write(tmp_path / "rm", kind, shards=shards)
    assert is_eurus_rm(str(tmp_path / "rm"))
    model = read_eurus_rm(str(tmp_path / "rm")).eval()
    assert model.config.num_labels == 1
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[HEAD if name == "score.weight" else name])
    with torch.no_grad():
        expected = model.model(input_ids=IDS).last_hidden_state[0, -1] @ state[HEAD].T
        torch.testing.assert_close(model(input_ids=IDS).logits[0], expected, rtol=1e-6, atol=1e-7)
        # Saved, it is an ordinary model that plain transformers reads, with the weights' standard names.
        model.save_pretrained(tmp_path / "standard")
        assert not is_eurus_rm(str(tmp_path / "standard"))
        plain, info = AutoModelForSequenceClassification.from_pretrained(
            tmp_path / "standard", output_loading_info=True
        )
        assert type(plain) is KINDS[kind][1]
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        torch.testing.assert_close(plain(input_ids=IDS).logits[0], expected, rtol=1e-6, atol=1e-7)


def test_weights_of_half_the_width_are_read_in_fp32(tmp_path: Path) -> None:
    state = write(tmp_path, dtype="bfloat16")
    save(tmp_path, {name: value.bfloat16() for name, value in state.items()})
    model = read_eurus_rm(str(tmp_path))
    assert torch.equal(model.score.weight, state[HEAD].bfloat16().float())
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


def test_the_head_alone_is_enough_to_know_it(tmp_path: Path) -> None:
    write(tmp_path, architectures=["MistralModel"])
    assert is_eurus_rm(str(tmp_path))


def test_it_is_found_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its id, from the hub's cache as the hub's own client lays it out; no network."""
    repository, commit = tmp_path / "models--openbmb--Eurus-RM-7b", "a" * 40
    state = write(repository / "snapshots" / commit, shards=2)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert is_eurus_rm("openbmb/Eurus-RM-7b")
    assert torch.equal(read_eurus_rm("openbmb/Eurus-RM-7b").score.weight, state[HEAD])


def without(name: str) -> Callable[[Path, State], None]:
    return lambda folder, state: save(folder, {n: value for n, value in state.items() if n != name})


def with_more(name: str, value: torch.Tensor) -> Callable[[Path, State], None]:
    return lambda folder, state: save(folder, state | {name: value})


def pickled(folder: Path, state: State) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"never read")


def cut_short(folder: Path, state: State) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def without_a_shard(folder: Path, state: State) -> None:
    save(folder, state, shards=2)
    (folder / "model-00002-of-00002.safetensors").unlink()


def index_of(text: str) -> Callable[[Path, State], None]:
    def spoil(folder: Path, state: State) -> None:
        (folder / "model.safetensors.index.json").write_text(text)

    return spoil


def of_type(name: str) -> Callable[[Path, State], None]:
    def spoil(folder: Path, state: State) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"model_type": name}))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(without("model.norm.weight"), r"missing weights: model\.norm\.weight$", id="a-weight-missing"),
        pytest.param(without(HEAD), r"missing weights: score\.weight$", id="no-head"),
        pytest.param(with_more("value_head.weight", torch.ones(1)), "unknown weights: value_head", id="one-too-many"),
        pytest.param(with_more(HEAD, torch.ones(2, 16)), r"shape \[2, 16\], expected \[1, 16\]", id="two-rewards"),
        pytest.param(pickled, r"\.bin.*convert them", id="pickle"),
        pytest.param(cut_short, "not a whole safetensors file", id="cut-short"),
        pytest.param(without_a_shard, "it names model-00002-of-00002.safetensors, which is not there", id="no-shard"),
        pytest.param(index_of("[]"), "expected a weight_map", id="index-of-another-form"),
        pytest.param(
            index_of('{"weight_map": {"model.nothing": "model.safetensors"}}'), "model.nothing is not there",
            id="index-and-file-differ",
        ),
        pytest.param(of_type("qwen2"), "expected mistral or llama, got 'qwen2'", id="another-kind"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_refused(tmp_path: Path, spoil: Callable[[Path, State], None], says: str) -> None:
    spoil(tmp_path, write(tmp_path))
    with pytest.raises(InputError, match=says):
        read_eurus_rm(str(tmp_path))


def test_conversations_are_scored_by_it(tmp_path: Path, tokenizer: Any) -> None:
    state = write(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    talks = [(Message("user", "one and one"), Message("assistant", text)) for text in ("2", "it is 3", "")]
    (got,) = RewardModel(str(tmp_path), precision="fp32").score([talks])
    model = read_eurus_rm(str(tmp_path)).eval()
    for talk, reward in zip(talks, got, strict=True):
        turns = [{"role": m.role, "content": m.content} for m in talk]
        ids = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)["input_ids"]
        with torch.no_grad():
            expected = model.model(input_ids=ids).last_hidden_state[0, -1] @ state[HEAD][0]
        assert reward == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
