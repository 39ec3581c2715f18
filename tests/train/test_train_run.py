"""Whole runs on a tiny random model: what is written, refused, resumed after SIGKILL and read by others."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from preftree.errors import InputError, TrainingError
from preftree.records import Message
from preftree.train import TrainReport, TrainSettings, train
from preftree.train import run as run_module
from preftree.train.settings import OBJECTIVE_NAMES
from preftree.train.trainer import last_checkpoint
from preftree.tries import RewardModel

Make = Callable[..., TrainSettings]


@pytest.fixture
def settings_of(model_dir: Path, tmp_path: Path, write_rows: Any, make_rows: Any) -> Make:
    def settings(objective: Any, count: int = 6, **changed: Any) -> TrainSettings:
        rows = write_rows(make_rows(objective, count))
        defaults: dict[str, Any] = {"out": str(tmp_path / "out"), "learning_rate": 3e-3, "precision": "fp32"}
        return TrainSettings(objective, str(model_dir), rows, **(defaults | changed))

    return settings


def metrics(out: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("objective", OBJECTIVE_NAMES)
def test_a_run_learns_and_is_done_once(settings_of: Make, objective: Any, monkeypatch: Any) -> None:
    settings = settings_of(objective, epochs=6, max_tokens=400)
    report = train(settings)
    lines = metrics(settings.out)
    assert [line["step"] for line in lines] == list(range(1, report.steps + 1))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["epoch"] == pytest.approx(6)
    assert report.tokens_trie < report.tokens_rows
    assert not list(Path(settings.out).glob("checkpoint-*"))
    if objective in ("dpo", "kto", "nca", "ipo", "dpo-norm", "rpo"):
        # The first step's reference is to the bit what the first step computes.
        assert lines[0]["rewards/chosen"] == lines[0]["rewards/rejected"] == 0.0
        assert lines[-1]["rewards/margins"] > 0
        assert report.tokens_reference > 0
    else:
        assert report.tokens_reference == 0
    AutoTokenizer.from_pretrained(settings.out)

    monkeypatch.setattr(run_module, "_train", None)  # a finished directory must not be trained in
    assert train(settings) == report


def test_epochs_and_steps_are_counted_over_resumes(settings_of: Make) -> None:
    report = train(settings_of("sft", count=10, epochs=2, batch_size=4))
    assert (report.steps, report.num_rows) == (6, 10)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"learning_rate": 1e-4}, "learning_rate was 0.003, is 0.0001", id="settings"),
        pytest.param({"rows": "other"}, "rows was", id="rows"),
    ],
)
def test_another_run_in_the_same_directory_is_refused(
    settings_of: Make, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    settings = settings_of("sft")
    train(settings)
    if "rows" in changed:
        changed = {"rows": str(tmp_path / "other.jsonl")}
        Path(changed["rows"]).write_text(Path(settings.rows).read_text().replace("Step 1", "Step 2"))
    with pytest.raises(InputError, match=said):
        train(dataclasses.replace(settings, **changed))


def test_an_edited_template_is_another_run(settings_of: Make, tmp_path: Path) -> None:
    template = tmp_path / "t.jinja"
    template.write_text("{% for message in messages %}{{ message['content'] + '<|im_end|>' }}{% endfor %}")
    settings = settings_of("sft", template=str(template))
    train(settings)
    template.write_text(template.read_text() + " ")
    with pytest.raises(InputError, match="holds a run of other settings"):
        train(settings)
    with pytest.raises(InputError, match=r"train\.template=gone"):
        train(dataclasses.replace(settings, template="gone"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"optimizer": "zzz"}, r"train\.optimizer=zzz: expected one of", id="optimizer"),
        pytest.param({"report_to": ("zzz",)}, r"train\.report_to: zzz is unknown or not installed", id="report-to"),
    ],
)
def test_names_of_transformers_are_checked_first(settings_of: Make, changed: dict[str, Any], said: str) -> None:
    settings = settings_of("sft", **changed)
    with pytest.raises(InputError, match=said):
        train(settings)
    assert not (Path(settings.out) / "prepared").exists()


def test_tokens_beyond_the_vocabulary_are_refused(settings_of: Make, model_dir: Path, tmp_path: Path) -> None:
    small = shutil.copytree(model_dir, tmp_path / "small")
    model = AutoModelForCausalLM.from_pretrained(model_dir)
    model.resize_token_embeddings(100)
    model.config.pad_token_id = None
    model.save_pretrained(small)
    with pytest.raises(InputError, match=r"train\.model=.*token \d+ of the rows is beyond its vocabulary of 100"):
        train(dataclasses.replace(settings_of("sft"), model=str(small)))
    with pytest.raises(InputError, match=r"train\.reference_model=.*beyond its vocabulary"):
        train(settings_of("dpo", reference_model=str(small), out=str(tmp_path / "dpo")))


def test_moved_rows_are_the_same_run(settings_of: Make, tmp_path: Path) -> None:
    settings = settings_of("sft")
    report = train(settings)
    moved = tmp_path / "moved.jsonl"
    moved.write_text(Path(settings.rows).read_text())
    assert train(dataclasses.replace(settings, rows=str(moved))) == report


def test_bad_rows_are_set_aside_and_listed(settings_of: Make) -> None:
    settings = settings_of("sft", max_length=120)
    with Path(settings.rows).open("a") as file:
        file.write('{"instruction": "q"}\n{"instruction": "q", "response": "' + "long " * 50 + '"}\n')
    report = train(settings)
    assert (report.num_rows, report.num_set_aside) == (6, 2)
    listed = json.loads((Path(settings.out) / "rows_set_aside.json").read_text())
    assert [(row["row"], row["field"], row["reason"]) for row in listed] == [
        (7, "response", "missing"),
        (8, "", "longer than the limit of 120 tokens"),
    ]


def test_all_rows_too_long(settings_of: Make) -> None:
    with pytest.raises(InputError, match=r"no row is left.*limit of 5 tokens"):
        train(settings_of("sft", max_length=5))


@pytest.mark.parametrize(
    ("field", "value"),
    [("objective", "ppo"), ("batch_size", 0), ("learning_rate", 0.0), ("precision", "fp8"), ("warmup_ratio", 1.0)],
)
def test_wrong_settings_name_the_field(settings_of: Make, field: str, value: Any) -> None:
    with pytest.raises(InputError, match=rf"train\.{field}"):
        dataclasses.replace(settings_of("sft"), **{field: value})


def test_a_missing_model_is_named(settings_of: Make, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"train\.model=.*no \.safetensors"):
        train(dataclasses.replace(settings_of("sft"), model=str(tmp_path)))
    with pytest.raises(InputError, match=r"train\.model=not/there"):
        train(dataclasses.replace(settings_of("sft"), model="not/there"))


def test_a_full_disk_is_seen_before_training(settings_of: Make, monkeypatch: Any) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(TrainingError, match="free some"):
        train(settings_of("sft"))


def test_bf16_trains_too(settings_of: Make) -> None:
    settings = settings_of("nca", precision="bf16", epochs=4)
    assert train(settings).precision == "bf16"
    lines = metrics(settings.out)
    assert lines[-1]["loss"] < lines[0]["loss"]
    weights = load_file(Path(settings.out) / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


def test_the_exported_reward_is_read_by_plain_transformers(settings_of: Make) -> None:
    settings = settings_of("reward", epochs=2)
    train(settings)
    tokenizer = AutoTokenizer.from_pretrained(settings.out)
    model = AutoModelForSequenceClassification.from_pretrained(settings.out).eval()
    assert (model.config.num_labels, model.score.bias) == (1, None)
    talks = [[("user", "Solve: 1+1"), ("assistant", text)] for text in ("It is 2.", "It is 1", "7")]
    turns = [[{"role": role, "content": text} for role, text in talk] for talk in talks]
    batch = tokenizer.apply_chat_template(turns, return_tensors="pt", padding=True, return_dict=True)
    with torch.no_grad():
        plain = model(**batch).logits[:, 0]
    messages = [tuple(Message(role, text) for role, text in talk) for talk in talks]  # type: ignore[arg-type]
    (ours,) = RewardModel(settings.out, precision="fp32").score([messages])
    torch.testing.assert_close(torch.tensor(ours), plain, rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------- killed and resumed


def start(settings: TrainSettings) -> subprocess.Popen[bytes]:
    program = (
        "import json, sys, torch; from preftree.train import TrainSettings, train\n"
        "torch.set_num_threads(1); train(TrainSettings(**json.loads(sys.argv[1])))"
    )
    return subprocess.Popen([sys.executable, "-c", program, json.dumps(dataclasses.asdict(settings))])


def kill_after(settings: TrainSettings, num_lines: int) -> None:
    """SIGKILL as soon as that many steps are logged, whatever is being written then."""
    process = start(settings)
    file = Path(settings.out) / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (file.is_file() and file.read_bytes().count(b"\n") >= num_lines):
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline, "no progress"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


TOKENS = ("tokens_rows", "tokens_trie", "tokens_reference")


@pytest.mark.parametrize("objective", ["sft", "kto"])
def test_a_killed_run_ends_as_an_undisturbed_one(settings_of: Make, tmp_path: Path, objective: Any) -> None:
    settings = settings_of(objective, count=24, epochs=3, batch_size=4, save_steps=2)
    whole = dataclasses.replace(settings, out=str(tmp_path / "whole"))
    report = train(whole)
    kill_after(settings, num_lines=report.steps // 2)
    assert last_checkpoint(Path(settings.out)) is not None
    resumed = train(settings)
    assert resumed.steps == report.steps
    assert [getattr(resumed, name) for name in TOKENS] == [getattr(report, name) for name in TOKENS]
    assert metrics(settings.out) == metrics(whole.out)
    expected = load_file(Path(whole.out) / "model.safetensors")
    got = load_file(Path(settings.out) / "model.safetensors")
    assert all(got[name].equal(tensor) for name, tensor in expected.items())
    assert not list(Path(settings.out).glob("checkpoint-*"))


def test_a_torn_checkpoint_is_never_used(tmp_path: Path) -> None:
    def checkpoint(step: int, mark: str | None, size: int = 4) -> Path:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x" * size)
        if mark is not None:
            (folder / "complete.json").write_text(mark)
        return folder

    whole = checkpoint(4, '{"model.safetensors": 4}')
    checkpoint(6, None)
    checkpoint(8, '{"model.safe')
    checkpoint(10, '{"model.safetensors": 4}', size=3)
    assert last_checkpoint(tmp_path) == whole


def test_report_survives_a_round_trip(settings_of: Make) -> None:
    report = train(settings_of("sft"))
    assert TrainReport(**json.loads((Path(report.out) / "report.json").read_text())) == report
    AutoModelForCausalLM.from_pretrained(report.out)
