"""What a benchmark of reward models is: pairs of answers to one prompt, and which one people prefer.

In:  published rows. Out: items; later, with what a scorer said of them, figures.
Always true: an item's id is that of its published row, or its place in the file, from 0; a row that can't be used is
set aside with its file, number and field; an answer that a scorer could not read is never preferred.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.benchmark import Published
from preftree.evaluate.items import usable
from preftree.evaluate.rewards.figures import Figure
from preftree.problems.places import Value
from preftree.problems.rows import BadRowError, Row
from preftree.records import Message

FIRST, SECOND, TIE = 0, 1, 2
Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class RewardItem:
    """Two finished conversations, the preferred one (0, 1, or 2: a tie), and what figures are grouped by."""

    id: str
    conversations: tuple[Conversation, Conversation]
    preferred: int
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scorer said of an item: a reward for each answer, -inf for one that it could not read.

    `votes` are a judge's, one for each order that it was asked in: 0 or 1 (that answer is better, in the item's own
    order), 2 (a tie), None (no verdict could be read). A judge's rewards are 1, 0 or 0.5 each.
    """

    rewards: tuple[float, float]
    votes: tuple[int | None, ...] = ()

    @property
    def gap(self) -> float:
        """The first reward less the second; nan where neither could be read."""
        return self.rewards[0] - self.rewards[1]

    def choice(self, threshold: float = 0.0) -> int | None:
        """Which answer the scorer prefers; a tie where rewards are equal or closer than `threshold`; None where it
        said nothing that could be read."""
        if math.isnan(self.gap) or None in self.votes:
            return None
        if self.gap == 0 or abs(self.gap) < threshold:
            return TIE
        return FIRST if self.gap > 0 else SECOND


def judged(votes: Sequence[int | None]) -> Outcome:
    """A judge's outcome: what all its votes say, or a tie where they differ or say nothing."""
    said = votes[0] if votes and all(vote == votes[0] for vote in votes) else TIE
    rewards = {FIRST: (1.0, 0.0), SECOND: (0.0, 1.0)}.get(TIE if said is None else said, (0.5, 0.5))
    return Outcome(rewards, tuple(votes))


Scored = Sequence[tuple[RewardItem, Outcome]]


@dataclass(frozen=True, slots=True)
class FigureSettings:
    """What figures may be told beside rewards."""

    tie_threshold: float = 0.0  # rewards closer than this are a tie, in the figures with a fixed threshold

    def __post_init__(self) -> None:
        if not self.tie_threshold >= 0:
            raise InputError(f"tie_threshold: expected 0 or more, got {self.tie_threshold}")


@dataclass(frozen=True, slots=True)
class Read:
    """The items, in the order of the file, and the rows that were set aside."""

    items: tuple[RewardItem, ...]
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RewardBenchmark:
    """Raise `version` when a figure could change.

    `rows` is how many the published set has. `row` are columns of the paper's table 4 and the names of the figures for
    them, of which the first that there is counts. `ties`: whether people could call both as good, so that a judge may.
    """

    name: str
    published: Published
    read: Callable[[str | None, Published], Read]
    rows: int
    figures: Callable[[Scored, FigureSettings], list[Figure]]
    row: Mapping[str, tuple[str, ...]]
    ties: bool
    version: int = 1


def read_rows(rows: Iterable[Value], item_of: Callable[[Row, int], RewardItem]) -> Read:
    """As `usable`; where an id stands for rows of several subsets, it is written `subset/id`."""
    aside: list[str] = []
    found = list(usable(rows, item_of, aside))
    counts = Counter(item.id for _, item in found)
    items: dict[str, RewardItem] = {}
    for where, item in found:
        if counts[item.id] > 1 and "subset" in item.labels:
            item = replace(item, id=f"{item.labels['subset']}/{item.id}")
        if item.id in items:
            aside.append(f"{where}: the id {item.id} a second time")
        items.setdefault(item.id, item)
    return Read(tuple(items.values()), tuple(aside))


def answer_text(row: Row, name: str) -> str:
    """An answer as it stands, byte for byte; it may be empty (some models said nothing)."""
    value = row.get(name)
    if not isinstance(value, str):
        raise BadRowError(name, "missing" if value is None else f"expected text, got {type(value).__name__}")
    return value


def turns(row: Row, name: str) -> Conversation:
    """A list of {"role", "content"}."""
    value: Any = row.get(name)
    if not isinstance(value, list) or not value:
        raise BadRowError(name, "expected a list of messages with role and content")
    messages = []
    for turn in value:
        if not isinstance(turn, dict) or not isinstance(turn.get("content"), str):
            raise BadRowError(name, "expected a list of messages with role and content")
        if turn.get("role") not in ("system", "user", "assistant"):
            raise BadRowError(name, f"expected the role system, user or assistant, got {turn.get('role')!r}")
        messages.append(Message(turn["role"], turn["content"]))
    return tuple(messages)


def asked_once(prompt: str, answer: str) -> Conversation:
    return (Message("user", prompt), Message("assistant", answer))
