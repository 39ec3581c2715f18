"""One tree of one problem: staged sampling, choice of actions, expansion of a wrong one (FACTS section 1).

In:  a problem, the actors by role, settings. Out: a tree whose turns hold correct and incorrect actions.
Always true: samples are looked at in the order of their indices, never of their arrival; every choice is seeded by
problem and turn; an action whose code is not valid Python enters no pair, but may be gone on with.

The order of one turn is the paper's: sample actions; if none is correct, go to stronger actors; if still none, give
the reference away (hints.py). The first correct one of independent samples is distributed as a random correct one of
20, so samples are drawn in growing batches until the targets are met.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from preftree.actors import Actor
from preftree.engine import Engine, Place, Sampling, act, opening, past_of, reply, together
from preftree.errors import RequestRefusedError
from preftree.grow.critic import criticise
from preftree.grow.hints import from_references
from preftree.grow.settings import Actors, GrowSettings
from preftree.records import Action, Message, Problem, Tree, Turn, digest


async def grow_tree(
    engine: Engine,
    actors: Actors,
    settings: GrowSettings,
    problem: Problem,
    on_turn: Callable[[], None] = lambda: None,
) -> Tree:
    """Grow the whole tree. Calls that stand in the journal are replayed from it."""
    tree = digest(["tree", problem.id])[:24]
    prompt = opening(problem)
    turns: list[Turn] = []
    expanded: list[Action] = []
    messages = prompt
    for index in range(settings.max_turns):
        try:
            actions = await _sample_turn(engine, actors, settings, problem, tree, index, messages, expanded)
        except RequestRefusedError:
            if not turns:
                raise
            # The history has outgrown the model: the tree ends with the turn before.
            turns[-1] = replace(turns[-1], expanded=None, reply=None, critique=None)
            break
        turn = _choose(actions, problem, settings, index)
        await engine.forest.add_actions(tree, index, actions)
        on_turn()
        if turn.expanded is None or index + 1 == settings.max_turns:
            turns.append(replace(turn, expanded=None))
            break
        wrong = turn.incorrect[turn.expanded]
        critique = await criticise(engine, actors.critic, settings, problem, tree, index, messages, wrong)
        turn = replace(turn, critique=critique.text, leaked=critique.leaked, reply=reply(wrong, critique.text))
        turns.append(turn)
        expanded.append(wrong)
        messages = (*messages, Message("assistant", wrong.text), Message("user", turn.reply or ""))
    return Tree(tree, problem, prompt, tuple(turns))


async def _sample_turn(
    engine: Engine,
    actors: Actors,
    settings: GrowSettings,
    problem: Problem,
    tree: str,
    index: int,
    messages: tuple[Message, ...],
    expanded: Sequence[Action],
) -> list[Action]:
    """All actions of a turn, in the order of stages and samples."""
    past = past_of(expanded)
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens, settings.stop, settings.prefill)

    async def draw(
        actor: Actor, role: str, stage: str, batches: Sequence[int], wanted: tuple[int, int]
    ) -> list[Action]:
        """Batches until `wanted` (correct, incorrect) actions are there, or the cap is reached."""
        drawn: list[Action] = []
        for size in batches:
            if _count(drawn, correct=True) >= wanted[0] and _count(drawn, correct=False) >= wanted[1]:
                break
            first = len(drawn)
            place = Place(tree, index, role, stage)
            drawn += await act(
                engine, actor, place, problem, messages, past, range(first, first + size), sampling, settings.seed
            )
        return drawn

    targets = (settings.correct, 0 if actors.pool else settings.incorrect)
    # The pool's actions are wanted whatever the actor's are: nobody waits for the other.
    actions, *rivals = await together(
        draw(actors.ladder[0], "actor", "sample", settings.batches, targets),
        *(
            draw(rival, f"pool-{place}", "sample", settings.pool_batches, (0, 1))
            for place, rival in enumerate(actors.pool)
        ),
    )
    for step, stronger in enumerate(actors.ladder[1:], start=1):
        if _count(actions, correct=True):
            break
        actions += await draw(stronger, "actor", f"escalation-{step}", settings.batches, (settings.correct, 0))
    for drawn in rivals:
        actions += drawn
    if settings.hints and not _count(actions, correct=True):
        hinted = await from_references(engine, actors.ladder[-1], settings, problem, tree, index, messages, past)
        actions += hinted
    return actions


def _choose(actions: Sequence[Action], problem: Problem, settings: GrowSettings, index: int) -> Turn:
    """The targets' worth of distinct correct and incorrect actions, and the incorrect one to go on with."""
    correct = _distinct([a for a in actions if a.verdict is not None and a.verdict.correct])[: settings.correct]
    wrong = _distinct([a for a in actions if a.verdict is not None and a.verdict.outcome == "wrong"])
    valid = [a for a in wrong if _valid(a)]
    writers = {a.actor for a in correct}
    incorrect = _spread(valid, writers)[: settings.incorrect] or wrong[:1]
    draw = random.Random(digest(["expand", settings.seed, problem.id, index]))
    return Turn(
        index=index,
        correct=tuple(correct),
        incorrect=tuple(incorrect),
        expanded=draw.randrange(len(incorrect)) if incorrect else None,
        num_samples=sum(a.stage != "reference" for a in actions),
    )


def _spread(wrong: Sequence[Action], writers: set[str]) -> list[Action]:
    """One of each actor in turn, beginning with those who did not write the correct action."""
    by_actor: dict[str, list[Action]] = {}
    for action in wrong:
        by_actor.setdefault(action.actor, []).append(action)
    queues = sorted(by_actor.items(), key=lambda entry: entry[0] in writers)
    spread: list[Action] = []
    while any(queue for _, queue in queues):
        spread += [queue.pop(0) for _, queue in queues if queue]
    return spread


def _distinct(actions: Sequence[Action]) -> list[Action]:
    """The first of those with the same text: a repeated action teaches nothing twice."""
    return list({action.text: action for action in reversed(actions)}.values())[::-1]


def _count(actions: Sequence[Action], *, correct: bool) -> int:
    """Distinct actions that a pair may use."""
    outcome = "correct" if correct else "wrong"
    return len({a.text for a in actions if a.verdict is not None and a.verdict.outcome == outcome and _valid(a)})


def _valid(action: Action) -> bool:
    return action.observation is None or action.observation.status != "syntax"
