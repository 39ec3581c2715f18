"""The settings of growing, and who plays which role."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from preftree.actors import Actor
from preftree.engine import BY_MODEL
from preftree.errors import InputError
from preftree.records import Problem

Schema = Literal["cot", "modular"]


@dataclass(frozen=True, slots=True)
class GrowSettings:
    """How trees are grown. The defaults are the paper's, but for the batches."""

    seed: int = 0
    max_turns: int = 5  # at most so many turns a tree
    correct: int = 1  # correct actions wanted a turn
    incorrect: int = 1  # incorrect actions wanted a turn
    batches: tuple[int, ...] = (
        1,
        1,
        2,
        4,
        12,
    )  # samples drawn at a time until the targets are met; their sum is the cap; the paper's: [20]
    pool_batches: tuple[int, ...] = (1, 1, 2)  # the same, for an actor of the pool for incorrect actions
    choice: Literal["first", "random"] = "first"  # which of several fitting samples are kept; the paper's: random
    schemata: tuple[Schema, ...] = ("cot", "modular")  # reasoning schemata, one drawn a sample; none: no instruction
    hints: bool = True  # step 3: correct actions from references, when sampling gives none
    hint_attempts: int = 1  # draws for each reference, until one is correct
    critique_correct: bool = True  # where there is a critic, it says of correct actions too what is good in them
    leak_attempts: int = 2  # how often a critique that gives the answer away is asked for again
    baseline_samples: int = 1  # answers of the baseline actor to a problem with a filter; one correct: passed over
    baseline_temperature: float = 0.0
    writer_attempts: int = 3  # how often the writer is asked for a problem's test inputs, at most
    writer_max_tokens: int = 4096  # tokens of one list of inputs
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512  # tokens of one action
    stop: tuple[str, ...] = ()
    prefill: str = ""  # the given start of every sampled action, part of it; left out for an actor that can't
    concurrency: int = 256  # trees grown at a time

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if not self.batches or min((*self.batches, *self.pool_batches)) < 1:
            raise InputError("batches and pool_batches: expected numbers of at least 1")
        for name in ("leak_attempts", "baseline_temperature"):
            if getattr(self, name) < 0:
                raise InputError(f"{name}: expected 0 or more, got {getattr(self, name)}")


_AT_LEAST_ONE = (
    "max_turns",
    "correct",
    "incorrect",
    "hint_attempts",
    "baseline_samples",
    "writer_attempts",
    "writer_max_tokens",
    "max_tokens",
    "concurrency",
)
# The actor and three stronger ones (FACTS section 1, "Getting a correct action").
MOST_RUNGS = 4
OPTIONAL_ROLES = ("critic", "hinter", "baseline", "judge", "writer")
"""Roles that a run may do without; what happens then stands in docs/growing.md."""


@dataclass(frozen=True, slots=True)
class Actors:
    """Who plays which role. `ladder` is the actor and, in order, up to three stronger ones; one may stand there again.

    `pool` holds the actors of which one, drawn for each turn, writes its incorrect actions, so that chosen and rejected
    come from different actors; empty: the ladder's own are taken. `critic` None: critiques are made from the trace and
    the verdict (a deviation from the paper). `hinter` None: the first of the ladder writes from references.
    `baseline`, `judge` and `writer` are needed where a problem asks for them.
    """

    ladder: tuple[Actor, ...]
    pool: tuple[Actor, ...] = ()
    critic: Actor | None = None
    hinter: Actor | None = None
    baseline: Actor | None = None
    judge: Actor | None = None
    writer: Actor | None = None

    def __post_init__(self) -> None:
        check_ladder(len(self.ladder))

    @property
    def all(self) -> list[Actor]:
        """Everybody, by role; one who plays several stands there as often."""
        optional = [getattr(self, role) for role in OPTIONAL_ROLES]
        return [*self.ladder, *self.pool, *(actor for actor in optional if actor is not None)]

    @property
    def played(self) -> list[str]:
        """The optional roles that somebody plays."""
        return [role for role in OPTIONAL_ROLES if getattr(self, role) is not None]


def needed(problem: Problem) -> dict[str, str]:
    """The optional roles without which this problem can't be grown, each with the reason."""
    roles = {}
    if problem.filter:
        roles["baseline"] = "is grown only if the baseline actor fails it"
    if problem.verifier == BY_MODEL:
        roles["judge"] = "has no ground truth, so a model judges its answers"
    if lacks_tests(problem):
        roles["writer"] = "has no tests yet, so a model writes their inputs"
    return roles


def lacks_tests(problem: Problem) -> bool:
    """Whether a program's tests have yet to be written: `tests` is there and empty."""
    return problem.tests is not None and not problem.tests.code and not problem.tests.cases


def check_ladder(num_rungs: int) -> None:
    """Raise InputError for a ladder without an actor, or with more than the paper's three stronger ones."""
    if not 1 <= num_rungs <= MOST_RUNGS:
        raise InputError(f"ladder: expected 1 to {MOST_RUNGS} actors with a model, got {num_rungs}")


def check_roles(problems: Sequence[Problem], played: Collection[str]) -> None:
    """Raise InputError for the first problem whose role nobody plays: told before any call is paid."""
    for problem in problems:
        for role, why in needed(problem).items():
            if role not in played:
                raise InputError(f"problem {problem.id} {why}: name an actor with a model as {role}")
