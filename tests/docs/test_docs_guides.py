"""The commands of the guides in docs/, at small settings, with tiny random models."""

from __future__ import annotations

import json
import subprocess

import pytest
from pages import group, play

ASK = '{"problem": "What is %d + 7?", "reference": "%d", "program": "%d + 7"}\n'


@pytest.fixture
def problems(tmp_path):
    (tmp_path / "mine.jsonl").write_text("".join(ASK % (n, n + 7, n) for n in range(1, 4)))
    return tmp_path


@pytest.fixture
def forest(tmp_path, shell):
    """A forest of one tree with two turns and two pairs, in the place where the quickstart leaves its own."""
    rows = [block.text for block in group("forest", "forest") if block.file]
    (tmp_path / "rows.jsonl").write_text(rows[0])
    for out in ("runs/quickstart/forest-2", "runs/forest"):
        command = f"preftree import rows.jsonl out={out}"
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=shell, check=True, capture_output=True)
    return tmp_path


def test_from_nothing_to_an_own_run(tmp_path, read, tiny_model):
    small = {"problems: mine.jsonl": f"problems: mine.jsonl\nmodel: {tiny_model}\nmax_tokens: 8\nprefill: ''"}
    read(group("index", "begin"), tmp_path, small)
    assert (tmp_path / "runs/mine/forest-1/forest.sqlite").is_file()


def test_recipe_files(tmp_path, read, tiny_model):
    read(group("recipe-files", "recipe"), tmp_path, {"embedded": str(tiny_model), "max_tokens: 64": "max_tokens: 8"})
    assert json.loads((tmp_path / "recipe.schema.json").read_text())["title"] == "preftree recipe"
    assert (tmp_path / "runs/sums/report/report.html").is_file()
    assert (tmp_path / "runs/mine/problems/stage.json").is_file()


def test_own_problems(tmp_path, read, tiny_model):
    said = read(group("own-problems", "problems"), tmp_path, {"embedded": str(tiny_model), "=128": "=8"})
    assert said.count('"verdict": "correct"') == 2
    assert "4 problems, 0 rows set aside" in said
    outcomes = [line.split()[1] for line in said.splitlines() if line.startswith("own/")]
    assert outcomes == ["correct"] * 4  # each problem's own program, by its own check


def test_endpoints(problems, shell, made_server):
    """Both addresses are a server in this process, whose answers are right every other time."""
    ours = {"http://127.0.0.1:8000/v1": made_server.url, "http://127.0.0.1:8001/v1": made_server.url}
    play(group("endpoints", "endpoints"), problems, shell | {"MY_KEY": "made"}, ours)
    assert json.loads((problems / "runs/forest/stage.json").read_text())["report"]["trees"] == 3


def test_growing(problems, read, tiny_model):
    (problems / "problems.jsonl").write_bytes((problems / "mine.jsonl").read_bytes())
    small = {
        "embedded}": f"{tiny_model}}}",
        "out=runs/forest": "policy.max_tokens=8 policy.max_turns=1 out=runs/forest",
    }
    read(group("growing", "growing"), problems, small)
    assert (problems / "runs/forest/forest.sqlite").is_file()


@pytest.mark.slow  # a Ray starts, and workers of it load torch: the better part of a minute
def test_cluster(problems, read, tiny_model):
    """A Ray of its own, over processes of this machine."""
    small = {
        "embedded": str(tiny_model),
        "cluster.shards=4": "cluster.shards=2 policy.max_turns=1 policy.batches=[1] policy.max_tokens=4",
    }
    read(group("cluster", "cluster"), problems, small)
    assert not (problems / "runs/forest/shards").exists()
    assert (problems / "runs/forest/forest.sqlite").is_file()


def test_before_and_after_growing(tmp_path, read, tiny_model):
    read(group("after", "after"), tmp_path, {"embedded": str(tiny_model)})
    assert (tmp_path / "clean" / "removed.jsonl").is_file()
    assert (tmp_path / "regraded" / "forest.sqlite").is_file()


def test_the_forest(tmp_path, read):
    """What comes out is what stands in the page."""
    read(group("forest", "forest"), tmp_path)
    (rows,) = [block.text for block in group("forest", "forest") if block.file]
    pairs = (tmp_path / "runs/rows/pairs.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in pairs] == [json.loads(line) for line in rows.splitlines() if "chosen" in line]


def test_the_viewer_in_one_file(forest, read):
    assert "1 tree" in read(group("viewer", "viewer"), forest)
    assert "Products come before sums." in (forest / "trees.html").read_text()


def test_the_library(forest, read):
    said = read(group("reference/index", "library"), forest)
    assert "\ncorrect\n" in said
    assert said.endswith(" 2 1\n")  # two turns; the first has no correct action


def test_the_jail(tmp_path, read):
    (tmp_path / "program.py").write_text("print(int(input()) + 1)\n")
    (tmp_path / "input.txt").write_text("41\n")
    assert read(group("jail", "jail"), tmp_path).startswith("42\n")


def test_training(tmp_path, read, tiny_model):
    """Rows of the forms that the page names."""
    chats = [
        {"messages": [{"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": "a"}]} for i in range(4)
    ]
    pairs = [
        {"trajectory": [{"from": "user", "value": f"q{i}"}], "chosen": "a", "rejected": "b", "parent_id": str(i)}
        for i in range(20)
    ]
    feedback = [
        {"instruction": f"f{i}", "completions": [{"response": str(s), "overall_score": s} for s in (1, 2, 3)]}
        for i in range(3)
    ]
    for name, rows in (("chats", chats), ("pairs", pairs), ("feedback", feedback)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    read(group("training", "train"), tmp_path, {"embedded": str(tiny_model)})
    assert json.loads((tmp_path / "mixed" / "report.json").read_text())["sources"] == {"tree": 20, "feedback": 9}


def test_reward_models(tmp_path, read, tiny_model):
    said = read(group("reward-models", "reward"), tmp_path, {"embedded": str(tiny_model)})
    ((first, second),) = json.loads(said.splitlines()[-1])
    assert first != second
    report = json.loads((tmp_path / "reward/report.json").read_text())
    assert 0 <= report["eval_metrics"]["eval_rewards/accuracies"] <= 1


def test_the_terminal(tmp_path, read):
    said = read(group("terminal", "terminal"), tmp_path)
    assert "policy.max_turns" in said
    assert "gsm8k\t" in said
