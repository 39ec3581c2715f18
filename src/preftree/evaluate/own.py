"""Problems of one's own under a protocol: several turns with feedback. The verifier is the problems' own."""

from __future__ import annotations

from dataclasses import dataclass

from preftree.errors import InputError
from preftree.records import Problem


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a model is asked. After a wrong turn it sees observation, verdict and a critique from the trace."""

    turns: int = 1  # at most so many turns; a correct one ends the conversation
    samples: int = 1  # conversations a problem
    temperature: float = 0.0  # 0: greedy
    top_p: float = 1.0
    max_tokens: int = 512  # tokens a turn
    stop: tuple[str, ...] = ()
    prefill: str = ""
    seed: int = 0
    concurrency: int = 256  # conversations at a time

    def __post_init__(self) -> None:
        for name in ("turns", "samples", "max_tokens", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Problems under a protocol. Raise `version` when a score could change."""

    name: str
    problems: tuple[Problem, ...]
    protocol: Protocol
    version: int = 1
