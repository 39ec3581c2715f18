"""The sums of a run over a whole cluster: what each shard has spent, and what it may spend without asking again.

In:  what shards have spent, hold for calls in flight, and need for the next one. Out: allotments; a stop, for all.
Always true: all allotments together stay within the budget, and a shard holds no more than its own, so no order of
messages exceeds a limit. A run is refused a call only where one machine would refuse it: when the limit would not hold
even once all calls in flight had ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from preftree.engine.budget import Budget, Spend, exceeded, refusal


@dataclass(frozen=True, slots=True)
class Allotment:
    """What a shard may spend and hold in all (None: no limit), and whether the run is to stop.

    `scarce`: others wait for what this shard does not need.
    """

    limit: Budget
    stop: str | None = None
    scarce: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all shards: what was spent (doubtful calls at their most), trees that are whole, why the run is to stop."""

    spent: Spend
    trees: int
    stop: str | None


class Treasury:
    """Serves one message at a time. `spent` is what the shards' journals say, `doubtful` its part without an answer."""

    def __init__(self, budget: Budget, spent: list[Spend], doubtful: list[Spend], trees: list[int]) -> None:
        self._budget = budget
        self._spent, self._doubtful, self._trees = list(spent), list(doubtful), list(trees)
        self._floor, self._allotted = list(spent), list(spent)
        self._reported = list(spent)
        self._stop: str | None = None
        self._scarce = False

    def enter(self, shard: int, spent: Spend, doubtful: Spend, trees: int) -> Allotment:
        """A worker opened a shard and read its journal; what a lost worker before it held is known from there."""
        self._spent[shard] = self._floor[shard] = self._allotted[shard] = spent
        self._doubtful[shard], self._trees[shard] = doubtful, trees
        # A worker prices what its forerunners left unanswered only when it needs the actor.
        self._reported[shard] = spent - Spend(usd=doubtful.usd)
        return self._answer(shard)

    def draw(self, shard: int, spent: Spend, held: Spend, doubtful: Spend, need: Spend | None) -> Allotment:
        """Give back all but what is spent and held, and get enough for a call of at most `need`, if it is there."""
        self._note(shard, spent, doubtful)
        self._allotted[shard] = _most(spent + held, self._floor[shard])
        if need is not None and self._stop is None:
            allotted = sum(self._allotted, Spend())
            if not exceeded(self._budget, allotted + need):
                self._allotted[shard] += need + self._spare(allotted + need)
            else:
                total, unanswered = sum(self._spent, Spend()), sum(self._doubtful, Spend())
                self._stop = refusal(self._budget, total, need, unanswered)
                self._scarce = True
        return self._answer(shard)

    def report(self, shard: int, spent: Spend, doubtful: Spend, trees: int) -> Allotment:
        """A sign of life, for the sums that are shown."""
        self._note(shard, spent, doubtful)
        self._trees[shard] = trees
        return self._answer(shard)

    def stop(self, reason: str) -> None:
        """No shard sends anything more. The first reason stays."""
        self._stop = self._stop or reason

    def totals(self) -> Totals:
        return Totals(sum(self._spent, Spend()), sum(self._trees), self._stop)

    def _note(self, shard: int, spent: Spend, doubtful: Spend) -> None:
        self._reported[shard] = spent
        self._spent[shard] = _most(spent, self._floor[shard])
        self._doubtful[shard] = _most(doubtful, self._doubtful[shard])

    def _spare(self, allotted: Spend) -> Spend:
        """What a shard gets beyond its need, so that it need not ask for each call; nothing once others wait."""
        if self._scarce:
            return Spend()
        parts = 2 * len(self._spent)
        free = [None if limit is None else limit - used for limit, used in _pairs(self._budget, allotted)]
        calls, tokens, usd = (0 if left is None else max(left, 0) for left in free)
        return Spend(int(calls // parts), int(tokens // parts), usd / parts)

    def _answer(self, shard: int) -> Allotment:
        # What is known here and not there yet is not there to be spent.
        known = self._allotted[shard] - (self._spent[shard] - self._reported[shard])
        return Allotment(within(self._budget, known), self._stop, self._scarce)


def within(budget: Budget, amount: Spend) -> Budget:
    """`amount` as a limit in the units that the budget limits."""
    return Budget(
        None if budget.calls is None else amount.calls,
        None if budget.tokens is None else amount.tokens,
        None if budget.usd is None else amount.usd,
    )


def _pairs(budget: Budget, amount: Spend) -> list[tuple[float | None, float]]:
    return [(budget.calls, amount.calls), (budget.tokens, amount.tokens), (budget.usd, amount.usd)]


def _most(one: Spend, other: Spend) -> Spend:
    """The larger in each unit."""
    return Spend(max(one.calls, other.calls), max(one.tokens, other.tokens), max(one.usd, other.usd))
