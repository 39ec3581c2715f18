"""What every source takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

from preftree.records import Problem, Task


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Which problems of which source."""

    name: str  # a name in SOURCES
    path: str | None = None  # file or folder in the published format, or a hub id; None: the source's own hub id
    split: str = "train"  # of a hub id; written into the problems; a generator draws others for another split
    limit: int | None = None  # at most so many rows (of each family, for reasoning_gym); None: all (or 100)
    offset: int = 0  # rows passed over first: with one seed, two ranges share no problem
    seed: int = 0  # of the generators, and of the order in which a file's rows are drawn where there is a limit
    families: tuple[str, ...] = ()  # reasoning_gym only: the families, all of them if none is named
    forms: tuple[Task, ...] = ()  # mathematics: what is made of a row, Math_PoT, Math_CoT or both; (): the source's own
    filter: bool = False  # grow only the problems that the baseline actor fails
    config: str = ""  # of a hub id; "": the source's own


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that is no usable problem. `where` names file, row and field."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The problems, the rows set aside as broken, and how many sound rows a rule of the source left out, by rule."""

    problems: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()
    passed_over: tuple[tuple[str, int], ...] = ()

    @property
    def with_program(self) -> int:
        """How many problems have a reference with a program."""
        return sum(any(r.program is not None for r in problem.references) for problem in self.problems)
