"""What commands print: tables that fit a real terminal, plain lines into a pipe, one JSON document."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from preftree.cli import main
from preftree.grow import grow

sys.path.insert(0, str(Path(__file__).parents[1] / "grow"))
sys.path.insert(0, str(Path(__file__).parent))
import world
from terminal import colours, on_terminal, plain, together

PLAN = (
    "grow problems=p.jsonl ladder=[a] plan.pass_rate=[0.5,0.5] actors.a.kind=endpoint actors.a.model=m "
    "actors.a.base_url=http://127.0.0.1:1/v1 actors.a.output_usd=2 --plan"
)
# Every command that prints a table or a summary, with words that let it end at once.
COMMANDS = {
    "stats": "stats forest",
    "export": "export forest=forest out=rows",
    "import": "import rows/sft.jsonl rows/pairs.jsonl out=again",
    "decontaminate": "decontaminate questions.jsonl tests=svamp.json out=clean",
    "regrade": "regrade forest out=regraded verifier=exact",
    "plan": PLAN,
    "score": "score gsm8k --predictions a.jsonl data=data model=a-model-with-quite-a-long-name out=a",
    "score-again": "score gsm8k --predictions b.jsonl data=data model=b out=b",
    "score-rewards": "score autoj --predictions rewards.jsonl data=data",
    "compare": "compare a b --paper",
    "evaluate": "evaluate benchmarks=[gsm8k] data=data models.m.model=MODEL protocol.max_tokens=4 out=done/evaluation",
    "train": "train sft model=MODEL rows=rows/sft.jsonl max_length=2048 out=model",
    "report": "report done out=page",
    "settings": "settings grow",
    "recipe": "settings quickstart",
    "list": "evaluate --list",
    "run": "run mine.yaml",
    "view": "view forest --static trees.html",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """A folder where every one of the commands has been run once, as JSON; returns it and what they printed."""
    folder = tmp_path_factory.mktemp("screen")
    rows = [{"question": f"What is {n} + 1?", "answer": f"One more.\n#### {n + 1}"} for n in range(6)]
    (folder / "data/gsm8k_test").mkdir(parents=True)
    question = "A train leaves the station at noon and travels sixty miles an hour"
    files = {
        "data/gsm8k_test/test.jsonl": rows,
        "a.jsonl": [{"id": n, "response": f"\\boxed{{{n + 1}}}"} for n in range(6)],
        "b.jsonl": [{"id": n, "response": f"\\boxed{{{n + n % 2}}}"} for n in range(6)],
        "p.jsonl": [{"problem": "What is 1 + 1?", "reference": "2", "program": "# Step 1: add\n1 + 1"}],
        "questions.jsonl": [{"id": "a", "task": "Math_CoT", "instruction": question, "response": "x"}],
    }
    for name, lines in files.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "svamp.json").write_text(json.dumps([{"Body": question, "Question": "When?"}]))
    _made_autoj(folder)
    (folder / "mine.yaml").write_text(
        f"name: mine\nvariables: {{out: runs}}\nstages:\n  sft: {{kind: train, objective: sft, model: {tiny_model}, "
        "rows: rows/sft.jsonl}\n  report: {kind: report, run: runs}\n"
    )
    asyncio.run(grow(world.problems(8), world.actors(), world.SETTINGS, folder / "forest", environment=world.JAIL))
    # As `preftree grow` leaves it: without this, its files' times would be what a stage is bound to.
    (folder / "forest/stage.json").write_text(json.dumps({"kind": "grow", "mark": "grown", "settings": {}}))
    asked = [(80, [*words(name, tiny_model), "--json"]) for name in COMMANDS]
    return folder, dict(zip(COMMANDS, together(asked, terminal=False, cwd=folder), strict=True))


def _made_autoj(folder):
    """One pair in Auto-J's published form, and rewards for it."""
    row = {"scenario": "math_reasoning", "prompt": "q", "response 1": "a", "response 2": "b", "label": 0}
    (folder / "data/autoj").mkdir()
    (folder / "data/autoj/testdata_pairwise.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "rewards.jsonl").write_text(json.dumps({"id": 0, "rewards": [1.0, 0.0]}) + "\n")


def words(name, model):
    return COMMANDS[name].replace("MODEL", str(model)).split()


@pytest.fixture(scope="module")
def terminal(place, tiny_model):
    """What each command shows on a terminal of each width."""
    names = [(width, name) for width in (60, 80, 120) for name in COMMANDS]
    shown = together([(width, words(name, tiny_model)) for width, name in names], terminal=True, cwd=place[0])
    return dict(zip(names, shown, strict=True))


@pytest.fixture(scope="module")
def piped(place, tiny_model):
    asked = [(80, words(name, tiny_model)) for name in COMMANDS]
    return dict(zip(COMMANDS, together(asked, terminal=False, cwd=place[0]), strict=True))


# ---------------------------------------------------------------- on a terminal


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_longer_than_the_terminal(terminal, width, name):
    text = plain(terminal[width, name])
    assert text.strip()
    # A single word (a path) that is longer stays whole, to be copied.
    assert [line for line in text.splitlines() if cell_len(line.rstrip()) > width and " " in line.strip()] == []
    assert "…" not in text


def numbers(text):
    return sorted(re.findall(r"\d[\d,.]*", text))


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["stats", "score", "compare", "plan", "evaluate", "list", "settings"])
def test_no_figure_is_cut_or_broken(terminal, piped, width, name):
    """The same figures, whole, as into a pipe."""
    assert set(numbers(piped[name])) <= set(numbers(plain(terminal[width, name])))


def test_no_color_and_dumb_terminals(place, terminal, tiny_model):
    asked = [(80, words("stats", tiny_model))]
    with_colour = "\x1b[" in terminal[80, "stats"]
    assert with_colour
    (shown,) = together(asked, terminal=True, cwd=place[0], env={"NO_COLOR": "1"})
    assert colours(shown) == []
    (shown,) = together(asked, terminal=True, cwd=place[0], env={"TERM": "dumb"})
    assert "\x1b" not in shown
    (shown,) = together(asked, terminal=False, cwd=place[0], env={"FORCE_COLOR": "1"})
    assert "\x1b[" in shown


# ---------------------------------------------------------------- into a pipe


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_lines(piped, name):
    text = piped[name]
    assert text.strip()
    assert "\x1b" not in text
    assert "\r" not in text
    assert not set("─━│┃╭╰┏└…") & set(text)


def test_lines_for_grep_and_awk(piped):
    """A row is a line, its values whole and set apart by tabs."""
    rows = [line.split("\t") for line in piped["stats"].splitlines()]
    (head,) = [row for row in rows if row[0] == "data set" and "pairs" in row]
    (row,) = [row for row in rows if row[0].startswith("sums (")]
    assert len(row) == len(head)
    assert row[head.index("prompts")] == "8"
    (setting,) = [line for line in piped["settings"].splitlines() if line.startswith("policy.max_turns\t")]
    assert setting.split("\t")[:3] == ["policy.max_turns", "integer", "5"]


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_one_document(place, name):
    assert json.loads(place[1][name], parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        pytest.param("export", "rows/stage.json", id="export"),
        pytest.param("import", "again/stage.json", id="import"),
        pytest.param("decontaminate", "clean/stage.json", id="decontaminate"),
        pytest.param("regrade", "regraded/stage.json", id="regrade"),
        pytest.param("evaluate", "done/evaluation/stage.json", id="evaluate"),
        pytest.param("train", "model/stage.json", id="train"),
    ],
)
def test_json_has_the_keys_of_the_files(place, name, file):
    assert json.loads(place[1][name]) == json.loads((place[0] / file).read_text())["report"]


def test_a_run_prints_each_stages_report(place):
    printed = json.loads(place[1]["run"])
    assert printed["sft"] == json.loads((place[0] / "runs/sft/stage.json").read_text())["report"]


def test_every_command_with_a_table_takes_json():
    import argparse

    from preftree.cli import parser

    (found,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    without = {name for name, command in found.choices.items() if "--json" not in command.format_help()}
    # A script, a schema, and a verdict a row: they are no tables, and the last two are JSON already.
    assert without == {"completion", "schema", "verify"}


def test_figures_that_are_none_are_null(capsys, monkeypatch):
    from preftree.cli.screen import emit

    emit({"a": float("nan"), "b": [float("inf"), 1.5], "c": "\ud800"})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": "\ud800"}


# ---------------------------------------------------------------- tables by themselves


def drawn(table, width, monkeypatch, capsys):
    from preftree.cli import screen

    monkeypatch.setattr(screen, "stdout", lambda: Console(force_terminal=True, width=width, color_system=None))
    screen.show(table)
    return capsys.readouterr().out.rstrip("\n").splitlines()


def wide(*rows):
    table = Table("name", title="Title")
    for name in ("first figure", "second", "third"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def test_a_table_that_fits_is_a_table(monkeypatch, capsys):
    shown = drawn(wide(("a", "12,345", "1.0", "2.0")), 60, monkeypatch, capsys)
    assert any("12,345" in line and "2.0" in line for line in shown)


@pytest.mark.parametrize("width", range(38, 60))
def test_no_word_is_broken_while_the_columns_fit(width, monkeypatch, capsys):
    row = ("a name of many words that may be folded", "12,345,678", "1.0", "2.0 [1.5, 2.5]")
    shown = drawn(wide(row), width, monkeypatch, capsys)
    assert max(map(cell_len, shown)) <= width
    assert {"12,345,678", "[1.5,", "folded", "words"} <= set(re.sub("[│┃]", " ", "\n".join(shown)).split())


def test_columns_that_do_not_fit_become_blocks(monkeypatch, capsys):
    shown = drawn(wide(("a", "12,345,678", "1.0", "2.0"), ("b", "9", "8", "7")), 20, monkeypatch, capsys)
    assert shown == [
        "Title", "a", "  first figure:", "    12,345,678", "  second: 1.0", "  third: 2.0",
        "b", "  first figure: 9", "  second: 8", "  third: 7",
    ]  # fmt: skip


def test_text_that_looks_like_markup_or_has_tabs_stays_one_cell(capsys):
    from rich.text import Text

    from preftree.cli.screen import show

    show(wide((Text("[bold]x[/bold]\n\ty"), "1", "2", "3")))
    assert "[bold]x[/bold] y\t1\t2\t3" in capsys.readouterr().out.splitlines()


# ---------------------------------------------------------------- progress

PROGRESS = """
import time
import preftree.progress as progress
progress._PLAIN_EVERY_S = 0.1
with progress.progress("growing the trees of a forest", 12, "trees") as bar:
    for _ in range(12):
        time.sleep(0.03)
        bar.advance(note="a note that says something about what is going on at the moment, at some length")
"""


def test_progress_into_a_pipe_is_plain_lines():
    done = subprocess.run([sys.executable, "-c", PROGRESS], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr
    first, *_, last = done.stderr.splitlines()
    assert re.fullmatch(r"growing the trees of a forest: \d/12 trees, [\d.]+ trees/s, \d+ s left \(.*\)", first)
    assert re.fullmatch(r"growing the trees of a forest: 12 trees in \d+ s", last)


def test_progress_on_a_dumb_terminal_is_plain_lines():
    shown, status = on_terminal([sys.executable, "-c", PROGRESS], env={"TERM": "dumb"})
    assert status == 0
    assert "\x1b" not in shown
    assert "12 trees in" in shown


@pytest.mark.parametrize("width", [60, 80])
def test_progress_on_a_terminal_is_one_bar_that_fits(width):
    shown, status = on_terminal([sys.executable, "-c", PROGRESS], env={"COLUMNS": str(width)})
    assert status == 0
    lines = [line for line in re.split(r"[\n\r]", plain(shown)) if line.strip()]
    assert max(map(cell_len, lines)) <= width
    assert "12/12" in lines[-2] or "12/12" in lines[-3]
    assert "trees/s" in shown


def test_results_go_to_stdout_and_progress_to_stderr(place, tiny_model, capfd, monkeypatch):
    monkeypatch.chdir(place[0])
    assert main([*words("regrade", tiny_model)[:2], "out=elsewhere", "--json"]) == 0
    shown = capfd.readouterr()
    assert json.loads(shown.out)
    assert "regrading" in shown.err
