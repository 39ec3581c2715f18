"""Rows of a tree in UltraInteract's columns, and back through the trainer's own reader."""

import asyncio
import json
from pathlib import Path

import pytest

from preftree.errors import InputError
from preftree.export import ExportSettings, export, pair_rows, sft_rows
from preftree.forest import Forest
from preftree.records import Action, Message, Observation, Problem, Reference, Tree, Turn, Verdict


def _action(text, *, correct, status="ok", actor="a"):
    verdict = Verdict("correct" if correct else "wrong")
    return Action(text, actor, "sample", 0, observation=Observation(status, cpu_s=0.1), verdict=verdict)


PROBLEM = Problem("p", "GSM8K", "Math_PoT", "q", (Reference("1"),))
TREE = Tree(
    "t",
    PROBLEM,
    (Message("user", "the question"),),
    (
        Turn(
            0,
            correct=(_action("right 1", correct=True),),
            incorrect=(_action("wrong 1", correct=False), _action("wrong 2", correct=False, actor="b")),
            expanded=1,
            reply="Out: 0\nYour answer is wrong.",
        ),
        Turn(
            1,
            correct=(_action("right 2", correct=True), _action("right 3", correct=True)),
            incorrect=(_action("1 +", correct=False, status="syntax"),),
        ),
    ),
)


def test_pairs():
    rows = list(pair_rows(TREE))
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("right 1", "wrong 1"), ("right 1", "wrong 2")]
    assert [list(row) for row in rows] == [
        ["id", "parent_id", "task", "dataset", "trajectory", "chosen", "rejected"]
    ] * 2
    assert rows[0]["id"] == f"{rows[0]['parent_id']}_2_0"
    assert rows[0]["trajectory"] == [{"from": "user", "value": "the question"}]


@pytest.mark.parametrize(
    ("keep", "instruction"),
    [
        pytest.param(False, "the question", id="dropped"),
        pytest.param(True, "the question\nwrong 2\nOut: 0\nYour answer is wrong.", id="kept"),
    ],
)
def test_sft_rows(keep, instruction):
    rows = list(sft_rows(TREE, keep_history=keep))
    assert [row["response"] for row in rows] == ["right 1", "right 2", "right 3"]
    assert rows[1]["instruction"] == instruction
    assert rows[1]["id"].endswith("_2_1")


def _forest(path, *trees):
    async def write():
        with Forest(path) as forest:
            for seq, tree in enumerate(trees):
                await forest.add_tree(tree, seq)

    asyncio.run(write())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_files_are_read_by_the_trainer(tmp_path, form):
    from preftree.train.rows import read_rows

    _forest(tmp_path / "forest", TREE)
    report = export(tmp_path / "forest", tmp_path / "rows", ExportSettings(format=form))
    assert (report.num_sft, report.num_pairs, report.pairs_with_different_actors) == (3, 2, 1)
    pairs = read_rows(report.pairs, paired=True)
    assert len(pairs.rows) == 2


def test_times_leave_no_trace(tmp_path):
    _forest(tmp_path / "forest", TREE)
    report = export(tmp_path / "forest", tmp_path / "rows")
    text = "".join(Path(path).read_text() for path in (report.sft, report.pairs))
    assert "cpu_s" not in text
    assert len([json.loads(line) for line in text.splitlines()]) == 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"format": "csv"}, 'format "csv" is unknown', id="format"),
        pytest.param({"history": "some"}, 'history "some" is unknown', id="history"),
        pytest.param({"responses": "other"}, 'responses "other" is unknown', id="responses"),
        pytest.param({"held_out": 1.0}, "held_out: expected 0 to 1", id="held-out"),
        pytest.param({}, "no finished tree", id="empty"),
    ],
)
def test_wrong_settings(tmp_path, settings, said):
    _forest(tmp_path / "forest")
    with pytest.raises(InputError, match=said):
        export(tmp_path / "forest", tmp_path / "rows", ExportSettings(**settings))
