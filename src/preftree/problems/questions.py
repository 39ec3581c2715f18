"""When two questions are the same, and sets of problems that share none.

In:  texts, problems. Out: keys, ids, filtered problems. Pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from preftree.records import Problem

# Punctuation of prose. Signs that can be mathematics (- + * / = < > ( ) ^ % . between digits) tell questions apart.
_PROSE = re.compile(r"[\"'`\u2018\u2019\u201c\u201d?!,;:]|\.(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")


def normalise_question(text: str) -> str:
    """Case, white space, quotes and the punctuation of prose don't make another question; a sign or number does."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")
    return " ".join(_PROSE.sub(" ", _THOUSANDS.sub("", text)).split())


def question_id(dataset: str, question: str) -> str:
    """`gsm8k/3f2a…`: stable over seeds, slices and file orders."""
    return f"{dataset}/{hashlib.sha256(normalise_question(question).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class Disjoint:
    """Held-out problems kept, and the ids of those dropped."""

    kept: tuple[Problem, ...]
    dropped: tuple[str, ...]


def disjoint(held_out: Iterable[Problem], training: Iterable[Problem]) -> Disjoint:
    """Drop the held-out problems whose normalised question, or whose group, is in training."""
    training = list(training)
    questions = {normalise_question(problem.instruction) for problem in training}
    groups = {problem.group for problem in training if problem.group}
    kept, dropped = [], []
    for problem in held_out:
        if normalise_question(problem.instruction) in questions or problem.group in groups:
            dropped.append(problem.id)
        else:
            kept.append(problem)
    return Disjoint(tuple(kept), tuple(dropped))
