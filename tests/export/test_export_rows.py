"""Rows of a tree in UltraInteract's columns, and back through the trainer's own reader."""

import asyncio
import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from preftree.errors import InputError
from preftree.export import ExportSettings, export, pair_rows, sft_rows
from preftree.export.files import row_writer
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
    assert rows[0]["id"] == f"{rows[0]['parent_id']}_2_1"  # turns from 1, as the published example has them
    assert rows[0]["trajectory"] == [{"from": "user", "value": "the question"}]


@pytest.mark.parametrize(
    ("history", "instruction"),
    [
        pytest.param("drop", "the question", id="dropped"),
        pytest.param("keep", "the question\nwrong 2\nOut: 0\nYour answer is wrong.", id="kept"),
    ],
)
def test_sft_rows(history, instruction):
    rows = list(sft_rows(TREE, history=history))
    assert [row["response"] for row in rows] == ["right 1", "right 2", "right 3"]
    assert rows[1]["instruction"] == instruction
    assert rows[1]["id"].endswith("_2_2")
    assert len({row["id"] for row in rows}) == 3
    assert {row["parent_id"] for row in rows} == {row["parent_id"] for row in pair_rows(TREE)}


def _forest(path, *trees):
    async def write():
        with Forest(path) as forest:
            for seq, tree in enumerate(trees):
                await forest.add_tree(tree, seq)

    asyncio.run(write())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_files_are_read_by_the_trainer(tmp_path, form):
    from preftree.problems.places import Place
    from preftree.train.rows import Row, iter_rows

    _forest(tmp_path / "forest", TREE)
    report = export(tmp_path / "forest", tmp_path / "rows", ExportSettings(format=form))
    assert (report.num_sft, report.num_pairs, report.pairs_with_different_actors) == (3, 2, 1)
    pairs = list(iter_rows(Place(report.pairs), "pair"))
    assert [isinstance(row, Row) for row in pairs] == [True, True]


def test_times_leave_no_trace(tmp_path):
    _forest(tmp_path / "forest", TREE)
    report = export(tmp_path / "forest", tmp_path / "rows")
    text = "".join(Path(path).read_text() for path in (report.sft, report.pairs))
    assert "cpu_s" not in Path(report.card).read_text()
    assert "cpu_s" not in text
    assert len([json.loads(line) for line in text.splitlines()]) == 5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"format": "csv"}, 'format "csv" is unknown', id="format"),
        pytest.param({"history": "some"}, 'history "some" is unknown', id="history"),
        pytest.param({"response": "other"}, 'response "other" is unknown', id="response"),
        pytest.param({"columns": "other"}, 'columns "other" is unknown', id="columns"),
        pytest.param({"held_out": 1.0}, "held_out: expected at least 0 and less than 1", id="held-out"),
        pytest.param({}, "no finished tree", id="empty"),
    ],
)
def test_wrong_settings(tmp_path, settings, said):
    _forest(tmp_path / "forest")
    with pytest.raises(InputError, match=said):
        export(tmp_path / "forest", tmp_path / "rows", ExportSettings(**settings))


# ---------------------------------------------------------------- held out, streams, whole or absent


def _problem_with_and_without_tool(number):
    for task in ("Math_PoT", "Math_CoT"):
        problem = replace(PROBLEM, id=f"{number}-{task}", task=task, group=f"group {number}")
        yield replace(TREE, id=problem.id, problem=problem, prompt=(Message("user", f"{task} {number}"),))


def _rows(folder, name):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def test_a_problem_is_on_one_side(tmp_path):
    """Whatever the kind of row and with or without a tool; the columns stay the published ones."""
    _forest(tmp_path / "forest", *(tree for number in range(40) for tree in _problem_with_and_without_tool(number)))
    sides = {}
    for seed in (0, 1):
        out = tmp_path / f"rows-{seed}"
        report = export(tmp_path / "forest", out, ExportSettings(held_out=0.25, seed=seed))
        kept, held = _rows(out, "sft.jsonl"), _rows(out, "sft.held_out.jsonl")
        for kind in ("pairs", "action_pairs"):
            for suffix, sft in (("", kept), (".held_out", held)):
                found = _rows(out, f"{kind}{suffix}.jsonl")
                assert {row["parent_id"] for row in found} == {row["parent_id"] for row in sft}
        numbers = [{row["instruction"].split()[1] for row in side} for side in (kept, held)]
        assert numbers[0].isdisjoint(numbers[1])
        assert len(numbers[0]) + len(numbers[1]) == 40
        assert 2 <= len(numbers[1]) <= 20
        assert all(list(row) == ["id", "parent_id", "task", "dataset", "instruction", "response"] for row in held)
        assert (report.num_sft, report.num_trees) == (len(kept), 2 * len(numbers[0]))
        assert report.held_out["sft"] == len(held)
        assert report.held_out["trees"] == 2 * len(numbers[1])
        sides[seed] = numbers[1]
    assert sides[0] != sides[1]


def test_nothing_is_held_out_unless_asked(tmp_path):
    _forest(tmp_path / "forest", TREE)
    report = export(tmp_path / "forest", tmp_path / "rows")
    assert sorted(path.name for path in (tmp_path / "rows").iterdir()) == [
        "README.md", "action_pairs.jsonl", "pairs.jsonl", "sft.jsonl",
    ]  # fmt: skip
    assert report.held_out == {}


def test_rows_are_written_as_trees_are_read(tmp_path, monkeypatch):
    """No tree is asked for before the rows of the one before it have been handed to the files."""
    events = []

    class Writer:
        def __init__(self, path):
            self.write = lambda row: events.append(path.stem)
            self.finish = lambda: events.append("finish")

    def trees(forest):
        for _ in range(2):
            events.append("tree")
            yield TREE

    _forest(tmp_path / "forest", TREE)
    monkeypatch.setattr(Forest, "trees", trees)
    monkeypatch.setattr("preftree.export.run.row_writer", lambda path: nullcontext(Writer(path)))
    export(tmp_path / "forest", tmp_path / "rows")
    once = [
        "tree",
        "sft",
        "sft",
        "sft",
        "pairs",
        "pairs",
        "action_pairs",
        "action_pairs",
        "action_pairs",
        "action_pairs",
    ]
    assert events == once * 2 + ["finish"] * 3


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_fault_leaves_no_file(tmp_path, monkeypatch, form):
    def trees(forest):
        yield TREE
        raise OSError("the disk is gone")

    _forest(tmp_path / "forest", TREE)
    monkeypatch.setattr(Forest, "trees", trees)
    monkeypatch.setattr("preftree.export.files._GROUP", 2)
    with pytest.raises(OSError, match="the disk is gone"):
        export(tmp_path / "forest", tmp_path / "rows", ExportSettings(format=form))
    assert list((tmp_path / "rows").iterdir()) == []


@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_parquet_in_row_groups(tmp_path, monkeypatch, count):
    monkeypatch.setattr("preftree.export.files._GROUP", 2)
    rows = [{"id": str(number), "trajectory": [{"from": "user", "value": "q"}]} for number in range(count)]
    with row_writer(tmp_path / "rows.parquet") as writer:
        for row in rows:
            writer.write(row)
        writer.finish()
    file = pyarrow.parquet.ParquetFile(tmp_path / "rows.parquet")
    assert file.num_row_groups == (count + 1) // 2
    assert file.read().to_pylist() == rows
