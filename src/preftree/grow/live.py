"""What a run of growing shows while it runs, and the log it leaves.

In:  the engine's account, trees as they end, what actors met with. Out: a line of state, for the terminal and, once a
minute, in `grow.log` beside the forest; at the end the account and the faults, in counts.
Always true: the account is that of all restarts; the log's size is bounded (two files of a megabyte).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from preftree.actors import Actor
from preftree.forest import Account
from preftree.records import Tree

_LOG_BYTES = 1 << 20
_LOGGED_EVERY_S = 60.0


class Live:
    """The state of a run, in words. `total` counts the problems, `done` those that earlier runs have settled."""

    def __init__(self, total: int, done: int, log: logging.Logger) -> None:
        self.total, self.settled = total, done
        self.log = log
        self._stages: Counter[str] = Counter()
        self._logged = time.monotonic()

    def tree(self, tree: Tree) -> None:
        """A tree has ended."""
        self.settled += 1
        self._stages.update(turn.correct[0].stage if turn.correct else "none" for turn in tree.turns)

    def set_aside(self, problem: str, reason: str) -> None:
        """A problem has ended without a tree."""
        self.settled += 1
        self.log.info("problem %s has no tree: %s", problem, reason)

    def line(self, account: Account) -> str:
        """`12 of 40 problems, 118 calls, 20,311 tokens, $0.31; correct by sample 60%, escalation-1 12%, none 28%`."""
        said = f"{self.settled:,} of {self.total:,} problems, {spent(account)}"
        turns = self._stages.total()
        if turns:
            shares = (f"{stage} {count / turns:.0%}" for stage, count in sorted(self._stages.items()))
            said += f"; correct by {', '.join(shares)}"
        if time.monotonic() - self._logged > _LOGGED_EVERY_S:
            self._logged = time.monotonic()
            self.log.info(said)
        return said


def spent(account: Account) -> str:
    """Calls, tokens and money of all restarts, and what calls without an answer may have cost beside."""
    said = f"{account.calls:,} calls, {account.input_tokens + account.output_tokens:,} tokens"
    said += f", ${account.price_usd:.2f}" if account.price_usd else ""
    return said + (f" (and {account.unanswered_calls:,} calls without an answer)" if account.unanswered_calls else "")


def event_lines(actors: Iterable[Actor]) -> list[str]:
    """What happened at each server, in counts: `actor far: http://host/v1: 429, 31 times`."""
    return [
        f"actor {actor.name}: {event.server}: {event.name}, {event.count:,} times"
        for actor in {id(actor): actor for actor in actors}.values()
        for event in actor.events()
    ]


@contextmanager
def run_log(out: Path) -> Iterator[logging.Logger]:
    """The log of a run, `grow.log` in its directory: gone on with, and bounded."""
    log = logging.Logger("preftree.grow", logging.INFO)
    handler = RotatingFileHandler(out / "grow.log", maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    try:
        yield log
    finally:
        handler.close()
