"""The choice of a turn: which actions are its correct and its incorrect ones, and which one is gone on with.

In:  judged actions in the order of stages and samples. Out: a turn.
Always true: a choice depends on the actions, the seed, the problem and the turn alone; no text stands twice on one
side; an action whose code is not valid Python is taken only where there is no other wrong one, to go on with.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from preftree.engine import BY_MODEL
from preftree.grow.settings import GrowSettings
from preftree.records import Action, Problem, Turn, digest


def choose(
    actions: Sequence[Action], problem: Problem, settings: GrowSettings, index: int, pool: Collection[str] = ()
) -> Turn:
    """The targets' worth of distinct correct and incorrect actions; wrong ones of actors named in `pool` come first.

    Where references gave several correct actions, all of them are kept, and as many incorrect ones beside them.
    """
    # What a filter or a limit left without a word (a thought cut off, say) is neither paired nor gone on with.
    actions = [action for action in actions if action.text.strip()]
    order = list(actions)
    if settings.choice == "random":
        random.Random(digest(["choice", settings.seed, problem.id, index])).shuffle(order)
    place = {id(action): number for number, action in enumerate(actions)}
    right = _distinct([a for a in order if a.verdict is not None and a.verdict.correct])
    hinted = sum(action.stage.startswith("reference") for action in right)
    correct = sorted(right[: max(settings.correct, hinted)], key=lambda action: place[id(action)])
    wrong = _distinct([a for a in order if a.verdict is not None and a.verdict.outcome == "wrong"])
    writers = {action.actor for action in correct}
    preferred = _spread([action for action in wrong if action.parses], writers, pool)
    incorrect = preferred[: max(settings.incorrect, hinted)] or wrong[:1]
    if problem.verifier == BY_MODEL:
        # A model's word makes no pair.
        incorrect = []
    incorrect.sort(key=lambda action: (action.actor in writers, place[id(action)]))
    # With an action for each reference, an incorrect one stands beside each (FACTS section 1, "Challenging problems").
    beside = [number for number, action in enumerate(incorrect) if action.parses][: len(correct)]
    draw = random.Random(digest(["expand", settings.seed, problem.id, index]))
    return Turn(
        index=index,
        correct=tuple(correct),
        incorrect=tuple(incorrect),
        expanded=draw.randrange(len(incorrect)) if incorrect else None,
        num_samples=sum(not action.stage.startswith("reference") for action in actions),
        paired=tuple(enumerate(beside)) if hinted > 1 else None,
    )


def count(actions: Sequence[Action], *, correct: bool) -> int:
    """Distinct actions that a pair may use."""
    outcome = "correct" if correct else "wrong"
    return len({a.text for a in actions if a.verdict is not None and a.verdict.outcome == outcome and a.parses})


def _spread(wrong: Sequence[Action], writers: set[str], pool: Collection[str]) -> list[Action]:
    """In order of preference: not by a writer of the correct action, then by the pool; among equals one of each actor
    in turn."""
    by_actor: dict[str, list[Action]] = {}
    for action in wrong:
        by_actor.setdefault(action.actor, []).append(action)
    ranked = [
        ((actor in writers, actor not in pool, turn), action)
        for actor, own in by_actor.items()
        for turn, action in enumerate(own)
    ]
    return [action for _, action in sorted(ranked, key=lambda entry: entry[0])]


def _distinct(actions: Sequence[Action]) -> list[Action]:
    """The first of those with the same text: a repeated action teaches nothing twice."""
    found: dict[str, Action] = {}
    for action in actions:
        # In the order of first occurrence: by the last, rare texts would come before frequent ones.
        found.setdefault(action.text, action)
    return list(found.values())
