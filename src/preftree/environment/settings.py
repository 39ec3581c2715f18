"""What a user may set of the environment, and the form in which earlier actions come back.

In:  a recipe's values. Out: frozen settings that the pool, the jail and the supervisor read.
Always true: a limit holds for the sum over all processes of one action; a limit that is no positive
number is refused when the settings are made, before any process starts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from preftree.environment.tools import ToolSettings
from preftree.errors import InputError
from preftree.records import ToolCall

# Told as a warning, and in every result that was made so.
UNJAILED = (
    "environment.isolation=none: programs that a model wrote run without a jail, as you, with your files and network"
)
"""What stands in every result that was made without a jail."""
# Statuses after which an action's effects were lost: such an action is never replayed.
LOST = frozenset({"time", "memory", "output", "processes", "killed", "broken", "syntax", "none"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one action may use, all its processes together."""

    cpu_s: float = 5.0  # CPU seconds, user and system
    wall_s: float = 20.0  # seconds by the clock; looser, so that a busy machine does not change a score
    memory_mb: int = 1024  # MiB on top of the warm interpreter
    processes: int = 32  # processes and threads at one time
    open_files: int = 64  # open files of one process
    file_mb: int = 16  # MiB of one file
    scratch_mb: int = 64  # MiB of all files in scratch space, which lies in memory
    capture_kb: int = 1024  # KiB of output after which an action is stopped
    output_chars: int = 4000  # characters of output that the actor is shown; more is cut in the middle
    tool_calls: int = 20  # questions to the host's tools in one action

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if not value > 0:
                raise InputError(f"environment.limits.{item.name}: expected a positive number, got {value!r}")


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """How actions are run."""

    workers: int | None = None  # jails kept warm; None: one a core
    isolation: str = "bubblewrap"  # "bubblewrap", or "none": judged code runs as the user, with no jail at all
    limits: Limits = field(default_factory=Limits)
    preload: tuple[str, ...] = ("numpy", "sympy", "pandas")  # modules that each action finds imported
    tools: ToolSettings = field(default_factory=ToolSettings)

    def __post_init__(self) -> None:
        if self.isolation not in ("bubblewrap", "none"):
            raise InputError(f'environment.isolation: expected "bubblewrap" or "none", got {self.isolation!r}')
        if self.workers is not None and self.workers < 1:
            raise InputError(f"environment.workers: expected 1 or more, got {self.workers}")


# What a jail without `preload` still finds imported: what programs under test use most.
STANDARD = (
    "bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "operator", "random", "re", "statistics", "string", "sys", "typing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier action of the same trajectory, and how it ended."""

    code: str
    status: str
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def replayed(self) -> bool:
        """Whether its effects are part of the state: it ran to its end, or to its own error."""
        return self.status not in LOST
