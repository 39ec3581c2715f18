"""Nothing lost, nothing paid twice: growing that is killed at any instant, against an endpoint that counts."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import made_server
import pytest
import world

from preftree.actors.protocol import _seed
from preftree.export import export
from preftree.forest import Forest

PROMPT_USD, WRITTEN_USD = 1.0, 4.0


@contextmanager
def serving(log, *faults):
    """The address of a made server."""
    program = [sys.executable, made_server.__file__, str(log), *map(str, faults)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.communicate()


def rows_of(forest):
    """The canonical export."""
    out = forest.with_name(forest.name + "-rows")
    export(forest, out)
    return (out / "sft.jsonl").read_bytes(), (out / "pairs.jsonl").read_bytes()


class Journal:
    """What stands on disk: keys as the server sees them, and the account held against the answers."""

    def __init__(self, out):
        self.committed, self.intended = set(), set()
        if not (out / "forest.sqlite").is_file():
            return
        with Forest(out, readonly=True) as forest:
            rows = list(forest._reader.execute("SELECT actor, request, answer, attempts FROM calls"))
            self.account = forest.account()
        answers, attempts = [], 0
        for actor, request, answer, times in rows:
            request = json.loads(request)
            (sample,) = request["samples"]
            body = {"model": actor, "messages": request["messages"], "seed": _seed(request["seed"], sample)}
            key = made_server.key_of(body)
            self.intended.add(key)
            attempts += times
            if answer is not None:
                self.committed.add(key)
                answers += json.loads(answer)
        assert self.account.calls == len(self.committed)
        assert self.account.input_tokens == sum(answer["input_tokens"] for answer in answers)
        assert self.account.output_tokens == sum(answer["output_tokens"] for answer in answers)
        assert self.account.unanswered_calls == attempts - len(answers)
        tokens = sum(answer["input_tokens"] * PROMPT_USD + answer["output_tokens"] * WRITTEN_USD for answer in answers)
        assert self.account.price_usd == pytest.approx(tokens / 1e6, rel=1e-12)


def _kill_until_done(url, out, log, concurrency, draw, most):
    """Kill the run after a few calls, `most` times at most, and go on with it; the number of kills."""
    program = [sys.executable, world.__file__, url, str(out), str(concurrency)]
    kills = 0
    while True:
        before, seen = Journal(out), log.stat().st_size
        process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
        if kills < most:
            # A key and its line's end are 25 bytes.
            until = seen + 25 * draw.randrange(1, 3 + concurrency // 4)
            while process.poll() is None and log.stat().st_size < until:
                time.sleep(0.001)
            time.sleep(draw.uniform(0.0, 0.03))
            process.kill()  # SIGKILL; nothing if it has just ended by itself
        _, errors = process.communicate()
        asked = Counter(log.read_text()[seen:].split())
        after = Journal(out)
        assert set(asked) <= after.intended, "a call was sent before its intent was on disk"
        assert not before.committed & set(asked), "a committed call was asked again"
        assert before.committed <= after.committed, "a committed call was lost"
        in_flight = before.intended - before.committed
        assert set(asked) & before.intended <= in_flight
        assert max(asked.values(), default=1) == 1
        if process.returncode == 0:
            assert after.intended == after.committed
            paid = len(log.read_text().split())
            assert after.account.calls <= paid <= after.account.calls + after.account.unanswered_calls
            return kills
        assert process.returncode == -signal.SIGKILL, errors
        kills += 1


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The rows of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    with serving(folder / "log") as url:
        asyncio.run(world.grow_at([url], folder / "forest", 16))
    return rows_of(folder / "forest")


@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_killed_twice_it_ends_with_the_same_forest(tmp_path, undisturbed, concurrency):
    with serving(tmp_path / "log") as url:
        draw = random.Random(concurrency)
        assert _kill_until_done(url, tmp_path / "forest", tmp_path / "log", concurrency, draw, 2) == 2
    assert rows_of(tmp_path / "forest") == undisturbed


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_killed_at_many_points_it_ends_with_the_same_forest(tmp_path, undisturbed, concurrency):
    """Seventeen kills at each concurrency: 51 points."""
    kills, forests = 0, 0
    while kills < 17:
        out, log = tmp_path / f"forest-{forests}", tmp_path / f"log-{forests}"
        with serving(log) as url:
            kills += _kill_until_done(url, out, log, concurrency, random.Random(forests), 17 - kills)
        assert rows_of(out) == undisturbed
        forests += 1
