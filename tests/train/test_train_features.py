"""What a trainer is expected to do beside its losses: evaluate, keep the best, guard, adapt, share work, publish."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from preftree.errors import InputError, TrainingError
from preftree.train import TrainReport, TrainSettings, train
from preftree.train.card import model_card
from preftree.train.settings import LoraSettings
from preftree.train.store import Example, Store, StoreWriter
from preftree.tries.trie import TokenSequence

Make = Callable[..., TrainSettings]


@pytest.fixture
def settings_of(model_dir: Path, tmp_path: Path, write_rows: Any, make_rows: Any) -> Make:
    def make(objective: Any, count: int = 6, **changed: Any) -> TrainSettings:
        defaults: dict[str, Any] = {
            "out": str(tmp_path / "out"), "learning_rate": 3e-3, "precision": "fp32", "model": str(model_dir),
        }  # fmt: skip
        if "mix" not in changed:
            defaults["rows"] = write_rows(make_rows(objective, count))
        return TrainSettings(objective, **(defaults | changed))

    return make


def metrics(out: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]


def weights(out: str | Path) -> dict[str, torch.Tensor]:
    return load_file(Path(out) / "model.safetensors")


# ---------------------------------------------------------------- evaluation, sources, guard


def test_evaluation_on_held_out_problems(settings_of: Make) -> None:
    report = train(settings_of("nca", count=12, epochs=3, batch_size=6, eval_share=0.3, eval_steps=2))
    lines = [line for line in metrics(report.out) if "eval_loss" in line]
    assert len(lines) >= 2
    assert report.eval_metrics["eval_loss"] == lines[-1]["eval_loss"]
    assert {"eval_rewards/chosen", "eval_rewards/accuracies", "eval_logps/chosen"} <= set(report.eval_metrics)
    assert 0 < report.num_rows < 36


def test_evaluation_before_any_step_is_the_objective_at_the_reference(settings_of: Make) -> None:
    settings = settings_of("dpo", count=12, eval_share=0.3, learning_rate=1e-12, warmup_ratio=0.0)
    assert train(settings).eval_metrics["eval_loss"] == pytest.approx(0.693147, abs=1e-5)


def test_the_best_weights_are_kept(settings_of: Make, tmp_path: Path) -> None:
    """A rate that overfits at once: the last evaluation is not the best."""
    common = {
        "count": 14,
        "epochs": 12,
        "batch_size": 6,
        "eval_share": 0.4,
        "learning_rate": 0.1,
        "lr_scheduler": "constant",
    }
    best = train(settings_of("sft", eval_steps=1, keep_best=True, out=str(tmp_path / "best"), **common))
    last = train(settings_of("sft", eval_steps=1, out=str(tmp_path / "last"), **common))
    losses = [line["eval_loss"] for line in metrics(best.out) if "eval_loss" in line]
    assert best.eval_metrics["eval_loss"] == min(losses)
    assert min(losses) < losses[-1], "the case must overfit"
    kept, end = weights(best.out), weights(last.out)
    assert any(not torch.equal(kept[name], end[name]) for name in kept)
    steps = [line["step"] for line in metrics(best.out) if line.get("eval_loss") == min(losses)]
    short = settings_of("sft", out=str(tmp_path / "short"), **common)
    assert steps[0] < best.steps
    assert short.keep_best is False
    assert not (Path(best.out) / "best").exists()


def test_figures_by_source(settings_of: Make, tmp_path: Path, make_rows: Any) -> None:
    trees = tmp_path / "trees.jsonl"
    trees.write_text("".join(json.dumps(row) + "\n" for row in make_rows("dpo", 4)))
    other = tmp_path / "other.jsonl"
    other.write_text(
        "".join(json.dumps({"prompt": f"q{i}", "chosen": "yes", "rejected": "no"}) + "\n" for i in range(4))
    )
    report = train(settings_of("dpo", mix=({"rows": str(trees)}, {"rows": str(other), "name": "mine"}), batch_size=64))
    assert report.sources == {"tree": 12, "mine": 4}
    (line,) = metrics(report.out)
    whole = line["rewards/margins"] * 16
    assert line["rewards/margins/tree"] * 12 + line["rewards/margins/mine"] * 4 == pytest.approx(whole, abs=1e-9)
    assert "logps/chosen/mine" in line


def test_runaway_rewards_stop_the_run(settings_of: Make) -> None:
    settings = settings_of("dpo", epochs=40, batch_size=6, learning_rate=5e-2, max_reward_drop=1.0, save_steps=1)
    with pytest.raises(TrainingError, match=r"rewards run away: rewards/chosen was -.*nca or kto"):
        train(settings)
    (kept,) = Path(settings.out).glob("checkpoint-*")
    state = json.loads((kept / "trainer_state.json").read_text())
    assert state["log_history"][-1]["rewards/chosen"] > -0.5
    assert not (Path(settings.out) / "report.json").exists()


# ---------------------------------------------------------------- KTO without pairs, templates, adapters


def test_kto_on_answers_with_labels(settings_of: Make, tmp_path: Path) -> None:
    rows = tmp_path / "labelled.jsonl"
    rows.write_text(
        "".join(
            json.dumps({"prompt": f"q{i}", "completion": f"a{i % 2}", "label": i % 2 == 0}) + "\n" for i in range(12)
        )
    )
    report = train(settings_of("kto", mix=({"rows": str(rows)},), epochs=8))
    first, last = metrics(report.out)[0], metrics(report.out)[-1]
    assert first["rewards/chosen"] == first["rewards/rejected"] == 0.0
    assert last["rewards/chosen"] > last["rewards/rejected"]
    assert last["loss"] < first["loss"]


@pytest.mark.parametrize("template", ["mistral-instruct", "chatml"])
def test_a_base_model_gets_a_template_and_keeps_it(
    settings_of: Make, model_dir: Path, tmp_path: Path, template: str
) -> None:
    base = tmp_path / "base"
    AutoModelForCausalLM.from_pretrained(model_dir).save_pretrained(base)
    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    tokenizer.chat_template = None
    tokenizer.add_special_tokens({"bos_token": "<|im_start|>"})
    tokenizer.save_pretrained(base)
    for file in base.glob("*.jinja"):
        file.unlink()
    with pytest.raises(InputError, match="no chat template"):
        train(settings_of("sft", model=str(base), out=str(tmp_path / "without")))
    report = train(settings_of("sft", model=str(base), template=template))
    assert report.num_set_aside == 0
    text = AutoTokenizer.from_pretrained(report.out).apply_chat_template(
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], tokenize=False
    )
    assert ("[INST] q [/INST] a<|im_end|>" in text) == (template == "mistral-instruct")


@pytest.mark.parametrize("objective", ["nca", "reward"])
def test_adapters(settings_of: Make, model_dir: Path, objective: Any) -> None:
    pytest.importorskip("peft")
    report = train(settings_of(objective, epochs=6, lora=LoraSettings(rank=4, alpha=8)))
    lines = metrics(report.out)
    assert lines[-1]["loss"] < lines[0]["loss"]
    if objective == "nca":
        # The reference is the model with the adapter off, and a new adapter says nothing.
        assert lines[0]["rewards/chosen"] == 0.0
    kind = AutoModelForSequenceClassification if objective == "reward" else AutoModelForCausalLM
    merged, start = kind.from_pretrained(report.out), AutoModelForCausalLM.from_pretrained(model_dir)
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(merged.state_dict()[name], start.state_dict()[name])
    assert (Path(report.out) / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.parametrize("targets", ["lm_head", "q_proj,lm_head", "q_proj,embed_tokens"])
def test_adapters_on_the_vocabulary_are_refused(settings_of: Make, targets: str) -> None:
    """Tries read the projection's own weights, and the embeddings of this model are tied to it."""
    with pytest.raises(InputError, match=r"lora\.targets=.*vocabulary"):
        train(settings_of("dpo", lora=LoraSettings(rank=4, targets=targets)))


@pytest.mark.parametrize("objective", ["dpo", "reward"])
def test_checkpointed_activations_change_nothing(settings_of: Make, tmp_path: Path, objective: Any) -> None:
    plain = train(settings_of(objective, out=str(tmp_path / "plain")))
    less = train(settings_of(objective, out=str(tmp_path / "less"), gradient_checkpointing=True))
    for name, value in weights(plain.out).items():
        torch.testing.assert_close(weights(less.out)[name], value, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- several processes

_RUN = """
import sys, json, torch
torch.set_num_threads(1)
from preftree.recipe.settings import typed
from preftree.train import TrainSettings, train
train(typed(TrainSettings, json.loads(sys.argv[1]), "test"))
"""


@pytest.mark.parametrize("objective", ["sft", "kto", "reward"])
def test_two_processes_end_where_one_does(settings_of: Make, tmp_path: Path, objective: Any) -> None:
    """gloo, data parallel; batches of one tree too, so that a process has nothing to do for a step."""
    import dataclasses

    one = settings_of(objective, count=5, batch_size=4, max_tokens=150, epochs=2, optimizer="sgd", learning_rate=0.05)
    two = dataclasses.replace(one, out=str(tmp_path / "two"))
    train(one)
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    in_two_processes(script, json.dumps({k: v for k, v in dataclasses.asdict(two).items() if v not in (None, ())}))
    before = weights(one.model)
    single, double = weights(one.out), weights(two.out)
    moved = sum(((single[n] - before[n]) ** 2).sum() for n in single if n in before) ** 0.5
    gap = sum(((single[n] - double[n]) ** 2).sum() for n in single) ** 0.5
    assert moved > 0
    assert gap <= 1e-5 * moved
    for mine, theirs in zip(metrics(one.out), metrics(two.out), strict=True):
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-5)
        for name in ("rewards/chosen", "logps/chosen", "kl"):
            if name in mine:
                assert theirs[name] == pytest.approx(mine[name], rel=1e-4, abs=1e-6)


def test_weights_that_are_spread_over_two_processes(
    model_dir: Path, tmp_path: Path, write_rows: Any, make_rows: Any
) -> None:
    """FSDP2 under a step of ours; accelerate wraps models so on accelerators only, so torch is called by hand."""
    out = in_two_processes(
        Path(__file__).with_name("sharded.py"), str(model_dir), write_rows(make_rows("dpo", 6)), str(tmp_path / "out")
    )
    found = json.loads(out.splitlines()[-1])
    assert found["spread"] == pytest.approx(found["loss"], rel=1e-5)
    assert found["moved"] > 0
    assert found["gap"] <= 1e-5 * found["moved"]


def in_two_processes(script: Path, *arguments: str) -> str:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    done = subprocess.run(
        [*command, str(script), *arguments], capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# ---------------------------------------------------------------- the store

sequences = st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=6).map(
    lambda t: TokenSequence(tuple(t), ((1, 2),))
)
examples = st.builds(
    Example,
    group=st.sampled_from(["a", "b", "ü"]),
    source=st.sampled_from(["tree", "other"]),
    sequences=st.lists(sequences, min_size=1, max_size=2).map(tuple),
    label=st.sampled_from([None, True, False]),
    margin=st.sampled_from([0.0, 1.5]),
)


@given(st.lists(examples, min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_store_gives_back_what_was_put_in(tmp_path_factory: pytest.TempPathFactory, put: list[Example]) -> None:
    folder = tmp_path_factory.mktemp("store") / "s"
    with StoreWriter(folder) as writer:
        for example in put:
            writer.add(example)
        store = writer.close()
    assert list(store) == put
    assert store.digest == Store(folder).digest
    assert sum(store.sources().values()) == len(put)
    assert store.last_tokens() == {s.tokens[-1] for e in put for s in e.sequences}


def test_half_a_store_is_none(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        writer.add(Example("g", "tree", (TokenSequence((1, 2), ((1, 2),)),)))
    assert not Store.is_whole(tmp_path / "s")


# ---------------------------------------------------------------- out


def test_the_card_is_valid_and_its_code_runs(settings_of: Make, capsys: Any) -> None:
    for objective in ("sft", "reward"):
        report = train(settings_of(objective, out=str(Path(settings_of("sft").out).with_name(objective))))
        text = (Path(report.out) / "README.md").read_text()
        card = huggingface_hub.ModelCard(text)
        assert card.data.library_name == "transformers"
        assert objective in card.data.tags
        code = text.split("```python\n")[1].split("```")[0].replace("this directory", report.out)
        ast.parse(code)
        exec(compile(code, "card", "exec"), {})
        assert capsys.readouterr().out.strip()
        assert str(Path(report.out).parent) not in text


def test_nothing_breaks_the_card() -> None:
    settings = TrainSettings("sft", "a: [b`|\n---", rows="r", out="o")
    report = TrainReport("o", "sft", 1, 1, 1, 1, 1, 0, 1.0, "fp32", reasons={"| <script> |\n# x": 1})
    text = model_card(settings, report, {"torch": "2"})
    assert "<script>" not in text
    assert "\n# x" not in text
    assert huggingface_hub.ModelCard(text).data.base_model == "a: [b`|\n---"
