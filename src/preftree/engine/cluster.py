"""Work over shards on a Ray cluster: one task a shard, done again elsewhere where its worker is lost.

In:  functions, one a shard; settings, a budget, what the shards' journals say was spent. Out: what they returned.
Always true: a shard is worked on by one task at a time; a task that failed or a budget that is spent stops all, each
after its calls in flight; nothing that Ray holds is needed to go on: all sums are read from the journals again.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from preftree.engine.budget import Budget, Spend
from preftree.engine.share import Share
from preftree.engine.treasury import Totals, Treasury
from preftree.errors import ClusterError, InputError, PreftreeError, Stopped

Out = TypeVar("Out")

_LOOK_S = 0.5  # between two looks at the sums
_LIVES = 5  # a shard that loses so many workers is likely what kills them
_INTERRUPTED = "interrupted; run the same command again to go on"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where a run goes over many machines. None of it changes what comes of the run."""

    address: str = ""
    """Of a running Ray cluster ("auto": the one that this machine is in); empty: a Ray of its own, on this machine."""
    shards: int = 16
    """Parts of the run, each with one writer; a few for each worker, so that all end at about the same time."""
    cpus: float = 1.0
    """CPU cores that Ray sets aside for a shard."""
    gpus: float = 0.0
    """Accelerators that Ray sets aside for a shard, for local models."""

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= 1000:
            raise InputError(f"cluster.shards: expected 1 to 1000, got {self.shards}")
        if self.cpus <= 0 or self.gpus < 0:
            raise InputError("cluster.cpus and cluster.gpus: expected a positive number of cores, no negative of gpus")
        if self.address.startswith("ray://"):
            raise InputError(
                "cluster.address: a Ray client (ray://…) does not see the shards; "
                'run the command on a machine of the cluster, with address "auto"'
            )


@dataclass(frozen=True, slots=True)
class Journalled:
    """What the shards' journals say before a run, one entry a shard."""

    spent: list[Spend]  # with the doubtful
    doubtful: list[Spend]  # of calls without an answer
    trees: list[int]


@dataclass(frozen=True, slots=True)
class _End(Generic[Out]):
    result: Out | None = None
    failure: Exception | None = None


def over_shards(
    settings: ClusterSettings,
    budget: Budget,
    journalled: Journalled,
    work: Sequence[Callable[[Share], Out]],
    on_totals: Callable[[Totals], None],
) -> list[Out]:
    """The work of every shard, in tasks of a Ray cluster; results in the order of the shards.

    What is in `work` is picklable and may be begun again at any point, in another process. Raises the first failure
    that is no stop; Stopped if the run was stopped. A Ray that this process is connected to already is used as it is.
    """
    with _connected(settings) as ray:
        _check_room(ray, settings)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        # On the driver's machine: it is lost with the driver or not at all.
        treasury = (
            ray.remote(Treasury)
            .options(num_cpus=0, scheduling_strategy=here)
            .remote(budget, journalled.spent, journalled.doubtful, journalled.trees)
        )
        # Ray does not retry by itself, so that what is lost is counted and said.
        task = ray.remote(_one).options(num_cpus=settings.cpus, num_gpus=settings.gpus, max_retries=0)
        run = _Run(ray, treasury, lambda shard: task.remote(work[shard], Share(treasury, shard)), on_totals)
        with _interruptible(run):
            ends = run.until_all_end(range(len(work)))
    failures = [end.failure for _, end in sorted(ends.items()) if end.failure is not None]
    failures.sort(key=lambda failure: isinstance(failure, Stopped))
    if failures:
        raise failures[0]
    return [end.result for _, end in sorted(ends.items()) if end.result is not None]


def _one(work: Callable[[Share], Out], share: Share) -> _End[Out]:
    """In a worker."""
    try:
        return _End(result=work(share))
    except PreftreeError as failure:
        return _End(failure=failure)


@dataclass(slots=True)
class _Run:
    """The driver's loop."""

    ray: Any
    treasury: Any
    start: Callable[[int], Any]
    on_totals: Callable[[Totals], None]
    stopped: str | None = None
    _lost: dict[int, int] = field(default_factory=dict)

    def until_all_end(self, shards: Sequence[int]) -> dict[int, _End[Any]]:
        ends: dict[int, _End[Any]] = {}
        waiting = {self.start(shard): shard for shard in shards}
        while waiting:
            ready, _ = self.ray.wait(list(waiting), num_returns=1, timeout=_LOOK_S)
            self._look()
            for task in ready:
                shard = waiting.pop(task)
                end = self._end_of(task, shard)
                if end is None:
                    waiting[self.start(shard)] = shard
                    continue
                ends[shard] = end
                if end.failure is not None:
                    self.stop(str(end.failure))
        self._look()
        return ends

    def stop(self, reason: str) -> None:
        """Tell all workers to send nothing more."""
        self.stopped = self.stopped or reason
        self.treasury.stop.remote(reason)

    def _look(self) -> None:
        try:
            totals: Totals = self.ray.get(self.treasury.totals.remote())
        except self.ray.exceptions.RayActorError:
            # The workers find out by themselves, and end with this failure.
            self.stopped = self.stopped or "the cluster's ledger is lost; run the same command again to go on"
            return
        self.stopped = self.stopped or totals.stop
        self.on_totals(totals)

    def _end_of(self, task: Any, shard: int) -> _End[Any] | None:
        """How a task ended; None if it is to be done again."""
        try:
            end: _End[Any] = self.ray.get(task)
        except self.ray.exceptions.RayTaskError as mistake:  # in our code: kept with its trace
            return _End(failure=mistake)
        except self.ray.exceptions.RayError as fault:
            return self._again(shard, type(fault).__name__)
        if isinstance(end.failure, Stopped) and self.stopped is None:
            # Its machine is being taken down, not the run.
            return self._again(shard, str(end.failure))
        return end

    def _again(self, shard: int, why: str) -> _End[Any] | None:
        self._lost[shard] = self._lost.get(shard, 0) + 1
        if self.stopped is not None:
            return _End(failure=Stopped(self.stopped))
        if self._lost[shard] >= _LIVES:
            return _End(
                failure=ClusterError(
                    f"shard {shard} lost its worker {_LIVES} times (the last time: {why}); see Ray's logs, often it is "
                    "memory; what was committed is kept, and the same command goes on"
                )
            )
        print(f"shard {shard}: its worker was lost ({why}); another goes on with it", file=sys.stderr, flush=True)
        return None


def need_ray() -> Any:
    """The library; InputError where it is not installed."""
    try:
        import ray
    except ImportError:
        raise InputError("engine=ray needs the extra ray: pip install 'preftree[ray]'") from None
    return ray


def _check_room(ray: Any, settings: ClusterSettings) -> None:
    """Ray would wait without a word for a machine that is large enough."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for name, resource, wanted in (("cpus", "CPU", settings.cpus), ("gpus", "GPU", settings.gpus)):
        most = max(machine.get(resource, 0) for machine in machines)
        if wanted > most:
            why = f"cluster.{name}={wanted:g}: no machine has so many for a shard (the largest has {most:g})"
            if not settings.address:
                raise InputError(why)
            print(f"{why}; waiting for one that joins the cluster", file=sys.stderr, flush=True)


@contextmanager
def _connected(settings: ClusterSettings) -> Iterator[Any]:
    ray = need_ray()
    if ray.is_initialized():
        yield ray
        return
    if not settings.address:
        # A Ray of our own reports nothing to its makers.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            address=settings.address or "local",
            include_dashboard=None if settings.address else False,
            log_to_driver=False,
            logging_level="warning",
        )
    except (ConnectionError, ValueError, RuntimeError) as fault:
        raise ClusterError(f"cluster.address={settings.address}: no Ray cluster can be reached ({fault})") from fault
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _interruptible(run: _Run) -> Iterator[None]:
    """Ctrl-C or SIGTERM once: stop cleanly. Twice: at once."""

    def interrupt(number: int, frame: object) -> None:
        if run.stopped is not None:
            raise KeyboardInterrupt
        run.stop(_INTERRUPTED)

    try:
        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
