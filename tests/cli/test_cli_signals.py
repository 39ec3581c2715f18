"""How commands end from outside: Ctrl-C, and a reader that goes away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from preftree.cli import main

sys.path.insert(0, str(Path(__file__).parent))
from terminal import on_terminal, plain

PREFTREE = [sys.executable, "-m", "preftree"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("signals")
    rows = [{"id": str(n), "task": "Math_CoT", "instruction": f"q{n}", "response": "a " * 300} for n in range(400)]
    problems = [{"problem": f"What is {n} + 1?", "reference": str(n + 1), "program": f"{n} + 1"} for n in range(60)]
    items = [{"question": f"What is {n} + 1?", "answer": f"One more.\n#### {n + 1}"} for n in range(200)]
    (folder / "data/gsm8k_test").mkdir(parents=True)
    for name, lines in (("rows", rows), ("problems", problems), ("data/gsm8k_test/test", items)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "loop.py").write_text("import time\nwhile True: time.sleep(0.1)")
    (folder / "mine.yaml").write_text(
        "name: mine\nvariables: {out: runs, model: ''}\nstages:\n"
        "  sft: {kind: train, objective: sft, model: '${model}', rows: rows.jsonl, epochs: 50}\n"
    )
    return folder


LONGEST = ("train", "run", "evaluate", "grow")
# Each long command, what it shows once it is at work, and what it is asked.
LONG = [
    ("training", "train sft model=MODEL rows=rows.jsonl epochs=50 max_length=2048 out=sft"),
    ("sft (train)", "run mine.yaml model=MODEL"),
    ("growing", "grow problems=problems.jsonl actors.a.model=MODEL ladder=[a] policy.max_tokens=200 out=forest"),
    ("evaluating", "evaluate benchmarks=[gsm8k] data=data models.m.model=MODEL out=evaluation"),
    ("", "exec loop.py environment.limits.cpu_s=60 environment.limits.wall_s=60"),
    ("", "verify math"),
]


@pytest.mark.parametrize(
    ("until", "words"),
    [
        pytest.param(*one, id=one[1].split()[0], marks=[pytest.mark.slow] if one[1].split()[0] in LONGEST else [])
        for one in LONG
    ],
)
def test_ctrl_c_ends_with_3_and_one_line(place, tiny_model, until, words):
    command = [*PREFTREE, *words.replace("MODEL", str(tiny_model)).split()]
    # What nothing says of itself is at work once its process waits: a moment is enough, and too early does no harm.
    shown, status = on_terminal(command, cwd=place, until=until or None, then="\x03", after_s=1.5)
    assert status == 3, shown[-2000:]
    assert "Traceback" not in shown
    said = [line for line in plain(shown).splitlines() if line.removeprefix("^C").startswith("preftree: ")]
    assert len(said) == 1
    assert "run the same command again" in said[0]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("settings grow", id="settings"),
        pytest.param("settings grow --json", id="json"),
        pytest.param("evaluate --list", id="list"),
        pytest.param("schema recipe", id="schema"),
        pytest.param("--help", id="help"),
    ],
)
def test_a_reader_that_goes_away_ends_it_quietly(words, tmp_path):
    """`preftree … | head -1`, where `head` has ended before anything was written."""
    script = f"import sys\nfrom preftree.cli import main\nsys.exit(main({words.split()!r}))"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()  # before anything was written
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (141, b"")


def test_another_pipe_that_breaks_is_a_failure(monkeypatch, capfd):
    from preftree.cli import doctor

    def fail(arguments):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(doctor, "_doctor", fail)
    assert main(["doctor"]) == 1
    assert capfd.readouterr().err.startswith("preftree: Broken pipe")
