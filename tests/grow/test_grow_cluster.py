"""Growing on a Ray cluster: the same forest as on one machine, whichever worker is lost, within one budget."""

import asyncio
import dataclasses
import os
import warnings
from functools import partial
from pathlib import Path

import cluster_world
import pytest
import world

from preftree.actors import Prices
from preftree.engine import Budget, ClusterSettings
from preftree.errors import ActorError, ForestError, InputError, Stopped
from preftree.export import export
from preftree.forest import Forest, Ownership, num_shards
from preftree.grow import grow, grow_on_cluster, join_shards

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'preftree[ray]'")

CLUSTER = ClusterSettings(shards=3)
SETTINGS = dataclasses.replace(world.SETTINGS, concurrency=4)


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    """A real Ray on this machine, with two workers at a time that find this folder's modules."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()
    os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one machine's undisturbed run exports."""
    out = tmp_path_factory.mktemp("whole") / "forest"
    asyncio.run(grow(world.problems(), world.actors(), SETTINGS, out, environment=world.JAIL))
    return _rows(out)


def _grow(out, cast, **more):
    more = {"cluster": CLUSTER, "prices": {}, "environment": world.JAIL} | more
    return grow_on_cluster(world.problems(), cast, SETTINGS, out, **more)


def _rows(out):
    export(out, rows := out.with_name(out.name + "-rows"))
    return (rows / "sft.jsonl").read_bytes(), (rows / "pairs.jsonl").read_bytes()


def _account(out):
    with Forest(out, readonly=True) as forest:
        return forest.account()


def test_the_forest_is_that_of_one_machine_and_no_call_is_made_twice(tmp_path, whole, capfd):
    seen = []
    report = _grow(tmp_path / "f", partial(cluster_world.cast, tmp_path / "log"), on_tree=seen.append)
    assert _rows(tmp_path / "f") == whole
    assert (report.trees, report.new_calls) == (12, report.account.calls)
    assert [tree.problem.id for tree in seen] == [problem.id for problem in world.problems()]
    assert num_shards(tmp_path / "f") is None, "what has been brought home is kept once"
    assert "growing: 12 trees in" in capfd.readouterr().err
    asked = (tmp_path / "log").read_text().split()
    assert len(asked) == len(set(asked))
    again = _grow(tmp_path / "f", partial(cluster_world.cast, tmp_path / "log"))
    assert (again.new_calls, again.account) == (0, report.account)


def test_a_killed_worker_is_replaced_and_no_committed_call_is_made_again(tmp_path, whole, capfd):
    log = tmp_path / "log"
    _grow(tmp_path / "f", partial(cluster_world.killed_cast, tmp_path / "f", log, (4, 12)))
    assert _rows(tmp_path / "f") == whole
    assert capfd.readouterr().err.count("its worker was lost (WorkerCrashedError); another goes on with it") == 2
    for kill in range(2):
        size, *known = Path(f"{log}.{kill}").read_text().split()
        after = log.read_bytes()[int(size) :].decode().split()
        assert len(known) >= (4, 12)[kill]
        assert not set(known) & set(after), "a committed call was asked again"
    # What two lost workers had in flight (up to two samples and the pool's one a tree) is possible spend, and no more.
    assert 1 <= _account(tmp_path / "f").unanswered_calls <= 2 * 3 * SETTINGS.concurrency


def test_a_budget_holds_over_the_cluster_and_one_machine_goes_on(tmp_path, whole):
    out = tmp_path / "f"
    with pytest.raises(Stopped, match="the budget of 25 calls is spent"):
        _grow(out, partial(cluster_world.cast, delay_s=0.005), budget=Budget(calls=25))
    account = _account(out)
    assert (account.calls, account.unanswered_calls) == (25, 0)
    with pytest.raises(Stopped, match="the budget of 40 calls is spent"):
        _grow(out, cluster_world.cast, budget=Budget(calls=40), cluster=ClusterSettings(shards=2))
    assert _account(out).calls == 40
    join_shards(world.problems(), out)
    asyncio.run(grow(world.problems(), world.actors(), SETTINGS, out, environment=world.JAIL))
    assert _rows(out) == whole


def test_a_run_of_one_machine_goes_on_on_the_cluster(tmp_path, whole):
    log, out = tmp_path / "log", tmp_path / "f"
    with pytest.raises(Stopped):
        asyncio.run(
            grow(world.problems(), world.actors(log), SETTINGS, out, environment=world.JAIL, budget=Budget(calls=20))
        )
    with pytest.raises(Stopped, match="the budget of 20 calls is spent"):
        _grow(out, partial(cluster_world.cast, log), budget=Budget(calls=20))
    _grow(out, partial(cluster_world.cast, log))
    assert _rows(out) == whole
    asked = log.read_text().split()
    assert len(asked) == len(set(asked))


def test_a_failure_stops_all_and_what_was_committed_is_kept(tmp_path, whole):
    with pytest.raises(ActorError, match="no answer at all"):
        _grow(tmp_path / "f", cluster_world.failing_cast)
    assert _account(tmp_path / "f").calls > 0
    _grow(tmp_path / "f", cluster_world.cast)
    assert _rows(tmp_path / "f") == whole


def test_a_budget_in_money_counts_what_a_lost_run_may_have_spent(tmp_path):
    """No call is sent where the doubtful ones, priced, leave no room."""
    out, prices = tmp_path / "f", Prices(1.0, 1.0, 1.0)
    with pytest.raises(ActorError):
        _grow(out, cluster_world.failing_cast)
    account = _account(out)
    assert account.unanswered_calls > 0
    with pytest.raises(Stopped, match=r"the budget of 1e-06 US dollars is spent \(up to"):
        _grow(
            out,
            partial(cluster_world.cast, prices=prices),
            prices={"sft": prices, "bare": prices},
            budget=Budget(usd=1e-6),
        )
    assert _account(out) == account


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        pytest.param({"shards": 0}, "cluster.shards: expected 1 to 1000, got 0", id="no-shard"),
        pytest.param({"cpus": 0.0}, "cluster.cpus and cluster.gpus", id="no-core"),
        pytest.param({"address": "ray://head:10001"}, "a Ray client .* does not see the shards", id="client"),
        pytest.param(
            {"cpus": 3.0}, r"cluster.cpus=3: no machine has so many for a shard \(the largest has 2\)", id="big"
        ),
    ],
)
def test_settings_that_can_not_work_are_one_sentence(tmp_path, cluster, why):
    with pytest.raises(InputError, match=why):
        _grow(tmp_path / "f", cluster_world.cast, cluster=ClusterSettings(**cluster))


def test_one_driver_at_a_time(tmp_path):
    holder = Ownership(tmp_path)
    with pytest.raises(ForestError, match="another process is writing here"):
        _grow(tmp_path, cluster_world.cast)
    holder.release()
