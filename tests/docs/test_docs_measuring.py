"""The commands of the pages on evaluation, at small settings, with tiny random models; some on real rows."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from pages import group, play


@pytest.fixture
def gsm8k(tmp_path):
    """Made rows of GSM8K's form, and answers to them, of which the last is wrong."""
    for folder in ("gsm8k_test", "data/gsm8k_test"):
        (tmp_path / folder).mkdir(parents=True)
        rows = [{"question": f"What is {n} + 1?", "answer": f"One more.\n#### {n + 1}"} for n in range(3)]
        (tmp_path / folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    responses = [{"id": n, "response": f"It is \\boxed{{{min(n, 1) + 1}}}."} for n in range(3)]
    (tmp_path / "responses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in responses))
    return tmp_path


@pytest.fixture
def models(tmp_path, tiny_model, tiny_reward_model):
    """Models where the pages have them."""
    for name, model in (("sft", tiny_model), ("reward", tiny_reward_model), ("other", tiny_reward_model)):
        shutil.copytree(model, tmp_path / name)
    return tmp_path


def test_first_commands(gsm8k, read, tiny_model):
    read(group("evaluation", "evaluation"), gsm8k, {"embedded": str(tiny_model)})
    assert json.loads((gsm8k / "runs/bare/summary.json").read_text())["rows"][0]["benchmark"] == "gsm8k"
    assert len((gsm8k / "runs/other/results.jsonl").read_text().splitlines()) == 3


def test_running(gsm8k, shell, data_dir, tiny_model):
    """By benchmark (its rows where the variable says), by suite, and on problems of one's own."""
    (gsm8k / "mine.jsonl").write_text('{"problem": "What is 2 + 3?", "reference": "5"}\n')
    small = {
        "embedded": str(tiny_model),
        "limit=20": "limit=2 protocol.max_tokens=8",
        "models.mine.model=runs/sft": f"models.mine.model={tiny_model} limit=1 protocol.max_tokens=4",
        "protocol.turns=3": "protocol.turns=3 protocol.max_tokens=8",
        "suite=eurus data=data": f"suite=reranking data={data_dir}",  # the README's test runs all of eurus
    }
    said = play(group("evaluation", "running"), gsm8k, shell | {"PREFTREE_DATA": str(gsm8k / "data")}, small)
    assert "eurus-2024-04" in said
    assert len((gsm8k / "runs/gsm8k/results.jsonl").read_text().splitlines()) == 4  # two items, in text and program
    assert (gsm8k / "runs/mine/results.jsonl").is_file()


def test_choices(gsm8k, read, data_dir, tiny_model):
    small = {"embedded": str(tiny_model), "data=data": f"data={data_dir} limit=1"}
    read(group("evaluation", "mmlu"), gsm8k, small)
    (row,) = json.loads((gsm8k / "runs/mmlu/summary.json").read_text())["rows"]
    assert row["mode"] == "choice"


def test_scoring(gsm8k, shell):
    said = play(group("evaluation", "scoring"), gsm8k, shell | {"PREFTREE_DATA": str(gsm8k / "data")})
    assert "66.7" in said


def test_comparing(tmp_path, read, graded):
    graded(tmp_path / "runs", "sft", "dpo", "kto")
    read(group("evaluation", "comparing"), tmp_path)
    assert "dpo" in (tmp_path / "table.md").read_text()
    assert "tabular" in (tmp_path / "table.tex").read_text()


def test_mint(tmp_path, read, data_dir, tiny_model):
    small = {
        "data=data": f"data={data_dir} limit=1 protocol.max_tokens=4",
        "model=runs/sft": f"model={tiny_model}",
        "embedded": str(tiny_model),
    }
    read(group("mint", "mint"), tmp_path, small)
    rows = json.loads((tmp_path / "runs/k/summary.json").read_text())["rows"]
    assert [row["benchmark"] for row in rows] == ["mint:k=1", "mint:k=2", "mint:k=3", "mint:k=4", "mint"]


def test_reranking(gsm8k, models, read):
    (gsm8k / "mine.jsonl").write_text('{"problem": "What is 2 + 3?", "reference": "5"}\n')
    small = {
        "reward_model=reward": "reward_model=reward protocol.samples=2 protocol.max_tokens=8",
        "draws.samples=16": "draws.samples=2 draws.max_tokens=8",
    }
    read(group("reranking", "reranking"), gsm8k, small)
    assert (gsm8k / "best-of-n/curves.csv").is_file()
    assert "other" in (gsm8k / "gsm8k-best-of-n/curves.csv").read_text()


def test_rewards(models, read, data_dir):
    if os.environ.get("PREFTREE_DATA") is None and not data_dir.is_dir():
        pytest.skip("no data sets")
    small = {"model=runs/reward": "model=reward limit=2", "data=DATA": f"data={data_dir}"}
    read(group("reward-benchmarks", "rewards"), models, small)
    assert (models / "runs/rewards/rewards.jsonl").is_file()
