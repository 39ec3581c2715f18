"""`preftree rewards`: from settings to rewards, figures and table 4's row; resumed, refused, judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, LlamaConfig

from preftree.cli import main
from preftree.evaluate.rewards import score_rewards
from preftree.tries.asking import Asked


@pytest.fixture(scope="module")
def reward_model(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, num_labels=1, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("reward")
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Made rows of each benchmark, in their published forms."""
    folder = tmp_path / "data"
    subsets = ("alpacaeval-easy", "llmbar-natural", "donotanswer", "math-prm", "hep-python")
    rewardbench = [
        {"prompt": f"q{n}", "chosen": f"good {n}", "rejected": f"bad {n}", "subset": subset, "id": n}
        for n, subset in enumerate(subsets * 2)
    ]
    scenarios = ("code_generation", "math_reasoning", "chitchat")
    autoj = [
        {"scenario": s, "label": n % 3, "prompt": f"q{n}", "response 1": f"one {n}", "response 2": f"two {n}"}
        for n, s in enumerate(scenarios * 2)
    ]
    mt_bench = [{"input": f"q{n}", "output_1": f"x {n}", "output_2": f"y {n}", "label": 1 + n % 2} for n in range(4)]
    for name, rows in (
        ("rewardbench/filtered.jsonl", rewardbench),
        ("autoj/testdata_pairwise.jsonl", autoj),
        ("mt_bench/human_judgments.jsonl", mt_bench),
    ):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


ALL = "benchmarks=[rewardbench,autoj,mt_bench_human]"


def test_all_benchmarks_in_one_run(
    reward_model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    words = ["rewards", ALL, f"scorers.rm.model={reward_model}", f"data={data}", f"out={out}"]
    assert main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [(s["benchmark"], s["scored"], s["published_rows"]) for s in report["benchmarks"]] == [
        ("rewardbench", 10, 2985), ("autoj", 6, 1392), ("mt_bench_human", 4, 3355),
    ]  # fmt: skip
    (row,) = report["rows"]
    assert row["model"] == "rm"
    assert len(row) == 11
    assert all(0 <= value <= 100 for name, value in row.items() if name != "model")
    # The rewards that were kept give the same summary as the run.
    kept = [json.loads(line) for line in (out / "rewards.jsonl").read_text().splitlines()]
    assert len(kept) == 20
    for summary in report["benchmarks"]:
        mine = [(n, k) for n, k in enumerate(kept, start=1) if k["benchmark"] == summary["benchmark"]]
        assert score_rewards(summary["benchmark"], mine, str(data)) | {"scorer": "rm"} == summary
    # Done is done; and what was scored is not scored again though the stage is run anew.
    monkeypatch.setattr(Asked, "passes", lambda *_: pytest.fail("scored again"))
    assert main(words) == 0
    (out / "stage.json").unlink()
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "rm on rewardbench: 10 rows of 2,985" in shown
    assert f"Rewards: {out}/rewards.jsonl" in shown


def test_a_policy_and_its_reference(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    words = [
        "rewards",
        "benchmarks=[autoj]",
        "scorers.p.kind=implicit",
        f"scorers.p.model={tiny_model}",
        f"data={data}",
    ]
    assert main([*words, f"scorers.p.reference_model={tiny_model}", f"out={tmp_path / 'same'}"]) == 0
    kept = [json.loads(line) for line in (tmp_path / "same/rewards.jsonl").read_text().splitlines()]
    # A policy that is its own reference has no preference.
    assert [row["rewards"] for row in kept] == [[0.0, 0.0]] * 6
    assert {row["choice"] for row in kept} == {2}
    assert main([*words, f"out={tmp_path / 'free'}"]) == 0
    kept = [json.loads(line) for line in (tmp_path / "free/rewards.jsonl").read_text().splitlines()]
    assert all(a < 0 > b for a, b in (row["rewards"] for row in kept))


def test_a_judge_beside_a_reward_model(
    reward_model: Path, tiny_model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tiny model as a judge says nothing of use: every pair is a tie, half right in RewardBench."""
    out = tmp_path / "out"
    words = ["rewards", "benchmarks=[rewardbench]", "limit=2", f"scorers.rm.model={reward_model}", f"data={data}"]
    words += [f"judges.tiny.model={tiny_model}", "judging.max_tokens=3", f"out={out}", "--json"]
    assert main(words) == 0
    report = json.loads(capsys.readouterr().out)
    judged = report["benchmarks"][1]
    assert (judged["scorer"], judged["no_verdict"], judged["scored"]) == ("tiny", 4, 2)
    assert judged["output_tokens"] > 0
    assert [row["rewardbench_chat"] for row in report["rows"]][1] == 50.0
    kept = [json.loads(line) for line in (out / "rewards.jsonl").read_text().splitlines()]
    assert [row["votes"] for row in kept if "votes" in row] == [[None, None]] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], 'setting "benchmarks" is missing', id="no benchmarks"),
        pytest.param(["benchmarks=[]", "scorers.a.model=x"], "expected at least one", id="empty"),
        pytest.param(["benchmarks=[autoj]"], "scorers: expected at least one", id="no scorer"),
        pytest.param(["benchmarks=[autoj]", "scorers.a.modle=x"], 'unknown setting "modle"', id="typo"),
        pytest.param(["benchmarks=[autoj]", "scorers.a=x"], "scorers.a: expected settings such as", id="no mapping"),
        pytest.param(
            ["benchmarks=[autoj]", "scorers.a.model=x", "judges.a.model=y"], "a scorer has this name too", id="names"
        ),
        pytest.param(
            ["benchmarks=[autoj]", "scorers.a.model=x", "figures.tie_threshold=-1"],
            "tie_threshold: expected 0",
            id="tie",
        ),
        pytest.param(["benchmarks=[auto]", "scorers.a.model=x"], 'is named "auto"', id="benchmark"),
    ],
)
def test_wrong_settings(words: list[str], said: str, tmp_path: Path, capsys: Any) -> None:
    assert main(["rewards", *words, f"out={tmp_path / 'out'}"]) == 2
    assert said in capsys.readouterr().err
