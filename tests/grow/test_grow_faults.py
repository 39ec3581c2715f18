"""Faults of all kinds, and servers that die and come back: the same forest, and a log in counts."""

import asyncio
import re
from contextlib import ExitStack

import pytest
import world
from test_grow_kills import rows_of, serving

from preftree.actors.scripted import ScriptedActor
from preftree.errors import ActorError
from preftree.forest import Forest
from preftree.grow import Actors, GrowSettings, grow

# The faults of each server, and after how many requests it is gone for half a second (0: never).
SERVERS = ((0.2, 0), (0.2, 14), (0.2, 28))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with serving(folder / "log") as url:
        asyncio.run(world.grow_at([url], folder / "forest", 16))
    return rows_of(folder / "forest")


def test_a_fifth_of_faults_and_servers_that_die_change_nothing(tmp_path, undisturbed, capsys):
    with ExitStack() as servers:
        urls = [
            servers.enter_context(serving(tmp_path / f"log-{place}", *faults)) for place, faults in enumerate(SERVERS)
        ]
        report = asyncio.run(world.grow_at(urls, tmp_path / "forest", 64, timeout_s=0.5, attempts=12))
    assert report.refused == ()
    assert rows_of(tmp_path / "forest") == undisturbed
    lines = (tmp_path / "forest" / "grow.log").read_text().splitlines()
    assert len(lines) < 50
    said = f"in all: {report.account.calls:,} calls, "
    assert any(said in line for line in lines)
    assert said in capsys.readouterr().err
    # What happened, by server and name, in counts.
    for url in urls:
        assert any(re.search(rf"{re.escape(url)}: answered, \d+ times", line) for line in lines)
    for name in ("429", "500", "reset", "half answer", "garbage", "time-out", "filtered"):
        assert any(re.search(rf": {name}, \d+ times", line) for line in lines), name


def _harmless(messages):
    return "Say yes." in messages[-1].content


def _grow(out, fault):
    def script(messages, index):
        return "Yes." if _harmless(messages) else world.answer(0.4)(messages, index)

    actor = ScriptedActor(script, name="a", fault=fault)
    settings = GrowSettings(batches=(1,), max_turns=1, concurrency=4)
    return asyncio.run(grow(world.problems(), Actors((actor,)), settings, out, environment=world.JAIL))


def test_a_problem_at_which_the_actor_fails_is_set_aside_and_others_go_on(tmp_path):
    def fault(request, index):
        return ActorError("out of time") if "What is 15 " in request.messages[-1].content else None

    report = _grow(tmp_path, fault)
    assert report.trees == len(world.problems()) - 1
    assert report.refused == ("sum-5: out of time, for the second time; others are answered",)
    assert "problem sum-5 has no tree: out of time" in (tmp_path / "grow.log").read_text()


def test_a_fault_of_the_moment_changes_nothing(tmp_path):
    failed = set()

    def fault(request, index):
        first = request not in failed
        failed.add(request)
        return ActorError("reset") if first and not _harmless(request.messages) else None

    assert _grow(tmp_path / "a", fault).refused == ()
    _grow(tmp_path / "b", None)
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")


def test_an_actor_that_is_gone_stops_the_run_and_it_goes_on_later(tmp_path):
    calls = iter(range(1000))
    with pytest.raises(ActorError, match="gone"):
        _grow(tmp_path / "a", lambda request, index: ActorError("gone") if next(calls) > 6 else None)
    with Forest(tmp_path / "a", readonly=True) as forest:
        # Those in flight, and one control: nothing was asked after the actor was known to be gone.
        assert forest.account().unanswered_calls <= 4 + 1
    _grow(tmp_path / "a", None)
    _grow(tmp_path / "b", None)
    assert rows_of(tmp_path / "a") == rows_of(tmp_path / "b")
