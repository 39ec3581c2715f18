"""How MINT is held: the steps, the tag of code, the feedback; and how a run names them.

In:  what follows "mint:" in a benchmark's name, such as "k=3:tag=python". Out: frozen settings; InputError in one
sentence for a name or a value that is none.
Always true: equal settings have one name, which leaves out what stands at its default; so "mint:k=5" is "mint".
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from preftree.errors import InputError

TAGS = ("execute", "python")
FEEDBACK = ("off", "textual", "binary", "textual-gt", "binary-gt")
_MAX_PROPOSALS = 2


@dataclass(frozen=True, slots=True)
class MintSettings:
    """One way to hold the conversations."""

    k: int = 5  # steps at most; the model is told, so success at k comes from a run with k steps
    tag: str = "execute"  # code stands between <execute> tags, or (python) in a fenced block
    feedback: str = "off"  # what an expert model says after each step; -gt: it is shown the reference

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 10:
            raise InputError(f"mint: k: expected 1 to 10 steps, got {self.k}")
        if self.tag not in TAGS:
            raise InputError(f'mint: tag: expected {" or ".join(TAGS)}, got "{self.tag}"')
        if self.feedback not in FEEDBACK:
            raise InputError(f'mint: feedback: expected one of {", ".join(FEEDBACK)}, got "{self.feedback}"')

    @property
    def proposals(self) -> int:
        """Solutions that may be proposed: 2, and with one step 1."""
        return min(_MAX_PROPOSALS, self.k)

    @property
    def with_feedback(self) -> bool:
        return self.feedback != "off"

    @property
    def name(self) -> str:
        """The benchmark's name under these settings."""
        changed = [(f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) != f.default]
        return ":".join(["mint", *(f"{name}={value}" for name, value in changed)])


def read_settings(text: str) -> MintSettings:
    """The settings of "k=3:tag=python"."""
    settings = MintSettings()
    names = [f.name for f in fields(MintSettings)]
    for part in text.split(":"):
        name, sign, value = part.partition("=")
        if not sign or name not in names:
            raise InputError(f'mint: expected {", ".join(f"{known}=…" for known in names)}, got "{part}"')
        settings = replace(settings, **{name: _typed(name, value)})
    return settings


def _typed(name: str, value: str) -> Any:
    if name != "k":
        return value
    if not value.isdecimal():
        raise InputError(f'mint: k: expected a number of steps, got "{value}"')
    return int(value)
