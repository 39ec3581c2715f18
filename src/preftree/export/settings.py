"""What of a forest is written, and how.

In:  names and numbers. Out: settings, or one sentence on what is wrong with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from preftree.errors import InputError
from preftree.export.action_pairs import ActionPairLimits

_ALLOWED = {
    "columns": ("ultrainteract", "trl"),
    "history": ("drop", "keep", "trajectory"),
    "response": ("action", "reference"),
    "format": ("jsonl", "parquet"),
}


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """Which rows of a forest are written, and in which form."""

    columns: str = "ultrainteract"
    """As the published sets have them, or "trl": lists of messages, and a file of unpaired answers with labels."""
    history: str = "drop"
    """SFT rows: "drop" (instruction and correct action), "keep" (the turns before it in the prompt too), "trajectory"
    (the whole conversation that ends in the correct action, as messages)."""
    response: str = "action"
    """SFT rows: the correct "action", or "reference": the data set's own reasons and answer in its place."""
    format: str = "jsonl"
    """"jsonl" or "parquet"."""
    held_out: float = 0.0
    """Share of the problems whose rows go to *.held_out files, with a tool and without alike."""
    seed: int = 0
    """Which problems those are."""
    action_pairs: ActionPairLimits = field(default_factory=ActionPairLimits)

    def __post_init__(self) -> None:
        for name, allowed in _ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise InputError(f'export: {name} "{getattr(self, name)}" is unknown; expected {" or ".join(allowed)}')
        if not 0 <= self.held_out < 1:
            raise InputError(f"export: held_out: expected at least 0 and less than 1, got {self.held_out}")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the files, without their endings."""
        return ("sft", "pairs", "action_pairs", *(("unpaired",) if self.columns == "trl" else ()))
