"""One tree of one problem: turns of sampled actions, the choice among them, a wrong one gone on with (FACTS section 1).

In:  a problem, the actors by role, settings. Out: a tree whose turns hold correct and incorrect actions; or why the
problem was passed over before any.
Always true: samples are looked at in the order of their indices, never of their arrival; every choice is seeded by
problem and turn; an action whose code is not valid Python enters no pair, but may be gone on with.

A turn may lack a correct action: the tree goes on. Without an incorrect one there is nothing to go on with: it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from preftree.engine import Engine, opening, reply, together
from preftree.errors import RequestRefusedError
from preftree.grow.choice import choose
from preftree.grow.critic import Critique, criticise, praise
from preftree.grow.growth import Growth
from preftree.grow.sampling import sample_turn
from preftree.grow.select import PassedOver, select
from preftree.grow.settings import Actors, GrowSettings
from preftree.records import Action, Message, Problem, Tree, Turn


async def grow_problem(
    engine: Engine,
    actors: Actors,
    settings: GrowSettings,
    problem: Problem,
    on_turn: Callable[[], None] = lambda: None,
) -> Tree | PassedOver:
    """All that growing does for one problem: select it, complete it, grow its tree."""
    selected = await select(Growth(engine, actors, settings, problem))
    if isinstance(selected, PassedOver):
        return selected
    return await grow_tree(engine, actors, settings, selected, on_turn)


async def grow_tree(
    engine: Engine,
    actors: Actors,
    settings: GrowSettings,
    problem: Problem,
    on_turn: Callable[[], None] = lambda: None,
) -> Tree:
    """Grow the whole tree. Calls that stand in the journal are replayed from it."""
    growth = Growth(engine, actors, settings, problem)
    prompt = opening(problem)
    turns: list[Turn] = []
    expanded: list[Action] = []
    messages = prompt
    for index in range(settings.max_turns):
        try:
            actions = await sample_turn(growth, index, messages, expanded)
        except RequestRefusedError:
            if not turns:
                raise
            # The history has outgrown the model: the tree ends with the turn before.
            turns[-1] = replace(turns[-1], expanded=None, reply=None, critique=None, leaked=False)
            break
        turn = choose(actions, problem, settings, index, {actor.name for actor in actors.pool})
        await engine.forest.add_actions(growth.tree, index, actions)
        on_turn()
        if index + 1 == settings.max_turns:
            turn = replace(turn, expanded=None)
        try:
            turn = await _discuss(growth, messages, turn)
        except RequestRefusedError:
            # The conversation has outgrown the critic: without a critique the tree ends here.
            turn = replace(turn, expanded=None)
        turns.append(turn)
        if turn.expanded is None:
            break
        wrong = turn.incorrect[turn.expanded]
        expanded.append(wrong)
        messages = (*messages, Message("assistant", wrong.text), Message("user", turn.reply or ""))
    return Tree(growth.tree, problem, prompt, tuple(turns))


async def _discuss(growth: Growth, messages: tuple[Message, ...], turn: Turn) -> Turn:
    """The same turn with the critiques of its correct actions and of the one that is gone on with."""
    praised = turn.correct if growth.settings.critique_correct and growth.actors.critic is not None else ()
    wrong = None if turn.expanded is None else turn.incorrect[turn.expanded]
    said: list[Critique] = await together(
        *(praise(growth, turn.index, messages, action, place) for place, action in enumerate(praised)),
        *(() if wrong is None else (criticise(growth, turn.index, messages, wrong),)),
    )
    turn = replace(turn, praise=tuple(critique.text for critique in said[: len(praised)]))
    if wrong is None:
        return turn
    critique = said[-1]
    return replace(turn, critique=critique.text, leaked=critique.leaked, reply=reply(wrong, critique.text))
