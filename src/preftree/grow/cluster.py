"""Growing on many machines: the same policy, each shard of the problems in a task of its own.

In:  problems, who plays which role (made anew in each worker), settings, a directory that all machines share.
Out: the forest there, and the report, as after a run on one machine.
Always true: a call that was committed is not made again, whichever worker was lost; while there are shards they hold
everything, and the forest is made from them at the end of every run, finished or stopped. So a run begun on one machine
goes on on many, and the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from preftree.actors import Prices
from preftree.engine import Budget, ClusterSettings, Journalled, Share, Totals, accounted, need_ray, over_shards
from preftree.environment import EnvironmentSettings
from preftree.errors import PreftreeError
from preftree.forest import Forest, Ownership, merge, num_shards, retire, shard_directory, shard_of, split, take_over
from preftree.grow.growth import tree_id
from preftree.grow.run import GrowReport, grow, summarise
from preftree.grow.settings import Actors, GrowSettings
from preftree.progress import progress
from preftree.records import Problem, Tree

# Opened in the worker: connections, models and secrets are its own.
Cast = Callable[[], AbstractAsyncContextManager[Actors]]


def grow_on_cluster(
    problems: Sequence[Problem],
    cast: Cast,
    settings: GrowSettings,
    out: Path,
    *,
    cluster: ClusterSettings,
    prices: Mapping[str, Prices],
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
    title: str = "growing",
    on_tree: Callable[[Tree], None] | None = None,
) -> GrowReport:
    """Grow a tree of every problem. `prices` are the actors', by name; `on_tree` sees new trees once all have ended.

    Raises Stopped when the budget is spent or the run was interrupted; the forest then holds what was committed.
    """
    need_ray()
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    ownership = Ownership(out)
    try:
        before, passed_over = _settled(out)
        # A row that stands twice is one problem.
        problems = list({problem.id: problem for problem in problems}.values())
        if num_shards(out) is None and all(tree_id(p.id) in before or p.id in passed_over for p in problems):
            return _report(out, [])
        if num_shards(out) not in (None, cluster.shards):
            merge(out, _order(out, problems))
            retire(out)
        if num_shards(out) is None:
            homes = {problem.id: shard_of(problem, cluster.shards) for problem in [*_stored(out), *problems]}
            split(out, cluster.shards, homes, tree_id)
        environment = environment or EnvironmentSettings()
        if environment.workers is None:
            # As many jails as cores were set aside; other shards on the same machine have theirs.
            environment = replace(environment, workers=max(1, int(cluster.cpus)))
        parts: list[list[Problem]] = [[] for _ in range(cluster.shards)]
        for problem in problems:
            parts[shard_of(problem, cluster.shards)].append(problem)
        work = [
            partial(_grow_shard, shard_directory(out, shard), part, cast, settings, environment, dict(prices))
            for shard, part in enumerate(parts)
        ]
        journalled = _journalled(out, cluster.shards, prices)
        reports: list[GrowReport] = []
        failure: PreftreeError | None = None
        known = sum(journalled.trees)
        with progress(title, len(problems) - known, "trees") as bar:

            def show(totals: Totals) -> None:
                spent = totals.spent
                note = f"{spent.calls} calls, {spent.tokens:,} tokens, {spent.usd:.2f} US dollars in all"
                bar.advance(totals.trees - known - bar.done, note=note)

            try:
                reports = over_shards(cluster, budget or Budget(), journalled, work, show)
            except PreftreeError as stop:
                failure = stop
        ownership.check()
        merge(out, _order(out, problems))
        if failure is not None:
            raise failure
        retire(out)
        if on_tree is not None:
            with Forest(out, readonly=True) as forest:
                for tree in forest.trees():
                    if tree.id not in before:
                        on_tree(tree)
        return _report(out, reports)
    finally:
        ownership.release()


def join_shards(problems: Sequence[Problem], out: Path) -> None:
    """Bring home what a run on a cluster left in shards, so that one machine can go on with it."""
    if num_shards(out) is not None:
        ownership = Ownership(out)
        try:
            merge(out, _order(out, problems))
            retire(out)
        finally:
            ownership.release()


def _grow_shard(
    shard: Path,
    problems: Sequence[Problem],
    cast: Cast,
    settings: GrowSettings,
    environment: EnvironmentSettings,
    prices: Mapping[str, Prices],
    share: Share,
) -> GrowReport:
    """In a worker, whoever worked on the shard before."""
    directory = take_over(shard)
    with Forest(directory) as forest:
        spent, doubtful = accounted(forest, prices)
        done = forest.finished()
        share.enter(spent + doubtful, doubtful, len(done))
        passed_over = forest.passed_over()
        if all(tree_id(p.id) in done or p.id in passed_over for p in problems):
            return summarise(forest, 0)  # no model is loaded for nothing

    def count(tree: Tree) -> None:
        share.trees += 1

    async def work() -> GrowReport:
        async with cast() as actors:
            report = await grow(
                problems,
                actors,
                settings,
                directory,
                environment=environment,
                budget=share,
                title=f"shard {shard.name}",
                on_tree=count,
                watching=share.watching,
            )
        await share.leave()
        return report

    return asyncio.run(work())


def _journalled(out: Path, count: int, prices: Mapping[str, Prices]) -> Journalled:
    """The sums of all shards, read from their journals."""
    sums = Journalled([], [], [])
    for shard in range(count):
        with Forest(take_over(shard_directory(out, shard))) as forest:
            spent, doubtful = accounted(forest, prices)
            sums.spent.append(spent + doubtful)
            sums.doubtful.append(doubtful)
            sums.trees.append(len(forest.finished()))
    return sums


def _stored(out: Path) -> list[Problem]:
    if not (out / "forest.sqlite").is_file():
        return []
    with Forest(out, readonly=True) as forest:
        return forest.problems()


def _settled(out: Path) -> tuple[set[str], set[str]]:
    """The trees that are whole, and the problems that were passed over."""
    if not (out / "forest.sqlite").is_file():
        return set(), set()
    with Forest(out, readonly=True) as forest:
        return forest.finished(), set(forest.passed_over())


def _order(out: Path, problems: Sequence[Problem]) -> list[str]:
    """That of the problems; what else is there comes after them."""
    return list(dict.fromkeys(problem.id for problem in [*problems, *_stored(out)]))


def _report(out: Path, reports: Sequence[GrowReport]) -> GrowReport:
    with Forest(out, readonly=True) as forest:
        report = summarise(forest, sum(part.new_calls for part in reports))
    return replace(report, refused=tuple(sorted(line for part in reports for line in part.refused)))
