"""The settings of growing, and who plays which role."""

from __future__ import annotations

from dataclasses import dataclass

from preftree.actors import Actor
from preftree.errors import InputError


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
    )  # samples drawn at a time until the targets are met; their sum is the cap
    pool_batches: tuple[int, ...] = (1, 1, 2)  # the same, for each actor of the pool for incorrect actions
    hints: bool = True  # step 3: correct actions from references, when sampling gives none
    leak_attempts: int = 2  # how often a critique that gives the answer away is asked for again
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512  # tokens of one action
    stop: tuple[str, ...] = ()
    prefill: str = ""  # the given start of every sampled action, part of it; left out for an actor that can't
    concurrency: int = 256  # trees grown at a time

    def __post_init__(self) -> None:
        for name in ("max_turns", "correct", "incorrect", "max_tokens", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if not self.batches or min((*self.batches, *self.pool_batches)) < 1:
            raise InputError("batches and pool_batches: expected numbers of at least 1")


@dataclass(frozen=True, slots=True)
class Actors:
    """Who plays which role. `ladder` is the actor and, in order, the stronger ones.

    `pool` holds the actors whose incorrect actions are preferred for pairs, so that chosen and rejected come from
    different actors. `critic` None: critiques are made from the trace and the verdict (a deviation from the paper).
    """

    ladder: tuple[Actor, ...]
    pool: tuple[Actor, ...] = ()
    critic: Actor | None = None
