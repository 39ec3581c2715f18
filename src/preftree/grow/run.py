"""A run of growing: many problems into one forest, with progress, and an account at the end.

In:  problems, actors, settings, a directory. Out: the forest there, and a report of what was asked, found and paid.
Always true: run again, it goes on where it was; run again after it ended, it makes no call.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from preftree.engine import Engine, Purse, run_all
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.errors import RequestRefusedError
from preftree.forest import Account, Forest
from preftree.grow.growth import tree_id
from preftree.grow.live import Live, event_lines, run_log, spent
from preftree.grow.policy import grow_problem
from preftree.grow.select import PassedOver
from preftree.grow.settings import Actors, GrowSettings, check_roles
from preftree.progress import progress
from preftree.records import Problem, Tree
from preftree.verify import Judge


@dataclass(frozen=True, slots=True)
class GrowReport:
    """What a forest holds. `stages` counts by where the first correct action of a turn came from."""

    trees: int
    turns: int
    pairs: int
    correct: int
    incorrect: int
    trees_by_turns: dict[str, int]
    stages: dict[str, int]
    pairs_with_different_actors: int
    pairs_by_actors: dict[str, int]  # "chosen's over rejected's", so that references are told from models
    leaked_critiques: int
    new_calls: int
    account: Account
    passed_over: dict[str, int] = field(default_factory=dict)  # reason → problems that got no tree for it
    refused: tuple[str, ...] = ()  # problems that an actor would not read, and why: set aside, no tree


async def grow(
    problems: Sequence[Problem],
    actors: Actors,
    settings: GrowSettings,
    out: Path,
    *,
    environment: EnvironmentSettings | None = None,
    budget: Purse | None = None,
    title: str = "growing",
    on_tree: Callable[[Tree], None] | None = None,
    watching: Callable[[Engine], AbstractContextManager[object]] = nullcontext,
    only: Collection[str] | None = None,
) -> GrowReport:
    """Grow a tree of every problem. `on_tree` sees each new tree once it is on disk; `watching` surrounds the work.

    `only` are the ids of the problems to grow now (a pilot): a later run grows the others, as if there had been one.
    """
    check_roles(problems, actors.played)
    with Forest(out) as forest:
        await forest.add_problems(problems)
        # A row that stands twice is one problem: grown twice at once, its calls would be paid twice.
        problems = list({problem.id: problem for problem in problems}.values())
        order = {problem.id: seq for seq, problem in enumerate(problems)}
        done, passed_over = forest.finished(), forest.passed_over()
        missing = [p for p in problems if tree_id(p.id) not in done and p.id not in passed_over]
        missing = [problem for problem in missing if only is None or problem.id in only]
        new_calls = 0
        refused: list[str] = []
        if missing:
            async with Interpreter(environment or EnvironmentSettings()) as interpreter, Judge() as judge:
                engine = Engine(forest, interpreter, judge, budget)
                with ExitStack() as shown:
                    shown.enter_context(watching(engine))
                    log = shown.enter_context(run_log(out))
                    log.info("%s: %d of %d problems to grow", title, len(missing), len(problems))
                    live = Live(len(problems), len(problems) - len(missing), log)
                    shown.callback(_say_goodbye, log, engine, actors)
                    # Trees end late and together, so turns are counted, of as many as there may be.
                    bar = shown.enter_context(progress(title, len(missing) * settings.max_turns, "turns"))
                    engine.on_answer = lambda: bar.advance(0, note=live.line(engine.account))

                    async def one(problem: Problem) -> None:
                        try:
                            tree = await grow_problem(engine, actors, settings, problem, bar.advance)
                        except RequestRefusedError as refusal:
                            refused.append(f"{problem.id}: {refusal}")
                            live.set_aside(problem.id, str(refusal))
                            bar.advance(settings.max_turns)
                            return
                        if isinstance(tree, PassedOver):
                            await forest.add_passed_over(problem.id, tree.reason)
                            live.set_aside(problem.id, tree.reason)
                            bar.advance(settings.max_turns)
                            return
                        await forest.add_tree(tree, order[problem.id])
                        live.tree(tree)
                        bar.advance(settings.max_turns - tree.depth, note=live.line(engine.account))
                        if on_tree is not None:
                            on_tree(tree)

                    await run_all(engine, missing, one, concurrency=settings.concurrency)
                new_calls = engine.new_calls
        return replace(summarise(forest, new_calls), refused=tuple(refused))


def _say_goodbye(log: logging.Logger, engine: Engine, actors: Actors) -> None:
    """The account and the faults, in the log and on the terminal, however the run ended."""
    lines = [f"in all: {spent(engine.account)}", *event_lines(actors.all)]
    for line in lines:
        log.info(line)
        print(line, file=sys.stderr, flush=True)
    if engine.stopped is not None:
        log.info("stopped: %s", engine.stopped)


def summarise(forest: Forest, new_calls: int) -> GrowReport:
    """Totals read from disk, so that they are those of all restarts together."""
    turns = pairs = correct = incorrect = different = leaked = trees = 0
    depths: Counter[str] = Counter()
    stages: Counter[str] = Counter()
    by_actors: Counter[str] = Counter()
    for tree in forest.trees():
        trees += 1
        depths[str(tree.depth)] += 1
        for turn in tree.turns:
            turns += 1
            correct += len(turn.correct)
            incorrect += sum(action.parses for action in turn.incorrect)
            leaked += turn.leaked
            stages[turn.correct[0].stage if turn.correct else "none"] += 1
            writers = [(chosen.actor, rejected.actor) for chosen, rejected in tree.pairs(turn)]
            pairs += len(writers)
            different += sum(chosen != rejected for chosen, rejected in writers)
            by_actors.update(f"{chosen} over {rejected}" for chosen, rejected in writers)
    return GrowReport(
        trees=trees,
        turns=turns,
        pairs=pairs,
        correct=correct,
        incorrect=incorrect,
        trees_by_turns=dict(sorted(depths.items())),
        stages=dict(sorted(stages.items())),
        pairs_with_different_actors=different,
        pairs_by_actors=dict(sorted(by_actors.items())),
        leaked_critiques=leaked,
        new_calls=new_calls,
        account=forest.account(),
        passed_over=dict(sorted(Counter(forest.passed_over().values()).items())),
    )
