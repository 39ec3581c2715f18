"""Regrading: the same rules give the same forest; other references move verdicts, choices and the ends of trees."""

import asyncio
import json
from dataclasses import replace

import pytest
import world

from preftree.forest import Forest
from preftree.grow import grow
from preftree.grow.regrade import regrade
from preftree.recipe import run_single
from preftree.records import to_json


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    out = tmp_path_factory.mktemp("regrade") / "forest"
    asyncio.run(grow(world.problems(8), world.actors(), world.SETTINGS, out, environment=world.JAIL))
    return out


def again(forest, out, change=lambda problem: problem, **more):
    return asyncio.run(regrade(forest, out, change, world.SETTINGS, pool=("bare",), **more))


def whole(directory):
    with Forest(directory, readonly=True) as opened:
        return opened.fingerprint(), list(opened.trees()), opened.account()


@pytest.mark.parametrize("environment", [None, world.JAIL], ids=["replayed", "run-again"])
def test_the_same_rules_give_the_same_forest(forest, tmp_path, environment):
    report = again(forest, tmp_path / "out", environment=environment)
    before, after = whole(forest), whole(tmp_path / "out")
    assert (report.changes, report.cut_trees, report.not_judged) == ({}, 0, 0)
    if environment is None:
        assert before[0] == after[0]
    assert [[t.expanded for t in tree.turns] for tree in before[1]] == [
        [t.expanded for t in tree.turns] for tree in after[1]
    ]
    assert before[2] == after[2]


def test_an_expanded_action_that_turns_out_right_ends_its_tree(forest, tmp_path):
    """The differences become the reference: what subtracted is right now, what added is wrong."""

    def change(problem):
        a, b = (int(word.rstrip("?")) for word in (problem.instruction.split()[-3], problem.instruction.split()[-1]))
        return replace(problem, references=(replace(problem.references[0], answer=str(a - b)),))

    report = again(forest, tmp_path / "out", change)
    kinds = {kind for changes in report.changes.values() for kind in changes}
    assert kinds == {"wrong to correct", "correct to wrong"}
    old = {tree.id: tree for tree in whole(forest)[1]}
    cut = 0
    for tree in whole(tmp_path / "out")[1]:
        before = old[tree.id]
        assert tree.problem.references[0].answer == change(before.problem).references[0].answer
        for turn, earlier in zip(tree.turns, before.turns, strict=False):
            assert all(action.verdict.correct for action in turn.correct)
            assert all(action.verdict.outcome == "wrong" for action in turn.incorrect)
            if turn.expanded is not None:
                assert turn.incorrect[turn.expanded].text == earlier.incorrect[earlier.expanded].text
                assert turn.reply == earlier.reply
        assert tree.turns[-1].expanded is None
        tree.history(len(tree.turns) - 1)
        cut += len(tree.turns) < len(before.turns)
    assert cut == report.cut_trees > 0
    with Forest(forest, readonly=True) as source, Forest(tmp_path / "out", readonly=True) as out:
        for tree in source.trees():
            for turn in tree.turns:
                texts = [action.text for action in source.actions(tree.id, turn.index)]
                assert [action.text for action in out.actions(tree.id, turn.index)] == texts


def test_the_stage_reads_changed_problems(forest, tmp_path):
    problems = [replace(world.problems(8)[0], references=(replace(world.problems(8)[0].references[0], answer="77"),))]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(to_json(problem)) + "\n" for problem in problems))
    section = {"forest": str(forest), "problems": str(tmp_path / "p.jsonl"), "out": str(tmp_path / "out")}
    report = run_single("regrade", section)["report"]
    assert set(report["changes"]["sums"]) == {"correct to wrong"}
    assert {example["problem"] for example in report["examples"]} == {"sum-0"}
    assert not (tmp_path / "out/partial").exists()
