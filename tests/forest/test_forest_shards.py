"""Shards: one writer each, none that was told off; and a forest taken apart and put together again."""

import asyncio
import json
import os
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from preftree.errors import ForestError
from preftree.forest import (
    CallKey,
    Forest,
    merge,
    num_shards,
    retire,
    shard_directory,
    shard_of,
    split,
    take_over,
)
from preftree.forest import merge as merging
from preftree.records import Observation, Problem, Reference, Request, Sample, Tree, Verdict

PROBLEMS = [Problem(f"p{i}", "d", "Math_CoT", f"q{i}", (Reference("1"),)) for i in range(9)]
ORDER = [problem.id for problem in PROBLEMS]
HOMES = {problem.id: shard_of(problem, 4) for problem in PROBLEMS}


def tree_of(problem):
    return f"tree-{problem}"


async def _call(forest, key, text="x"):
    await forest.intend(key, "actor", Request(text="q"), "digest")
    await forest.commit_answer(key, [Sample(0, text, 3, 2)], 0.5)


def _fill(directory, problems, *, control="0"):
    with Forest(directory) as forest:

        async def fill():
            await forest.add_problems(problems)
            for problem in problems:
                await _call(forest, CallKey(tree_of(problem.id), 0, "actor", "sample", 0))
                await forest.intend(CallKey(tree_of(problem.id), 1, "actor", "sample", 0), "a", Request(text="q"), "d")
                await forest.add_tree(Tree(tree_of(problem.id), problem, (), ()), ORDER.index(problem.id))
            await _call(forest, CallKey("control", 0, "actor", "same", 0), control)
            await forest.add_observation("shared", Observation("ok"))
            await forest.add_verdict("shared", Verdict("correct"))

        asyncio.run(fill())


def _dump(directory):
    """Every row of every table but the settings and times."""
    with closing(sqlite3.connect(directory / "forest.sqlite")) as connection:
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}")) for name in names if name != "meta"}


def test_a_forest_taken_apart_and_put_together_is_the_same(tmp_path):
    _fill(tmp_path, PROBLEMS)
    before = _dump(tmp_path)
    split(tmp_path, 4, HOMES, tree_of)
    with Forest(take_over(shard_directory(tmp_path, HOMES["p0"]))) as forest:
        assert {problem.id for problem in forest.problems()} == {p for p in ORDER if HOMES[p] == HOMES["p0"]}
    merge(tmp_path, ORDER)
    assert _dump(tmp_path) == before
    merge(tmp_path, ORDER)
    assert _dump(tmp_path) == before
    retire(tmp_path)
    assert num_shards(tmp_path) is None
    with Forest(tmp_path) as forest:
        assert [tree.problem.id for tree in forest.trees()] == ORDER
        assert (forest.account().calls, forest.account().unanswered_calls) == (10, 9)


def test_shards_that_asked_the_same_control_are_all_counted(tmp_path):
    split(tmp_path, 4, HOMES, tree_of)
    for shard in range(4):
        _fill(take_over(shard_directory(tmp_path, shard)), [p for p in PROBLEMS if HOMES[p.id] == shard])
    merge(tmp_path, ORDER)
    with Forest(tmp_path) as forest:
        assert forest.account().calls == len(PROBLEMS) + 4
        assert forest.account().price_usd == 0.5 * (len(PROBLEMS) + 4)


@pytest.mark.parametrize("copied", [0, 1, 7, 20])
def test_a_merge_that_is_killed_is_run_again(tmp_path, copied):
    _fill(tmp_path, PROBLEMS)
    before = _dump(tmp_path)
    split(tmp_path, 4, HOMES, tree_of)
    child = os.fork()
    if not child:
        left = iter(range(copied))
        copy = merging.__globals__["_copy"]
        merging.__globals__["_copy"] = lambda *a, **k: copy(*a, **k) if next(left, None) is not None else os._exit(9)
        merge(tmp_path, ORDER)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert _dump(tmp_path) == before, "the old forest stands until the new one is whole"
    merge(tmp_path, ORDER)
    assert _dump(tmp_path) == before


def test_a_forest_that_is_being_read_is_not_replaced(tmp_path):
    _fill(tmp_path, PROBLEMS)
    split(tmp_path, 4, HOMES, tree_of)
    with Forest(tmp_path, readonly=True) as reader:
        assert len(reader.finished()) == 9
        with pytest.raises(ForestError, match="is being read"):
            merge(tmp_path, ORDER)
    merge(tmp_path, ORDER)


def test_a_call_of_a_strange_tree_is_refused(tmp_path):
    with Forest(tmp_path) as forest:
        asyncio.run(_call(forest, CallKey("strange", 0, "actor", "sample", 0)))
    with pytest.raises(ForestError, match="strange, which is none of its problems'"):
        split(tmp_path, 2, {}, tree_of)
    assert num_shards(tmp_path) is None


def test_a_shard_of_a_dead_writer_goes_on_in_a_copy(tmp_path):
    split(tmp_path, 1, {}, tree_of)
    shard = shard_directory(tmp_path, 0)
    first = take_over(shard)
    child = os.fork()
    if not child:
        forest = Forest(first)
        asyncio.run(_call(forest, CallKey("t", 0, "actor", "sample", 0)))
        os._exit(0)  # as if killed: nothing is closed
    os.waitpid(child, 0)
    second = take_over(shard)
    assert (first.name, second.name) == ("0001", "0002")
    assert not first.exists()
    with Forest(second) as forest:
        assert forest.answer(CallKey("t", 0, "actor", "sample", 0), "digest") is not None
    assert take_over(shard) == second, "closed as it should be: nothing to copy"


def test_a_living_writer_is_told_off_before_the_next_begins(tmp_path):
    """As where a machine was only cut off: whatever it still has in hand, it commits nothing that counts."""
    split(tmp_path, 1, {}, tree_of)
    shard = shard_directory(tmp_path, 0)
    old = Forest(take_over(shard))
    asyncio.run(_call(old, CallKey("t", 0, "actor", "sample", 0)))
    with pytest.raises(ForestError, match="another process is writing here"):
        take_over(shard, patience_s=0.2)
    with pytest.raises(ForestError, match="another process has taken over"):
        asyncio.run(_call(old, CallKey("t", 1, "actor", "sample", 0)))
    found = []
    taking = threading.Thread(target=lambda: found.append(take_over(shard)))
    taking.start()
    time.sleep(0.2)
    assert not found
    old.close()
    taking.join()
    with Forest(found[0]) as forest:
        assert forest.account().calls == 1


def test_a_writer_whose_lock_was_lost_writes_beside_the_run(tmp_path):
    """A file server has freed the lock of a machine that it took for dead."""
    split(tmp_path, 1, {}, tree_of)
    shard = shard_directory(tmp_path, 0)
    old = Forest(take_over(shard))
    asyncio.run(_call(old, CallKey("t", 0, "actor", "sample", 0)))
    old._ownership.release()
    with Forest(take_over(shard)) as new:
        assert new.account().calls == 1
        with pytest.raises(ForestError, match="another process has taken over"):
            asyncio.run(_call(old, CallKey("t", 1, "actor", "sample", 0)))
        asyncio.run(_call(new, CallKey("t", 1, "actor", "sample", 0)))
        assert new.account().calls == 2
    old.close()


def test_shards_that_were_half_made_are_made_again(tmp_path):
    partial = tmp_path / "shards.partial" / "000"
    partial.mkdir(parents=True)
    (partial / "current").write_text("9999")
    split(tmp_path, 2, {}, tree_of)
    assert num_shards(tmp_path) == json.loads((tmp_path / "shards" / "layout.json").read_text())["shards"] == 2
    assert take_over(shard_directory(tmp_path, 0)).name == "0001"


def test_forms_of_one_problem_share_a_shard():
    forms = [Problem(f"p{i}", "d", "Math_CoT", "q", (Reference("1"),), group="g") for i in range(5)]
    assert len({shard_of(form, 16) for form in forms}) == 1
    assert len({shard_of(problem, 4) for problem in PROBLEMS}) > 1
