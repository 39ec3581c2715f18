"""What a model did in a step, and what it may still do.

In:  a response. Out: a move; counts of steps and proposals. Pure.
Always true, as MINT reads: a response with "<solution>" in it proposes one, whatever else it holds, and takes a
proposal even where nothing stands between the tags; otherwise its code is all that stands between the tags of code; an
action that holds neither is invalid, and takes a step like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from preftree.evaluate.grading.tags import between
from preftree.evaluate.mint.settings import MintSettings

# Where a model would go on with a turn that is not its own. Endpoints take four; the fifth is cut off here.
STOPS = ("\nObservation:", "\nExpert feedback:", "\nTask:", "\n---")
_ALL_STOPS = (*STOPS, "\nHuman:")
_SOLUTION = ("<solution>", "</solution>")
_CODE = {"execute": ("<execute>", "</execute>"), "python": ("```python", "```")}


@dataclass(frozen=True, slots=True)
class Move:
    """`text` is the solution, or the code; `proposes`: it takes one of the proposals."""

    kind: Literal["solution", "code", "invalid"]
    text: str = ""
    proposes: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """What was done so far."""

    steps: int = 0
    proposals: int = 0

    def after(self, move: Move) -> Count:
        return replace(self, steps=self.steps + 1, proposals=self.proposals + move.proposes)

    def left(self, settings: MintSettings) -> tuple[int, int]:
        """Steps and proposals."""
        return settings.k - self.steps, settings.proposals - self.proposals

    def ended(self, settings: MintSettings) -> bool:
        return min(self.left(settings)) <= 0


def own_turn(text: str) -> str:
    """A response up to where it goes on with another's turn, without blank space at its end."""
    for stop in _ALL_STOPS:
        text = text.partition(stop)[0]
    return text.rstrip()


def read_move(text: str, tag: str) -> Move:
    """The move of a response."""
    if "<solution>" in text:
        solution = _joined(_SOLUTION, text)
        return Move("solution" if solution else "invalid", solution, proposes=True)
    code = _joined(_CODE[tag], text)
    return Move("code" if code else "invalid", code)


def _joined(tags: tuple[str, str], text: str) -> str:
    return "\n".join(part.strip() for part in between(text, *tags))
