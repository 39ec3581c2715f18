"""decontaminate, stats, regrade and grow --plan, through the command line's own door."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "grow"))
import world

from preftree.cli import main
from preftree.forest import Forest
from preftree.grow import grow


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    out = tmp_path_factory.mktemp("after") / "forest"
    asyncio.run(grow(world.problems(8), world.actors(), world.SETTINGS, out, environment=world.JAIL))
    return out


def read(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_rows_are_cleaned_with_all_forms_of_a_problem(tmp_path, capsys):
    question = "A train leaves the station at noon and travels sixty miles an hour"
    tool = "Tool available:\n[1] Python interpreter\n"
    rows = [
        {"id": "a", "task": "Math_CoT", "instruction": question, "response": "x"},
        {"id": "b", "task": "Coding", "instruction": tool + question, "response": "y"},
        {"id": "c", "task": "Math_CoT", "instruction": "Another", "response": "z"},
        {"id": "d", "response": "no question"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "svamp.json").write_text(json.dumps([{"Body": question, "Question": "When?"}]))
    words = ["decontaminate", tmp_path / "rows.jsonl", f"tests={tmp_path / 'svamp.json'}", "--json"]
    assert main([str(word) for word in words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["removed"], report["removed_with_their_problem"], report["kept"]) == (4, 2, 1, 1)
    out = tmp_path / "rows-clean"
    assert read(out / "rows/rows.jsonl") == [rows[2]]
    first, second = read(out / "removed.jsonl")
    assert first["overlaps"][0]["place"] == "svamp.json row 1"
    assert (second["id"], second["same_problem_as"]) == ("b", {"file": "rows.jsonl", "row": 1})
    assert read(out / "set_aside.jsonl")[0]["row"] == 4


def test_a_forest_is_cleaned_into_a_copy(tmp_path, forest, capsys):
    texts = [problem.instruction for problem in world.problems(8)][:2]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    assert main(["decontaminate", str(forest), f"tests={tmp_path / 't.jsonl'}", f"out={tmp_path / 'clean'}"]) == 0
    assert "2 removed" in capsys.readouterr().out
    with Forest(tmp_path / "clean", readonly=True) as clean, Forest(forest, readonly=True) as whole:
        assert {tree.problem.id for tree in clean.trees()} == {f"sum-{i}" for i in range(2, 8)}
        assert len(clean.problems()) == 6
        assert clean.account() == whole.account()
    assert [row["problem"] for row in read(tmp_path / "clean/removed.jsonl")] == ["sum-0", "sum-1"]


def test_stats_agree_with_the_run(forest, tmp_path, capsys):
    with Forest(forest, readonly=True) as opened:
        from preftree.grow.run import summarise

        report = summarise(opened, 0)
    assert main(["stats", str(forest), "--json", "--problems", str(tmp_path / "p.jsonl")]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["trees"] == report.trees
    assert sum(row["pairs"] for row in stats["table7"]) == report.pairs
    assert sum(row["correct_answers"] for row in stats["table1"]) == report.correct
    assert stats["pairs_by_actors"] == report.pairs_by_actors
    assert stats["account"]["calls"] == report.account.calls
    assert {row["stage"]: row["turns"] for row in stats["stages"] if row["turns"]} == {
        stage: turns for stage, turns in report.stages.items() if stage != "none"
    }
    assert len(read(tmp_path / "p.jsonl")) == 8
    assert main(["stats", str(forest)]) == 0
    assert "Table 7" in capsys.readouterr().out


def test_a_plan_asks_nothing(tmp_path, capsys):
    (tmp_path / "p.jsonl").write_text('{"problem": "What is 1 + 1?", "reference": "2"}\n' * 1)
    words = [f"problems={tmp_path / 'p.jsonl'}", "ladder=[a]", "plan.pass_rate=[0.5, 0.5]"]
    actor = "actors.a={kind: endpoint, model: m, base_url: 'http://127.0.0.1:1/v1', output_usd: 2}"
    assert main(["grow", *words, actor, "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["total"]["calls"]["low"] >= 1
    assert main(["grow", *words, actor, "--plan"]) == 0
    assert "from priors" in capsys.readouterr().out
    assert main(["grow", *words, "plan.pass_rate=[0.9, 0.1]", actor, "--plan"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["decontaminate", "nowhere.jsonl", "tests=t.jsonl"], "nowhere.jsonl", id="no-rows"),
        pytest.param(["decontaminate", "x.jsonl"], "tests: expected a path", id="no-tests"),
        pytest.param(["stats", "nowhere"], "no forest here", id="no-forest"),
        pytest.param(["stats", "nowhere", "tokens=3"], 'unknown setting "tokens"', id="unknown-setting"),
        pytest.param(["regrade", "nowhere"], "out=DIRECTORY is missing", id="no-out"),
        pytest.param(["regrade", "nowhere", "out=o", "verifier=guess"], 'verifier "guess" is unknown', id="verifier"),
    ],
)
def test_wrong_words_are_one_sentence(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.jsonl").write_text('{"question": "q"}\n')
    (tmp_path / "x.jsonl").write_text('{"question": "q"}\n')
    assert main(words) == 2
    assert said in capsys.readouterr().err
