"""MATH: competition mathematics (Hendrycks et al., 2021).

In:  published rows: problem, level, type, solution. Out: problems whose answer is the last \\boxed{} of the solution
(braces matched) and whose rationale is the solution. No program: a solution in prose can't be turned into one.
The package carries no rows of it (its licence is contested).
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "EleutherAI/hendrycks_math"
_SUBJECTS = (
    "algebra", "counting_and_probability", "geometry", "intermediate_algebra", "number_theory", "prealgebra",
    "precalculus",
)  # fmt: skip
_BOXES = ("\\boxed", "\\fbox")


def load_math(settings: SourceSettings) -> Loaded:
    rows = published(settings, HUB, configs=_SUBJECTS)
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    instruction, solution = text_field(row, "problem"), text_field(row, "solution")
    answer = last_box(solution)
    if not answer:
        raise BadRowError("solution", "no \\boxed{} answer" if answer is None else "an empty \\boxed{}")
    identity = question_id("math", instruction)
    return Problem(
        id=identity,
        dataset="math",
        task="Math_PoT",
        instruction=instruction,
        references=(Reference(answer, rationale=solution),),
        verifier="math",
        group=identity,
        split=split,
    )


def last_box(solution: str) -> str | None:
    """What the last box holds: `\\boxed{\\frac{1}{2}}`, or the one token of `\\boxed 5`; None if there is none."""
    start = max(solution.rfind(box) for box in _BOXES)
    if start < 0:
        return None
    rest = solution[start:].removeprefix("\\boxed").removeprefix("\\fbox").lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].split()[0] if rest.split("$")[0].split() else None
    depth = 0
    for i, character in enumerate(rest):
        escaped = i > 0 and rest[i - 1] == "\\" and (i < 2 or rest[i - 2] != "\\")
        depth += 0 if escaped else (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:i].strip()
    return None
