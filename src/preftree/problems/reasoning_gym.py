"""Generated problems: families of reasoning-gym, each with a reference program made from the problem's own numbers.

In:  families by name, a seed, a split, how many. Out: problems with distinct questions.
Always true: a program computes its answer from what the question says (it never holds the answer), its last
expression has the answer as its value, its steps are marked `# Step n: …`; a generated row whose own answer its
program would not give (checked where it is known to happen) is passed over. A split draws from seeds of its own,
yet small families repeat themselves: `disjoint` makes sure of what is held out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from preftree.errors import InputError
from preftree.problems.generated import FAMILIES, Family
from preftree.problems.questions import normalise_question, question_id
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

_DEFAULT_LIMIT = 100
# Rows drawn for each one wanted, at most: a family that repeats itself more than this has run dry.
_MAX_DRAWS = 12


def families() -> tuple[str, ...]:
    """The families that there are, in order of their names."""
    return tuple(sorted(FAMILIES))


def load_reasoning_gym(settings: SourceSettings) -> Loaded:
    if settings.path is not None:
        raise InputError("source reasoning_gym: path: it generates its problems, there is no file to read")
    problems: list[Problem] = []
    for name in settings.families or families():
        if name not in FAMILIES:
            raise InputError(f'source reasoning_gym has no family "{name}"; there are {", ".join(families())}')
        wanted = settings.limit or _DEFAULT_LIMIT
        problems += _distinct(name, settings, settings.offset + wanted)[settings.offset :]
    return Loaded(tuple(problems))


def _distinct(name: str, settings: SourceSettings, wanted: int) -> list[Problem]:
    """As many problems as are wanted, or as the family has."""
    problems: dict[str, Problem] = {}
    for row in _rows(name, settings, wanted * _MAX_DRAWS):
        problem = _problem(name, FAMILIES[name], row, settings.split)
        if problem is not None:
            problems.setdefault(normalise_question(problem.instruction), problem)
        if len(problems) == wanted:
            break
    return list(problems.values())


def _rows(name: str, settings: SourceSettings, size: int) -> Iterator[dict[str, Any]]:
    from reasoning_gym.factory import create_dataset

    # reasoning-gym seeds row i with seed + i: seeds that lie side by side would share nearly all rows.
    key = f"{name} {settings.split} {settings.seed}"
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") >> 1
    dataset = create_dataset(name, seed=seed, size=size, **FAMILIES[name].config)
    return (dataset[i] for i in range(size))


def _problem(name: str, family: Family, row: dict[str, Any], split: str) -> Problem | None:
    drawn = family.problem(row)
    if drawn is None:
        return None
    identity = question_id(name, drawn.question)
    return Problem(
        id=identity,
        dataset=name,
        task="Math_PoT",
        instruction=drawn.question,
        references=(Reference(drawn.answer, program=drawn.program),),
        verifier=family.verifier,
        group=identity,
        split=split,
    )
