"""Judge all stored actions again, with changed verifiers or references, without one new call.

In:  a forest, a change of its problems, the settings that it was grown with. Out: another forest, and what changed.
Always true: the source is only read; no actor is asked; code is run again only if an environment is given, otherwise
observations are those that were kept. A turn without a changed outcome stays as it was.

Where outcomes changed, a turn's actions are chosen again among the stored ones. The conversation stays: what was said
of an action was said. So a tree goes on through the same actions as long as they are still wrong, and ends at the turn
whose expanded action no longer is; what was drawn after it is judged and kept, outside the tree.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from preftree.engine import Engine, past_of, together
from preftree.engine.turn import settle
from preftree.environment import EnvironmentSettings, Interpreter, Past
from preftree.forest import Forest
from preftree.forest.thinning import copy_unjudged
from preftree.grow.choice import choose
from preftree.grow.settings import GrowSettings
from preftree.progress import progress
from preftree.records import Action, Observation, Problem, Tree, Turn
from preftree.verify import Judge

# Trees that are judged together.
_AT_ONCE = 128
_MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Example:
    """An action whose outcome changed. `turn` counts from 0."""

    problem: str
    turn: int
    change: str
    answer: str | None
    reference: str
    why: str


@dataclass(frozen=True, slots=True)
class RegradeReport:
    """`changes` counts actions by data set and by "old to new"; `examples` holds a few of each kind of change.

    `not_judged`: actions that keep their verdict: a model's word, or a run of code that is not kept.
    """

    trees: int
    actions: int
    not_judged: int
    undecided: int
    changes: dict[str, dict[str, int]]
    cut_trees: int
    turns: tuple[int, int]  # before and after
    pairs: tuple[int, int]
    correct: tuple[int, int]
    examples: tuple[Example, ...]


@dataclass(slots=True)
class _Counts:
    trees: int = 0
    actions: int = 0
    not_judged: int = 0
    undecided: int = 0
    cut: int = 0
    changes: dict[str, Counter[str]] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Example]] = field(default_factory=dict)


class Replay(Engine):
    """An engine that runs nothing: what an action showed when it was drawn is what it shows."""

    def __init__(self, forest: Forest, interpreter: Interpreter, judge: Judge) -> None:
        super().__init__(forest, interpreter, judge)
        self._seen: dict[tuple[str, ...], Observation] = {}

    def remember(self, actions: Sequence[Action], past: Sequence[Past]) -> None:
        for action in actions:
            if action.code is not None and action.observation is not None:
                self._seen[_session(past, action.code)] = action.observation

    def forget(self) -> None:
        self._seen.clear()

    async def observe(self, code: str, history: Sequence[Past], tools: Sequence[str] = ()) -> Observation:
        seen = self._seen.get(_session(history, code))
        if seen is not None:
            return seen
        try:
            return await super().observe(code, history, tools)
        except _NotKept:
            return Observation("broken", "this run is not kept")


def _session(past: Sequence[Past], code: str) -> tuple[str, ...]:
    return (*(earlier.code for earlier in past), code)


class _NotKept(Exception):
    """A run was asked for that the forest does not hold."""


class _NoInterpreter(Interpreter):
    """Stands where an engine has its jail; nothing is started."""

    async def run(
        self, code: str, history: Sequence[Past] = (), stdin: str = "", tools: Sequence[str] = ()
    ) -> Observation:
        raise _NotKept


async def regrade(
    source: Path,
    out: Path,
    change: Callable[[Problem], Problem],
    settings: GrowSettings,
    *,
    pool: Sequence[str] = (),
    environment: EnvironmentSettings | None = None,
) -> RegradeReport:
    """The forest in `out`, whole or absent. With an `environment` all code is run again."""
    work = out / "partial"
    copy_unjudged(source, work, observations=environment is None)
    counts = _Counts()
    async with AsyncExitStack() as stack:
        read = stack.enter_context(Forest(source, readonly=True))
        written = stack.enter_context(Forest(work))
        judge = await stack.enter_async_context(Judge())
        if environment is None:
            engine: Engine = Replay(written, _NoInterpreter(EnvironmentSettings()), judge)
        else:
            engine = Engine(written, await stack.enter_async_context(Interpreter(environment)), judge)
        problems = read.problems()
        await written.add_problems([change(problem) for problem in problems])
        order = {problem.id: seq for seq, problem in enumerate(problems)}
        bar = stack.enter_context(progress("regrading", len(read.finished()), "trees"))
        trees: Iterator[Tree] = read.trees()
        while batch := list(islice(trees, _AT_ONCE)):

            async def one(tree: Tree) -> None:
                problem = change(tree.problem)
                actions = [read.actions(tree.id, turn.index) or _chosen(turn) for turn in tree.turns]
                judged = await _judge(engine, problem, tree, actions, counts)
                for index, turn_actions in enumerate(judged):
                    await written.add_actions(tree.id, index, turn_actions)
                again = _tree(replace(tree, problem=problem), actions, judged, settings, pool)
                await written.add_tree(again, order.get(problem.id, len(order)))
                _count(tree, again, counts)
                bar.advance(1)

            await together(*(one(tree) for tree in batch))
            if isinstance(engine, Replay):
                engine.forget()
    (work / "forest.sqlite").replace(out / "forest.sqlite")
    shutil.rmtree(work)
    return RegradeReport(
        trees=counts.trees,
        actions=counts.actions,
        not_judged=counts.not_judged,
        undecided=counts.undecided,
        changes={name: dict(sorted(found.items())) for name, found in sorted(counts.changes.items())},
        cut_trees=counts.cut,
        turns=(counts.before["turns"], counts.after["turns"]),
        pairs=(counts.before["pairs"], counts.after["pairs"]),
        correct=(counts.before["correct"], counts.after["correct"]),
        examples=tuple(example for _, found in sorted(counts.examples.items()) for example in found),
    )


# ---------------------------------------------------------------- verdicts


async def _judge(
    engine: Engine, problem: Problem, tree: Tree, actions: Sequence[Sequence[Action]], counts: _Counts
) -> list[list[Action]]:
    """All actions of a tree with their new verdicts, turn by turn."""
    judged: list[list[Action]] = []
    expanded: list[Action] = []
    for turn, drawn in zip(tree.turns, actions, strict=True):
        past = past_of(expanded)
        if isinstance(engine, Replay):
            engine.remember(drawn, past)
        judged.append(await together(*(_again(engine, problem, action, past) for action in drawn)))
        for before, after in zip(drawn, judged[-1], strict=True):
            _note(problem, turn.index, before, after, counts)
        if turn.expanded is not None:
            went_on = _key(turn.incorrect[turn.expanded])
            by_key = {_key(action): action for action in judged[-1]}
            expanded.append(by_key.get(went_on, turn.incorrect[turn.expanded]))
    return judged


async def _again(engine: Engine, problem: Problem, action: Action, past: Sequence[Past]) -> Action:
    """The action under the new rule; the very same object where it can't be judged again."""
    replayed = isinstance(engine, Replay)
    unknown = problem.tests is None and not problem.references  # imported rows hold no reference
    if unknown or problem.verifier == "judge" or (problem.tests is not None and replayed):
        return action
    settled = await settle(engine, problem, action, past)
    if not replayed:
        return settled
    if settled.observation is not None and settled.observation.status == "broken":
        return action
    return replace(action, verdict=settled.verdict)


def _note(problem: Problem, turn: int, before: Action, after: Action, counts: _Counts) -> None:
    counts.actions += 1
    counts.not_judged += after is before
    old, new = _outcome(before), _outcome(after)
    counts.undecided += new == "undecided"
    if old != new:
        change = f"{old} to {new}"
        counts.changes.setdefault(problem.dataset, Counter())[change] += 1
        examples = counts.examples.setdefault(change, [])
        if len(examples) < _MOST_EXAMPLES and after.verdict is not None:
            reference = problem.references[0].answer if problem.references else ""
            examples.append(Example(problem.id, turn, change, after.verdict.answer, reference, after.verdict.why))


def _outcome(action: Action) -> str:
    return action.verdict.outcome if action.verdict is not None else "undecided"


# ---------------------------------------------------------------- trees


def _tree(
    tree: Tree,
    before: Sequence[Sequence[Action]],
    after: Sequence[Sequence[Action]],
    settings: GrowSettings,
    pool: Sequence[str],
) -> Tree:
    """The tree of the new verdicts, up to the turn whose expanded action is no longer wrong."""
    turns: list[Turn] = []
    for turn, old, new in zip(tree.turns, before, after, strict=True):
        turns.append(_turn(tree.problem, turn, old, new, settings, pool))
        if turns[-1].expanded is None:
            break
    return replace(tree, turns=tuple(turns))


def _turn(
    problem: Problem,
    turn: Turn,
    before: Sequence[Action],
    after: Sequence[Action],
    settings: GrowSettings,
    pool: Sequence[str],
) -> Turn:
    now = {_key(action): action for action in reversed(after)}
    if all(_outcome(old) == _outcome(new) for old, new in zip(before, after, strict=True)):
        correct, incorrect = (
            tuple(now.get(_key(action), action) for action in side) for side in (turn.correct, turn.incorrect)
        )
        return replace(turn, correct=correct, incorrect=incorrect)
    chosen = choose(after, problem, settings, turn.index, pool)
    went_on = None if turn.expanded is None else now.get(_key(turn.incorrect[turn.expanded]))
    if went_on is None or _outcome(went_on) != "wrong":
        turn = replace(turn, expanded=None, critique=None, reply=None, leaked=False)
        wrong = chosen.incorrect
    else:
        # The conversation goes on through this one, whatever would be drawn today.
        others = [action for action in chosen.incorrect if _key(action) != _key(went_on)]
        kept = len(others) < len(chosen.incorrect)
        wrong = chosen.incorrect if kept else (went_on, *others[:-1])
        turn = replace(turn, expanded=[_key(action) for action in wrong].index(_key(went_on)))
    texts = [action.text for action in chosen.correct]
    praise = turn.praise if texts == [action.text for action in turn.correct] else ()
    return replace(turn, correct=chosen.correct, incorrect=wrong, praise=praise)


def _key(action: Action) -> tuple[str, ...]:
    return (action.actor, action.stage, str(action.sample), action.schema, action.text)


def _chosen(turn: Turn) -> list[Action]:
    """All actions there are where only the chosen ones are kept (imported rows)."""
    return [*turn.correct, *turn.incorrect]


def _count(before: Tree, after: Tree, counts: _Counts) -> None:
    counts.trees += 1
    counts.cut += len(after.turns) < len(before.turns)
    for tree, sums in ((before, counts.before), (after, counts.after)):
        sums["turns"] += len(tree.turns)
        for turn in tree.turns:
            sums["correct"] += len(turn.correct)
            sums["pairs"] += len(tree.pairs(turn))
