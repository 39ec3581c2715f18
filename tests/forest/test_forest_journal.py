"""The forest keeps what was committed, refuses what does not fit, and survives a kill."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.errors import ForestError, InputError
from preftree.forest import CallKey, Forest
from preftree.records import Message, Problem, Reference, Request, Sample, Tree, Turn

REQUEST = Request(messages=(Message("user", "q"),), samples=(0, 1))
KEY = CallKey("tree", 0, "actor", "sample", 0)
SAMPLES = (Sample(0, "a", 10, 2), Sample(1, "b", 10, 3, cached_tokens=4))


def _problem(name, text="q"):
    return Problem(name, "d", "Math_PoT", text, (Reference("1"),))


def test_an_answer_is_there_after_reopening(tmp_path):
    async def write():
        with Forest(tmp_path) as forest:
            assert forest.answer(KEY, "d1") is None
            await forest.intend(KEY, "m", REQUEST, "d1")
            await forest.commit_answer(KEY, SAMPLES, 0.5)

    asyncio.run(write())
    with Forest(tmp_path, readonly=True) as forest:
        assert forest.answer(KEY, "d1") == SAMPLES
        account = forest.account()
        assert (account.calls, account.samples, account.input_tokens) == (1, 2, 20)
        assert (account.cached_tokens, account.output_tokens, account.price_usd) == (4, 5, 0.5)
        assert forest.account("someone else").calls == 0


def test_an_intent_without_answer_is_possible_spend(tmp_path):
    async def write():
        with Forest(tmp_path) as forest:
            await forest.intend(KEY, "m", REQUEST, "d1")
            assert forest.answer(KEY, "d1") is None
            assert forest.account().unanswered_calls == 1

    asyncio.run(write())


def test_a_key_with_another_request_is_refused(tmp_path):
    async def write():
        with Forest(tmp_path) as forest:
            await forest.intend(KEY, "m", REQUEST, "d1")
            with pytest.raises(ForestError, match="another prompt, model or setting"):
                forest.answer(KEY, "d2")

    asyncio.run(write())


def test_a_changed_problem_is_refused(tmp_path):
    async def write():
        with Forest(tmp_path) as forest:
            await forest.add_problems([_problem("a"), _problem("b")])
            await forest.add_problems([_problem("b"), _problem("c")])
            assert [problem.id for problem in forest.problems()] == ["a", "b", "c"]
            with pytest.raises(ForestError, match="problem a stands here with another text"):
                await forest.add_problems([_problem("a", "changed")])

    asyncio.run(write())


def test_one_writer_at_a_time(tmp_path):
    with Forest(tmp_path), pytest.raises(ForestError, match="another process is writing"):
        Forest(tmp_path)
    with Forest(tmp_path):
        pass


def test_no_forest_here(tmp_path):
    with pytest.raises(InputError, match="no forest here"):
        Forest(tmp_path, readonly=True)


def test_reading_only(tmp_path):
    with Forest(tmp_path):
        pass

    async def write():
        with Forest(tmp_path, readonly=True) as forest:
            await forest.add_problems([_problem("a")])

    with pytest.raises(ForestError, match="for reading only"):
        asyncio.run(write())


def test_a_forest_of_another_version_is_refused(tmp_path):
    with Forest(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "forest.sqlite") as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE name = 'version'")
    connection.close()
    with pytest.raises(ForestError, match="another version"):
        Forest(tmp_path)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)))
def test_trees_come_in_their_order_whatever_finished_first(tmp_path_factory, order):
    async def write():
        with Forest(tmp_path_factory.mktemp("forest")) as forest:
            for seq in order:
                await forest.add_tree(Tree(f"t{seq}", _problem(str(seq)), (), (Turn(0),)), seq)
            assert [tree.id for tree in forest.trees()] == [f"t{i}" for i in range(6)]
            return forest.fingerprint()

    assert asyncio.run(write()) == asyncio.run(write())


def test_many_writers_share_commits(tmp_path):
    """A thousand concurrent calls are all there, each committed before its caller goes on."""

    async def one(forest, i):
        key = CallKey("tree", 0, "actor", "sample", i)
        await forest.intend(key, "m", REQUEST, f"d{i}")
        await forest.commit_answer(key, SAMPLES, 0.0)
        assert forest.answer(key, f"d{i}") == SAMPLES

    async def write():
        with Forest(tmp_path) as forest:
            await asyncio.gather(*(one(forest, i) for i in range(1000)))
            assert forest.account().calls == 1000

    asyncio.run(write())


WRITER = """
import asyncio, sys
from preftree.forest import CallKey, Forest
from preftree.records import Message, Request, Sample

async def main():
    with Forest(sys.argv[1]) as forest:
        for i in range(100_000):
            key = CallKey("tree", 0, "actor", "sample", i)
            await forest.intend(key, "m", Request(messages=(Message("user", "q"),)), "d")
            await forest.commit_answer(key, (Sample(0, str(i), 1, 1),), 0.0)
            print(i, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_writing(tmp_path, seed):
    """After SIGKILL at any instant, every answer that was reported stands in the forest."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.05, 0.4))
    os.kill(process.pid, signal.SIGKILL)
    reported = [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    process.stdout.close()
    with Forest(tmp_path) as forest:
        for i in [0, *reported]:
            assert forest.answer(CallKey("tree", 0, "actor", "sample", i), "d") == (Sample(0, str(i), 1, 1),)
        assert forest.account().unanswered_calls <= 1


FILLER = """
import asyncio, resource, signal, sys
from preftree.errors import ForestError
from preftree.forest import Forest

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

async def main():
    with Forest(sys.argv[1]) as forest:
        for i in range(100):
            await forest.set_meta(str(i), "x" * 10_000)
            print(i, flush=True)

try:
    asyncio.run(main())
except ForestError as fault:
    print(fault, file=sys.stderr)
    sys.exit(fault.exit_status)
"""


def test_no_more_room_is_one_sentence_and_loses_nothing(tmp_path):
    """A file may not grow any more, as on a full disk: status 1, one sentence, all that was committed is there."""
    done = subprocess.run([sys.executable, "-c", FILLER, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "can't be written" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    reported = done.stdout.split()
    assert 5 < len(reported) < 100
    with Forest(tmp_path) as forest:
        assert all(forest.meta(name) == "x" * 10_000 for name in reported)
