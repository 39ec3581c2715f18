"""The command line: exec, verify, doctor, exit statuses, and a run that is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest


def run(*words, stdin=None):
    command = [sys.executable, "-m", "preftree", *map(str, words)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        pytest.param("x = 6\nx * 7", "Out: 42", id="value"),
        pytest.param("print('hi')", "hi", id="printed"),
        pytest.param("1 +", "SyntaxError", id="syntax"),
        pytest.param("1 / 0", "ZeroDivisionError", id="error"),
    ],
)
def test_exec(tmp_path, code, shown):
    (tmp_path / "p.py").write_text(code)
    done = run("exec", tmp_path / "p.py")
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_exec_json(tmp_path):
    (tmp_path / "p.py").write_text("2 + 2")
    observation = json.loads(run("exec", tmp_path / "p.py", "--json").stdout)
    assert (observation["status"], observation["value"]) == ("ok", "4")


def test_verify():
    rows = [("1/2", "0.5"), ("3", "4"), ("\\sqrt{4}", "2")]
    lines = "".join(json.dumps({"answer": a, "reference": r}) + "\n" for a, r in rows)
    done = run("verify", "math", stdin=lines)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["verdict"] for line in done.stdout.splitlines()] == ["correct", "wrong", "correct"]


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        pytest.param(["verify", "maths"], "", 'kind "maths" is unknown', id="kind"),
        pytest.param(["verify", "math"], "{}\n", 'row 1, field "answer": expected text', id="field"),
        pytest.param(["verify", "math"], "x\n", "row 1: not valid JSON", id="json"),
        pytest.param(["exec", "gone.py"], None, "gone.py: can't be read", id="file"),
    ],
)
def test_wrong_input(words, stdin, said):
    done = run(*words, stdin=stdin)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_doctor():
    done = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)}
    assert checks["torch"]["ok"]
    assert done.returncode == (0 if all(check["ok"] or not check["needed"] for check in checks.values()) else 1)
    assert all(check["ok"] or check["fix"] or not check["needed"] for check in checks.values())


def test_interrupted_once_it_stops_cleanly_and_goes_on(tmp_path, tiny_model):
    rows = [{"problem": f"What is {i} + 1?", "reference": str(i + 1), "program": f"{i} + 1"} for i in range(30)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = [
        *("grow", f"problems={tmp_path / 'p.jsonl'}", f"actors.a.model={tiny_model}", "ladder=[a]"),
        *("policy.max_turns=2", "policy.concurrency=1", "policy.max_tokens=40", f"out={tmp_path / 'forest'}"),
    ]
    command = [sys.executable, "-m", "preftree", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    shown = ""
    while process.poll() is None and "turn 1" not in shown:
        shown += process.stderr.readline()
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 3, errors
    assert "run the same command again" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert "trees" in again.stdout
