"""The whole way with a real (tiny, random) model: grow, export, train, evaluate, rerank, report; and kills."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

STAGES = ("forest-1", "sft", "forest-2", "preference-nca", "reward", "evaluation", "best-of-n", "report")


def recipe(tmp_path, model):
    """A dozen lines over the quickstart, as a user writes them."""
    none = dict.fromkeys(("chain_sum", "basic_arithmetic", "letter_counting"), 0)
    split = none | {"leg_counting": 6, "gsm8k": 2}
    held_out = none | {"leg_counting": 2, "gsm8k": 0, "lcm": 2}
    own = {
        "base": "quickstart",
        "model": str(model),
        "out": str(tmp_path / "run"),
        "max_tokens": 12,
        # A random model's text in a code block is no Python, and a syntax error makes no pair.
        "prefill": "",
        "stages": {
            "problems": {"splits": {"forest-1": split, "forest-2": split, "held-out": held_out}},
            "sft": {"batch_size": 2, "epochs": 2, "save_steps": 1},
            "forest-2": {"policy": {"batches": [1, 1]}},
            "best-of-n": {"protocol": {"samples": 4}, "ranking": {"counts": [1, 4]}},
        },
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(own))
    return path


def run(*words, **more):
    command = [sys.executable, "-m", "preftree", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, **more)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model):
    """One whole run, shared by the tests that look at it."""
    tmp_path = tmp_path_factory.mktemp("whole")
    done = run("run", recipe(tmp_path, tiny_model))
    assert done.returncode == 0, done.stderr
    return tmp_path, done


def test_every_stage_is_there(finished):
    tmp_path, done = finished
    for name in STAGES:
        assert (tmp_path / "run" / name / "stage.json").is_file(), name
    assert "leg_counting" in done.stdout
    assert "turn 1" in done.stderr


def test_results_hold_what_the_page_shows(finished):
    tmp_path, _ = finished
    results = json.loads((tmp_path / "run" / "report" / "results.json").read_text())
    evaluation = results["evaluation"]
    assert evaluation["models"] == ["bare", "sft", "nca"]
    assert evaluation["turns"] == [1, 3]
    assert {row["group"] for row in evaluation["groups"]} == {"trained families", "held-out families", "all"}
    assert len(evaluation["rows"]) == 2 * 3 * 2
    for row in evaluation["rows"]:
        assert 0 <= row["low"] <= row["value"] <= row["high"] <= 1
    assert {row["method"] for row in results["rerank"]["curves"]} == {
        "random",
        "reward model",
        "self-consistency",
        "pass@N",
    }
    trends = {stage["name"]: stage["metrics"] for stage in results["training"]}
    assert {"rewards/chosen", "rewards/rejected"} <= set(trends["preference-nca"][-1])
    # The program of each problem's reference is the correct action: the random model solves nothing.
    first, second = results["forests"]
    assert first["report"]["stages"] == {"reference": 8}
    assert second["report"]["trees_by_turns"] == {"3": 8}
    assert second["report"]["pairs"] >= 24
    assert 0 < second["report"]["pairs_with_different_actors"] <= second["report"]["pairs"]


def test_the_page_is_whole(finished):
    tmp_path, _ = finished
    page = (tmp_path / "run" / "report" / "report.html").read_text()
    seen = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            seen.append((tag, dict(attributes)))

    Reader().feed(page)
    assert [tag for tag, _ in seen].count("svg") >= 2
    links = [v for _, attributes in seen for k, v in attributes.items() if k in ("src", "href") and v]
    assert not [link for link in links if not link.startswith("#")], "the page needs something from outside"


def test_held_out_problems_share_no_question_with_training(finished):
    from preftree.problems import normalise_question

    tmp_path, _ = finished
    splits = {}
    for name in ("forest-1", "forest-2", "held-out"):
        lines = (tmp_path / "run" / "problems" / f"{name}.jsonl").read_text().splitlines()
        splits[name] = {normalise_question(json.loads(line)["instruction"]) for line in lines}
    assert not splits["held-out"] & (splits["forest-1"] | splits["forest-2"])
    assert not splits["forest-1"] & splits["forest-2"]


def test_a_second_run_does_nothing(finished, tiny_model):
    tmp_path, first = finished
    began = time.monotonic()
    again = run("run", recipe(tmp_path, tiny_model))
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout
    assert again.stderr.count("done before") == 11
    assert time.monotonic() - began < 30


def test_other_settings_in_the_same_place_are_refused(finished, tiny_model):
    tmp_path, _ = finished
    done = run("run", recipe(tmp_path, tiny_model), "sft.learning_rate=1e-3")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        f"preftree: {tmp_path}/run/sft: was begun with other settings (learning_rate"
    )


def test_a_lost_result_is_not_hidden_by_the_mark(finished, tiny_model, tmp_path):
    """A stage's inputs are covered by its mark: other problems, another forest."""
    done = run("run", recipe(tmp_path, tiny_model), f"out={finished[0] / 'run'}", "seed=1")
    assert done.returncode == 2
    assert "problems: was begun with other settings (seed: was 0, is 1)" in done.stderr


def _weights(directory):
    return (directory / "model.safetensors").read_bytes()


def test_killed_training_ends_with_the_same_weights(finished, tiny_model, tmp_path):
    """SIGKILL in the middle of SFT's second epoch, then once more; the whole recipe goes on."""
    path = recipe(tmp_path, tiny_model)
    command = [sys.executable, "-m", "preftree", "run", str(path)]
    metrics = tmp_path / "run" / "sft" / "metrics.jsonl"
    for steps in (2, 5):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        while process.poll() is None and not (metrics.is_file() and len(metrics.read_text().splitlines()) >= steps):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors
    done = run("run", path)
    assert done.returncode == 0, done.stderr
    whole = finished[0] / "run"
    assert _weights(tmp_path / "run" / "sft") == _weights(whole / "sft")
    assert (tmp_path / "run" / "pairs" / "pairs.jsonl").read_bytes() == (whole / "pairs" / "pairs.jsonl").read_bytes()
    assert _weights(tmp_path / "run" / "reward") == _weights(whole / "reward")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(["run", "quickstar"], 2, 'no recipe "quickstar"', id="recipe"),
        pytest.param(["run", "quickstart", "modle=x"], 2, 'did you mean "model"?', id="variable"),
        pytest.param(["run", "quickstart", "model=no/such-model"], 2, "no/such-model", id="missing-model"),
        pytest.param(["run", "quickstart", "problems=gone.jsonl"], 2, "gone.jsonl", id="missing-problems"),
        pytest.param(["grow", "out=x"], 2, 'setting "problems" is missing', id="missing-setting"),
        pytest.param(["grow", "problems=p.jsonl"], 2, "out=DIRECTORY is missing", id="missing-out"),
        pytest.param(
            ["train", "dpo", "model=gone", "rows=r.jsonl", "out=x"], 2, "model gone: no such", id="train-model"
        ),
        pytest.param(["export", "forest=gone", "out=x"], 2, "gone: no forest here", id="missing-forest"),
        pytest.param(["report", "gone"], 2, "no finished stage", id="missing-run"),
    ],
)
def test_wrong_input_is_one_sentence(tmp_path, words, status, said):
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = run(*words, cwd=tmp_path, env=environment)
    assert done.returncode == status, done.stderr
    last = [line for line in done.stderr.splitlines() if line.startswith("preftree: ")]
    assert len(last) == 1
    assert said in last[0]
    assert "Traceback" not in done.stderr


def test_missing_and_broken_rows(tmp_path, tiny_model):
    words = ["train", "dpo", f"model={tiny_model}", f"out={tmp_path / 'out'}"]
    done = run(*words, f"rows={tmp_path / 'gone.jsonl'}")
    assert (done.returncode, "gone.jsonl" in done.stderr.splitlines()[-1]) == (2, True)
    (tmp_path / "bad.jsonl").write_text('{"prompt": 3}\n')
    done = run(*words[:3], f"out={tmp_path / 'other'}", f"rows={tmp_path / 'bad.jsonl'}")
    assert (done.returncode, "bad.jsonl" in done.stderr.splitlines()[-1]) == (2, True)


def test_an_unreachable_endpoint_is_one_sentence(tmp_path):
    row = {"problem": "What is 1 + 1?", "reference": "2"}
    (tmp_path / "p.jsonl").write_text(json.dumps(row))
    done = run(
        "grow",
        f"problems={tmp_path / 'p.jsonl'}",
        "actors.far={kind: endpoint, base_url: 'http://127.0.0.1:9/v1', model: m, attempts: 2}",
        "ladder=[far]",
        f"out={tmp_path / 'forest'}",
    )
    assert done.returncode == 1
    assert "http://127.0.0.1:9/v1" in done.stderr.splitlines()[-1]


def test_a_broken_row_of_ones_own_problems(tmp_path, tiny_model):
    """It is set aside and counted; the others go on."""
    rows = [{"problem": f"What is {i} + {i}?", "reference": str(2 * i), "program": f"{i} + {i}"} for i in range(12)]
    lines = [json.dumps(row) for row in rows] + ['{"problem": "no answer?"}', "not json"]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    done = run(
        "run",
        recipe(tmp_path, tiny_model),
        f"problems={tmp_path / 'mine.jsonl'}",
    )
    assert done.returncode == 0, done.stderr
    stage = json.loads((tmp_path / "run" / "problems" / "stage.json").read_text())
    assert stage["report"]["set_aside"] == 2
    assert Path(tmp_path / "run" / "report" / "report.html").is_file()


def test_one_stage_is_skipped_for_equal_input_and_refused_for_other(tmp_path):
    """A single command is idempotent, even where a setting's word is also the name of a directory."""
    from preftree.errors import InputError
    from preftree.recipe import run_single

    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "reference": "2", "program": "1 + 1"}))
    section = {"splits": {"train": {"x": 1}}, "own": str(tmp_path / "p.jsonl"), "out": str(tmp_path / "dealt")}
    first = run_single("problems", section)
    assert run_single("problems", section) == first
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 2 + 1?", "reference": "3", "program": "2 + 1"}))
    with pytest.raises(InputError, match="was begun with other settings"):
        run_single("problems", section)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["objective=ntc"], "expected one of sft, dpo, kto, nca, ipo", id="objective"),
        pytest.param(["report.foo=1"], 'report: unknown setting "foo"', id="last-stage"),
        pytest.param(["forest-1.actors.bare.api_key=sk-1"], 'unknown setting "api_key"', id="a-secret"),
        pytest.param(["actor_model=m", "actor_url=http://u:p@h/v1"], "holds a password", id="a-password"),
        pytest.param(["forest-1.policy.concurrency=0"], "concurrency: expected at least 1", id="range"),
    ],
)
def test_settings_are_checked_before_anything_is_written(tmp_path, words, said):
    from preftree.errors import InputError
    from preftree.recipe import load_recipe, run_recipe

    with pytest.raises(InputError, match=re.escape(said)):
        run_recipe(load_recipe("quickstart", [f"out={tmp_path / 'run'}", *words]))
    assert not (tmp_path / "run").exists()


def test_a_mistyped_model_does_not_lock_the_directory(tmp_path, tiny_model):
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "reference": "2", "program": "1 + 1"}))
    words = ["grow", f"problems={tmp_path / 'p.jsonl'}", "ladder=[a]", "policy.max_turns=1", f"out={tmp_path / 'f'}"]
    assert run(*words, "actors.a.model=./nope").returncode == 2
    wrong = run(*words, f"actors.a.model={tiny_model}", "critic=typo", "policy.max_tokens=8")
    assert (wrong.returncode, 'no actor "typo"' in wrong.stderr) == (2, True)
    done = run(*words, f"actors.a.model={tiny_model}", "policy.max_tokens=8")
    assert done.returncode == 0, done.stderr


def test_a_recipe_runs_up_to_a_stage(tmp_path, tiny_model):
    """And goes on from there: the stage before is not run again."""
    own = recipe(tmp_path, tiny_model)
    assert run("run", own, "--until", "problems").returncode == 0
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == ["problems"]
    made = (tmp_path / "run" / "problems" / "stage.json").read_bytes()
    done = run("run", own, "--until", "forest-1")
    assert "problems: done before" in done.stderr
    assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == ["forest-1", "problems"]
    assert (tmp_path / "run" / "problems" / "stage.json").read_bytes() == made
    wrong = run("run", own, "--until", "forest-9")
    assert (wrong.returncode, 'no stage "forest-9"' in wrong.stderr) == (2, True)
