"""All actions of one turn: from the actor, stronger ones, the pool, and at last from the ground truth.

In:  a tree's growth, the conversation so far. Out: judged actions, in the order of stages and samples.
Always true: whose samples are drawn, and how many, depends on verdicts and seeds, never on timing; sample indices go on
through the rounds of a turn, so that an actor that is asked again draws anew.

The order is the paper's (FACTS section 1, "Getting a correct action"): sample; if none is correct, go to stronger
actors; if still none, give the reference away (hints.py). The first correct one of independent samples is distributed
as a random correct one of 20, so samples are drawn in growing batches until the targets are met. Meanwhile one actor of
the pool, drawn for the turn, writes incorrect actions; if it writes none, the next one is asked.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from preftree.actors import Actor
from preftree.engine import BY_MODEL, act, past_of, together
from preftree.environment import Past
from preftree.errors import RequestRefusedError
from preftree.grow.choice import count
from preftree.grow.growth import Growth
from preftree.grow.hints import from_references
from preftree.grow.judging import judged
from preftree.grow.schemata import manner_of
from preftree.records import Action, Message


async def sample_turn(
    growth: Growth, turn: int, messages: tuple[Message, ...], expanded: Sequence[Action]
) -> list[Action]:
    """Raises RequestRefusedError if every actor that was asked refuses the conversation."""
    round_ = _Round(growth, turn, messages, past_of(expanded))
    if growth.problem.verifier == BY_MODEL:
        # Without a ground truth there are no pairs: sampling only, until one is found good.
        return round_.answered(await round_.climb(rungs=1))
    # The pool's actions are wanted whatever the actor's are: nobody waits for the other.
    actions, rivals = await together(round_.climb(), round_.rivals())
    hinted: list[Action] = []
    if growth.settings.hints and not count(actions, correct=True):
        hinted = await from_references(growth, turn, messages, round_.past)
        # A challenging problem: an incorrect action for each correct one.
        rivals += await round_.more_rivals(count(hinted, correct=True) - count(rivals, correct=False))
    return round_.answered(actions + rivals + hinted)


class _Round:
    """The draws of one turn, and the refusals among them."""

    def __init__(self, growth: Growth, turn: int, messages: tuple[Message, ...], past: list[Past]) -> None:
        self.growth, self.turn, self.messages, self.past = growth, turn, messages, past
        self._refusals: list[RequestRefusedError] = []
        pool = list(range(len(growth.actors.pool)))
        random.Random(growth.seed("pool", turn)).shuffle(pool)
        self._pool = pool

    def answered(self, actions: list[Action]) -> list[Action]:
        """The actions; if there are none because actors refused, the refusal."""
        if not actions and self._refusals:
            raise min(self._refusals, key=str)
        return actions

    async def climb(self, rungs: int | None = None) -> list[Action]:
        """Actions of the ladder, rung by rung until one is correct."""
        settings, actors = self.growth.settings, self.growth.actors
        incorrect = 0 if actors.pool or self.growth.problem.verifier == BY_MODEL else settings.incorrect
        actions: list[Action] = []
        for step, actor in enumerate(actors.ladder[:rungs]):
            if step and count(actions, correct=True):
                break
            stage, wanted = (f"escalation-{step}", 0) if step else ("sample", incorrect)
            first = step * sum(settings.batches)
            actions += await self._draw(actor, "actor", stage, settings.batches, (settings.correct, wanted), first)
        return actions

    async def rivals(self) -> list[Action]:
        """Actions of one actor of the pool; of the next one too where it gives no incorrect one."""
        drawn: list[Action] = []
        for place in self._pool:
            if count(drawn, correct=False):
                break
            drawn += await self._draw_rival(place, self.growth.settings.incorrect)
        return drawn

    async def more_rivals(self, missing: int) -> list[Action]:
        """As many incorrect actions more, of the first of the pool, in another round of its batches."""
        if missing <= 0 or not self._pool:
            return []
        return await self._draw_rival(self._pool[0], missing, sum(self.growth.settings.pool_batches))

    async def _draw_rival(self, place: int, wanted: int, first: int = 0) -> list[Action]:
        actor, batches = self.growth.actors.pool[place], self.growth.settings.pool_batches
        return await self._draw(actor, f"pool-{place}", "sample", batches, (0, wanted), first)

    async def _draw(
        self, actor: Actor, role: str, stage: str, batches: Sequence[int], wanted: tuple[int, int], first: int
    ) -> list[Action]:
        """Batches until `wanted` (correct, incorrect) actions are there, or the cap is reached.

        An actor that refuses the conversation (too long, filtered) gives what it gave: others may yet answer.
        """
        growth, drawn = self.growth, list[Action]()
        place = growth.place(self.turn, role, stage)
        manner = manner_of(growth.settings, growth.problem, self.turn, role)
        for size in batches:
            if count(drawn, correct=True) >= wanted[0] and count(drawn, correct=False) >= wanted[1]:
                break
            samples = range(first + len(drawn), first + len(drawn) + size)
            try:
                drawn += await judged(
                    growth,
                    self.turn,
                    await act(
                        growth.engine,
                        actor,
                        place,
                        growth.problem,
                        self.messages,
                        self.past,
                        samples,
                        growth.sampling,
                        growth.settings.seed,
                        manner,
                    ),
                )
            except RequestRefusedError as refusal:
                self._refusals.append(refusal)
                break
        return drawn
