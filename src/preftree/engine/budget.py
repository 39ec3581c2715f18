"""What a run may spend, what it has spent, and what its calls in flight may yet spend.

In:  limits; the bound of a call before it is sent, its spend once it is answered.
Out: whether a call may be sent now, later or never.
Always true: what is spent and the bounds of all in flight stay within every limit, so no order of answers exceeds one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from preftree.actors import Prices
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.records import Request

# What a chat template and a server's own preamble may add to a prompt, in tokens: in all, and for each message.
_PREAMBLE, _FRAME = 256, 16
# Sums of prices are rounded; a budget for exactly so many calls must not lack the last one for it.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Budget:
    """What a run may spend, over all its restarts. None: no limit.

    A call is sent only if the limit holds even where it costs the most it can. A call that was not answered counts as
    that most. What a server bills for attempts that it broke off itself, within a call that it answered, is not seen.
    """

    calls: int | None = None
    tokens: int | None = None  # input and output together
    usd: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "usd"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise InputError(f"budget.{name}: expected 0 or more, got {limit}")

    def ledger(self, spent: Spend) -> Ledger:
        """The sums of a run on one machine that has spent so much before."""
        return Ledger(self, spent)


class Purse(Protocol):
    """What calls are paid from: a budget of one's own, or a share of a cluster's (cluster.py)."""

    def ledger(self, spent: Spend) -> Ledger:
        """The sums of a run that has spent so much before."""
        ...


@dataclass(frozen=True, slots=True)
class Spend:
    """An amount in each unit of a budget."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        return Spend(self.calls + other.calls, self.tokens + other.tokens, self.usd + other.usd)

    def __sub__(self, other: Spend) -> Spend:
        return Spend(self.calls - other.calls, self.tokens - other.tokens, self.usd - other.usd)


def bound(prices: Prices, request: Request) -> Spend:
    """The most that one call can cost.

    A tokenizer makes at most one token of a byte of UTF-8. Servers draw each sample from a prompt of its own.
    """
    texts = [message.content for message in request.messages] + [request.text or "", request.prefill]
    written = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    num_samples = len(request.samples)
    input_tokens = num_samples * (written + _PREAMBLE + _FRAME * len(request.messages))
    output_tokens = num_samples * request.max_tokens
    usd = input_tokens * max(prices.input_usd, prices.cached_input_usd) + output_tokens * prices.output_usd
    return Spend(1, input_tokens + output_tokens, usd / 1e6)


def accounted(forest: Forest, prices: Mapping[str, Prices]) -> tuple[Spend, Spend]:
    """What the journal says was spent by answered calls, and what those without an answer may have spent.

    `prices` are the actors', by name.
    """
    account = forest.account()
    spent = Spend(account.calls, account.input_tokens + account.output_tokens, account.price_usd)
    doubtful = (bound(prices.get(name, Prices()), request) for name, request in forest.unanswered())
    return spent, sum(doubtful, Spend())


class Ledger:
    """The sums of a run. A call is held at its bound while it is in flight, then settled."""

    def __init__(self, budget: Budget, spent: Spend) -> None:
        self._budget = budget
        self._spent = spent
        self._unanswered = Spend()
        self._held: dict[int, Spend] = {}
        self._all_held = Spend()
        self._tickets = itertools.count()

    def hold(self, most: Spend) -> int:
        """Count a call that is about to be sent; the ticket settles it."""
        ticket = next(self._tickets)
        self._held[ticket] = most
        self._all_held += most
        return ticket

    def settle(self, ticket: int, spent: Spend | None) -> None:
        """What a call spent; None if it was not answered, which leaves its bound."""
        most = self._held.pop(ticket)
        # Sums of prices are rounded: begun anew whenever nothing is held, so that the rests don't pile up.
        self._all_held = self._all_held - most if self._held else Spend()
        if spent is None:
            self.doubt(most)
        else:
            self._spent += spent

    def doubt(self, most: Spend) -> None:
        """Count what calls that were not answered may have spent."""
        self._spent += most
        self._unanswered += most

    def fits(self, most: Spend) -> bool:
        """Whether a call may be sent now, beside those in flight."""
        return not exceeded(self._budget, self._spent + self._all_held + most)

    async def refusal(self, most: Spend) -> str | None:
        """Why a call may not be sent even once all in flight have ended; None if it may, now or once some have."""
        return refusal(self._budget, self._spent, most, self._unanswered)


def refusal(budget: Budget, spent: Spend, most: Spend, unanswered: Spend) -> str | None:
    """Why a call of at most `most` is beyond the budget, in a sentence; None if it is within."""
    for field, unit in exceeded(budget, spent + most):
        limit, sum_, need, doubtful = (getattr(sums, field) for sums in (budget, spent, most, unanswered))
        why = f"the budget of {_shown(limit)} {unit} "
        if sum_ >= limit * (1 - _ROUNDING):
            why += "is spent"
        else:
            why += f"has {_shown(limit - sum_)} left, and the next call may take {_shown(need)}"
        if doubtful:
            why += f" (up to {_shown(doubtful)} were spent by calls that were not answered)"
        return f"{why}; raise it and run the same command again to go on"
    return None


def exceeded(budget: Budget, total: Spend) -> list[tuple[str, str]]:
    """The fields and units whose limit `total` exceeds."""
    units = (("calls", "calls"), ("tokens", "tokens"), ("usd", "US dollars"))
    limits = [(field, unit, getattr(budget, field)) for field, unit in units]
    return [
        (field, unit)
        for field, unit, limit in limits
        if limit is not None and getattr(total, field) > limit * (1 + _ROUNDING)
    ]


def _shown(amount: float) -> str:
    return str(amount) if isinstance(amount, int) else f"{amount:.6g}"
