"""What every source takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

from preftree.records import Problem


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Which problems of which source."""

    name: str  # a name in SOURCES
    path: str | None = None  # file in the published format (JSONL, or .gz of it); None: what the package carries
    split: str = "train"  # written into the problems; a generator draws other problems for another split
    limit: int | None = None  # at most so many problems (of each family, for reasoning_gym); None: all (or 100)
    offset: int = 0  # problems passed over first: with one seed, two ranges share no problem
    seed: int = 0  # of the generators, and of the order in which a file's rows are drawn where there is a limit
    families: tuple[str, ...] = ()  # reasoning_gym only: the families, all of them if none is named


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that is no usable problem. `where` names file, row and field."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The problems, the rows set aside, and how many of the problems have a reference program."""

    problems: tuple[Problem, ...]
    set_aside: tuple[SetAside, ...] = ()

    @property
    def with_program(self) -> int:
        return sum(any(r.program is not None for r in problem.references) for problem in self.problems)
