"""The commands of the README are run, at small settings, with a tiny random model in the embedded one's place."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"<!-- test: (\w+) -->\n```(\w+)\n(.*?)```", re.DOTALL)


def blocks(group):
    """The fenced blocks of the README that belong to one test, as (language, text)."""
    found = [
        (language, text) for name, language, text in _BLOCK.findall((ROOT / "README.md").read_text()) if name == group
    ]
    assert found, group
    return found


def run(command, directory):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(["bash", "-ec", command], cwd=directory, env=environment, capture_output=True, text=True)
    return done


@pytest.fixture
def own(tmp_path, tiny_model):
    """The README's own files, with the tiny model; each sampled action ends after a few tokens."""
    for language, text in blocks("own"):
        if language == "yaml":
            text = text.replace("embedded", str(tiny_model)).replace("stages:", "max_tokens: 8\nprefill: ''\nstages:")
            (tmp_path / "mine.yaml").write_text(text)
        elif language == "json":
            (tmp_path / "mine.jsonl").write_text(text)
    return tmp_path


def test_own_model_and_problems(own):
    (command,) = [text for language, text in blocks("own") if language == "bash"]
    done = run(command, own)
    assert done.returncode == 0, done.stderr
    assert json.loads((own / "runs/mine/report/results.json").read_text())["evaluation"]["models"][-1] == "dpo"


def test_one_stage_at_a_time(own, tiny_model):
    ((_, command),) = blocks("stages")
    done = run(command.replace("embedded", str(tiny_model)).replace("max_tokens=64", "max_tokens=8"), own)
    assert done.returncode == 0, done.stderr
    results = json.loads((own / "page/results.json").read_text())
    assert {"forests", "training", "evaluation", "rerank"} <= set(results)


def test_judging(tmp_path):
    ((_, command),) = blocks("judging")
    done = run(command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Out: 45\n")
    assert '"verdict": "correct"' in done.stdout
    assert "jail" in done.stdout


def test_every_command_has_help_with_examples():
    commands = ("run", "grow", "import", "export", "train", "evaluate", "rerank", "report", "exec", "verify", "doctor")
    commands += ("decontaminate", "stats", "regrade", "score", "compare", "rewards", "view", "schema")
    commands += ("settings", "completion")
    for command in commands:
        done = run(f"preftree {command} --help", ROOT)
        assert done.returncode == 0
        assert "Examples:" in done.stdout, command


def test_terminal_page(tmp_path):
    """The commands of docs/terminal.md."""
    commands = [text for name, _, text in _BLOCK.findall(_page("terminal")) if name == "terminal"]
    assert commands
    for command in commands:
        done = run(command, tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout.strip()


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


def test_training_page(tmp_path, tiny_model):
    """The commands of docs/training.md on rows of the forms that it names."""
    page = (ROOT / "docs" / "training.md").read_text()
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
    found = [(language, text) for name, language, text in _BLOCK.findall(page) if name == "train"]
    (tmp_path / "mix.yaml").write_text(next(text for language, text in found if language == "yaml"))
    for text in (text for language, text in found if language == "bash"):
        done = run(text.replace("embedded", str(tiny_model)), tmp_path)
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "mixed" / "report.json").read_text())["sources"] == {"tree": 20, "feedback": 9}


def test_forest_page(tmp_path):
    """The commands of docs/forest.md, on the rows that stand in it."""
    found = [(language, text) for name, language, text in _BLOCK.findall(_page("forest")) if name == "forest"]
    (rows,) = [text for language, text in found if language == "json"]
    (tmp_path / "rows.jsonl").write_text(rows)
    for text in (text for language, text in found if language == "bash"):
        done = run(text, tmp_path)
        assert done.returncode == 0, done.stderr
    pairs = (tmp_path / "runs/rows/pairs.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in pairs] == [json.loads(line) for line in rows.splitlines() if "chosen" in line]


def test_after_page(tmp_path, tiny_model):
    """The commands of docs/after.md, on the rows that it makes."""
    page = (ROOT / "docs" / "after.md").read_text()
    commands = [text for name, _, text in _BLOCK.findall(page) if name == "after"]
    assert commands
    for command in commands:
        done = run(command.replace("embedded", str(tiny_model)), tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "clean" / "removed.jsonl").is_file()
    assert (tmp_path / "regraded" / "forest.sqlite").is_file()


def test_evaluation_page(tmp_path, tiny_model):
    """The first commands of docs/evaluation.md, on made rows of GSM8K's form."""
    (command,) = [text for name, _, text in _BLOCK.findall(_page("evaluation")) if name == "evaluation"]
    rows = [{"question": f"What is {n} + 1?", "answer": f"One more.\n#### {n + 1}"} for n in range(3)]
    (tmp_path / "gsm8k_test").mkdir()
    (tmp_path / "gsm8k_test" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    responses = [{"id": n, "response": f"It is \\boxed{{{n + 1}}}."} for n in range(3)]
    (tmp_path / "responses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in responses))
    done = run(command.replace("embedded", str(tiny_model)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "runs/bare/summary.json").read_text())["rows"][0]["benchmark"] == "gsm8k"
    assert len((tmp_path / "runs/other/results.jsonl").read_text().splitlines()) == 3


def _page(name):
    return (ROOT / "docs" / f"{name}.md").read_text()
