"""The stage `evaluate`: settings, what is refused before anything is written, files, and a kill."""

import contextlib
import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from preftree.cli import main
from preftree.errors import InputError
from preftree.evaluate import load_results
from preftree.recipe import run_single
from preftree.recipe.stages import rewards

ROWS = [
    {"question": f"A box holds {i} pens. How many do {i} boxes hold?", "answer": f"{i}*{i}\n#### {i * i}"}
    for i in range(1, 9)
]


def run(*words):
    """The command, in this process: its status and what it wrote."""
    written, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(said):
        status = main(["evaluate", *map(str, words)])
    return SimpleNamespace(returncode=status, stdout=written.getvalue(), stderr=said.getvalue())


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A few rows as GSM8K is published, in a folder of data sets."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "gsm8k").mkdir()
    (folder / "gsm8k" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model, rows):
    out = tmp_path_factory.mktemp("evaluation") / "out"
    done = run(*_words(rows, tiny_model, out))
    assert done.returncode == 0, done.stderr
    return out, done


def _words(rows, model, out):
    return [
        *("benchmarks=gsm8k", f"data={rows}", f"models.tiny.model={model}", f"out={out}"),
        *("protocol.name=eurus", "modes=text"),  # without examples: the tiny model reads 4,096 bytes
        *("protocol.max_tokens=24", "protocol.samples=2", "protocol.temperature=0.8"),
    ]


def test_a_benchmark_by_name(finished):
    out, done = finished
    results = load_results(out / "results.jsonl")
    assert [(r.problem, r.sample) for r in results] == [(str(i), s) for i in range(len(ROWS)) for s in (0, 1)]
    assert {r.metadata["protocol"] for r in results} == {"eurus-2024-04"}
    assert max(r.output_tokens for r in results) <= 24
    summary = json.loads((out / "summary.json").read_text())
    (row,) = summary["rows"]
    assert (row["model"], row["benchmark"], row["mode"], row["items"], row["samples"]) == (
        "tiny",
        "gsm8k",
        "text",
        8,
        2,
    )
    assert row["metrics"][0]["sd_over_samples"] is not None
    assert row["spent"]["calls"] == summary["account"]["calls"] == 16
    assert row["spent"]["output_tokens"] == sum(r.output_tokens for r in results)
    assert row["truncated"] == sum(r.truncated for r in results)
    assert "gsm8k: 8 rows were there; the published set has 1,319" in summary["notes"]
    assert "8 rows were there; the published set has 1,319" in done.stdout
    form = json.loads((out / "lm_eval_results.json").read_text())
    assert form["results"]["gsm8k"]["acc,none"] == row["metrics"][0]["value"]
    assert form["n-samples"]["gsm8k"] == {"original": 1319, "effective": 8}


def test_the_table_fits_a_terminal(finished):
    _, done = finished
    lines = done.stdout.splitlines()
    assert any(line.split()[:3] == ["gsm8k", "text", "accuracy"] for line in lines)
    assert max(len(line.rstrip()) for line in lines if not line.startswith(("Note", "Results"))) <= 80


def test_a_second_run_asks_nothing_and_says_the_same(finished, tiny_model, rows):
    out, _ = finished
    again = run(*_words(rows, tiny_model, out), "--json")
    assert again.returncode == 0, again.stderr
    assert "done before" in again.stderr
    report = json.loads(again.stdout)
    assert report.pop("kind") == "benchmarks"
    assert report == json.loads((out / "summary.json").read_text())


def test_killed_it_goes_on_and_answers_stay_as_they_were(finished, tiny_model, rows, tmp_path):
    """SIGKILL while a real model writes: what was answered is neither asked again nor changed."""
    whole, out = finished[0], tmp_path / "out"
    command = [sys.executable, "-m", "preftree", "evaluate", *_words(rows, tiny_model, out), "protocol.concurrency=2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    before = {}
    while process.poll() is None and len(before) < 4:
        before = _answered(out)
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    before = _answered(out)
    assert 4 <= len(before) < 16
    assert not (out / "results.jsonl").exists()
    done = run(*_words(rows, tiny_model, out))
    assert done.returncode == 0, done.stderr
    after = _answered(out)
    assert len(after) == 16
    assert {key: after[key] for key in before} == before
    assert (out / "results.jsonl").read_bytes() == (whole / "results.jsonl").read_bytes()


def _answered(out):
    """Key → how often it was sent, when it was answered, and what."""
    if not (out / "forest.sqlite").is_file():
        return {}
    with sqlite3.connect(f"file:{out / 'forest.sqlite'}?mode=ro", uri=True) as forest:
        if not forest.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
            return {}
        found = forest.execute("SELECT key, attempts, answered, answer FROM calls WHERE answered IS NOT NULL")
        return {row[0]: row[1:] for row in found}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["benchmarks=[gsm9k]"], 'no benchmark is named "gsm9k"', id="benchmark"),
        pytest.param(["benchmarks=[autoj]"], "preftree rewards benchmarks=[autoj]", id="reward-benchmark"),
        pytest.param(["suite=euros"], 'no suite is named "euros"', id="suite"),
        pytest.param(["benchmarks=[gsm8k]", "protocol=mine"], "protocol: expected one of eurus", id="protocol"),
        pytest.param(["benchmarks=[gsm8k]", "protocol.name=mine"], "protocol: expected one of", id="protocol-name"),
        pytest.param(["benchmarks=[gsm8k]", "protocol.turns=3"], 'unknown setting "turns"', id="own-protocol"),
        pytest.param(["benchmarks=[gsm8k]", "protocol.samples=0"], "samples: expected at least 1", id="samples"),
        pytest.param(["benchmarks=[gsm8k]", "modes=[words]"], "modes: expected some of text, program", id="mode"),
        pytest.param(["benchmarks=[gsm8k]", "modes=[choice]"], "gsm8k: has no mode choice", id="no-such-mode"),
        pytest.param(["benchmarks=[gsm8k]", "limit=0"], "limit: expected at least 1", id="limit"),
        pytest.param(["benchmarks=[gsm8k]", "data=gone"], "gsm8k: gone: no such file or folder", id="data"),
        pytest.param(["benchmarks=[gsm8k]", "data=empty"], "gsm8k: empty: expected one of gsm8k_test/", id="empty"),
        pytest.param(["benchmarks=[gsm8k]", "judge.modle=x"], 'unknown setting "modle"', id="judge"),
        pytest.param(["benchmarks=[gsm8k]", "groups=g.json"], "groups: is no setting of benchmarks", id="groups"),
        pytest.param(["problems=p.jsonl", "limit=3"], "limit: is no setting of own problems", id="own-limit"),
        pytest.param(["problems=p.jsonl", "protocol=eurus"], "protocol: expected settings", id="own-name"),
        pytest.param([], "expected one of problems=FILE, benchmarks=", id="nothing"),
        pytest.param(["benchmarks=[gsm8k]", "suite=eurus"], "got benchmarks and suite", id="both"),
    ],
)
def test_wrong_input_is_told_before_anything_is_written(tmp_path, monkeypatch, words, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "g.json").write_text("{}")
    (tmp_path / "p.jsonl").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFTREE_DATA", raising=False)
    done = run(*words, "models.m.model=embedded", "out=out")
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert said in sentence
    assert not (tmp_path / "out").exists()


def test_a_benchmark_that_needs_a_judge_without_one(tmp_path, monkeypatch):
    from dataclasses import replace

    from preftree.evaluate import suites
    from preftree.evaluate.benchmarks.gsm8k import GSM8K

    monkeypatch.setattr(suites, "find_benchmark", lambda name: replace(GSM8K, needs_judge=True))
    section = {"benchmarks": ["gsm8k"], "models": {"m": {"model": "embedded"}}, "out": str(tmp_path / "out")}
    with pytest.raises(InputError, match="gsm8k: a model grades its answers"):
        run_single("evaluate", section)
    with pytest.raises(InputError, match="actor judge: unknown setting"):
        run_single("evaluate", section | {"judge": {"model": "embedded", "api_key": "sk"}})
    assert not (tmp_path / "out").exists()


def test_rows_belong_to_the_mark_wherever_they_were_found(finished, tiny_model, rows, tmp_path, monkeypatch):
    """Found through the environment too; the same rows elsewhere are the same input."""
    data, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(rows, data)
    words = [word for word in _words(rows, tiny_model, out) if not word.startswith("data=")] + ["limit=1"]
    monkeypatch.setenv("PREFTREE_DATA", str(data))
    assert run(*words).returncode == 0
    moved = tmp_path / "moved"
    data.rename(moved)
    monkeypatch.setenv("PREFTREE_DATA", str(moved))
    assert "done before" in run(*words).stderr
    (moved / "gsm8k" / "test.jsonl").write_text(json.dumps(ROWS[3]) + "\n")
    done = run(*words)
    assert done.returncode == 2
    assert "was begun with other settings (inputs.rows of gsm8k" in done.stderr


def test_two_models_have_a_file_each(tiny_model, rows, tmp_path):
    words = [*_words(rows, tiny_model, tmp_path / "out"), f"models.other.model={tiny_model}", "limit=2"]
    words[0] = "benchmarks=gsm8k,gsm8k"
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "out").glob("lm_eval*")} == {
        "lm_eval_results.tiny.json",
        "lm_eval_results.other.json",
    }
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [row["model"] for row in summary["rows"]] == ["tiny", "other"]
    assert "gsm8k: 2 of 8 rows were asked, the first ones (limit)" in summary["notes"]
    assert "gsm8k: named twice (gsm8k and gsm8k), asked once" in summary["notes"]


def test_own_problems_as_ever(tiny_model, tmp_path):
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "reference": "2"}) + "\n")
    done = run(
        *(f"problems={tmp_path / 'p.jsonl'}", f"models.bare.model={tiny_model}", f"out={tmp_path / 'out'}"),
        *("protocol.turns=3", "protocol.max_tokens=8", "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["models"], report["turns"]) == (["bare"], [1, 3])
    assert {"rows", "groups", "paired", "truncated", "undecided"} <= set(report)
    stage = json.loads((tmp_path / "out" / "stage.json").read_text())
    assert stage["settings"]["protocol"]["turns"] == 3
    (result,) = load_results(tmp_path / "out" / "results.jsonl")
    assert len(result.outcomes) == len(result.responses) == 3


def test_the_list_shows_what_there_is():
    done = run("--list")
    assert done.returncode == 0, done.stderr
    assert "1,319" in done.stdout
    assert "suite=eurus (table 3, eurus-2024-04)" in done.stdout
    listed = json.loads(run("--list", "--json").stdout)
    (row,) = [row for row in listed["benchmarks"] if row["benchmark"] == "gsm8k"]
    assert (row["rows"], row["hub"], row["licence"]) == (1319, "openai/gsm8k", "MIT")
    assert "of reward models (preftree rewards): rewardbench (2,985 rows)" in done.stdout
    rewards = {row["benchmark"]: (row["rows"], row["licence"]) for row in listed["reward_benchmarks"]}
    assert rewards == {
        "rewardbench": (2985, "ODC-By"),
        "autoj": (1392, "none"),
        "mt_bench_human": (3355, "CC BY 4.0"),
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [({"limit": 0}, "limit: expected 1 or more"), ({"benchmarks": ()}, "benchmarks: expected at least one")],
    ids=["limit", "none"],
)
def test_wrong_settings_of_rewards(given, said):
    with pytest.raises(InputError, match=said):
        rewards.Settings(**({"benchmarks": "autoj,rewardbench", "scorers": {"rm": {"model": "rm"}}} | given))
