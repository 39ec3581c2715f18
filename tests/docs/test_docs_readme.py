"""The commands of the README are run, at small settings, with a tiny random model in the embedded one's place."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from pages import ROOT, group


@pytest.fixture
def own(tmp_path, read, tiny_model):
    """The README's own files, with the tiny model; each sampled action ends after a few tokens."""
    files = [block for block in group("README", "own") if block.file]
    read(files, tmp_path, {"embedded": str(tiny_model), "stages:": "max_tokens: 8\nprefill: ''\nstages:"})
    return tmp_path


def test_own_model_and_problems(own, read):
    read([block for block in group("README", "own") if not block.file], own)
    results = json.loads((own / "runs/mine/report/results.json").read_text())
    assert results["evaluation"]["models"][-1] == "dpo"


def test_one_stage_at_a_time(own, read, tiny_model):
    read(group("README", "stages"), own, {"embedded": str(tiny_model), "max_tokens=64": "max_tokens=8"})
    results = json.loads((own / "page/results.json").read_text())
    assert {"forests", "training", "evaluation", "rerank"} <= set(results)
    assert "<script" in (own / "trees.html").read_text()


def test_judging(tmp_path, read):
    said = read(group("README", "judging"), tmp_path)
    assert said.startswith("Out: 45\n")
    assert '"verdict": "correct"' in said
    assert "jail" in said


def test_variables(tmp_path, read, tiny_model):
    """What the words set is read before anything is run, so the first stage tells."""
    small = {"path/or/hub-id": str(tiny_model), "sft.epochs=2": "sft.epochs=2 --until problems"}
    read(group("README", "variables"), tmp_path, small)
    assert (tmp_path / "runs/mine/problems/stage.json").is_file()


def test_measuring(tmp_path, read, shell, data_dir, tiny_model, graded):
    """Table 3's suite on the first item of each benchmark; given programs; two models against the paper's rows."""
    (tmp_path / "responses.jsonl").write_text('{"id": "HumanEval/2", "response": "    return number % 1.0\\n"}\n')
    graded(tmp_path / "runs", "sft", "dpo")
    small = {
        "data=data": f"data={data_dir}",
        "models.mine.model=runs/sft": f"models.mine.model={tiny_model} limit=1 protocol.max_tokens=4",
    }
    said = read(group("README", "measuring"), tmp_path, small)
    (suite,) = json.loads((tmp_path / "runs/table-3/summary.json").read_text())["suites"]
    assert len(suite["columns"]) == 12
    assert "1 of 164" in said or "0.6" in said
    assert "Eurus" in said  # rows of the paper's table 3, which has SVAMP


def test_every_command_has_help_with_examples(shell):
    commands = ("run", "grow", "import", "export", "train", "evaluate", "rerank", "report", "exec", "verify", "doctor")
    commands += ("decontaminate", "stats", "regrade", "score", "compare", "rewards", "view", "schema")
    commands += ("settings", "completion")
    for command in commands:
        done = subprocess.run(["preftree", command, "--help"], env=shell, capture_output=True, text=True)
        assert done.returncode == 0
        assert "Examples:" in done.stdout, command


def test_the_readme_names_both_commands():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


def test_every_link_of_the_readme_leads_somewhere():
    import re

    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target
    assert Path(ROOT / "docs" / "index.md").is_file()
