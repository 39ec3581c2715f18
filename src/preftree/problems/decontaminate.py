"""Which instructions overlap with test sets. Pure functions of texts; the caller hands over the test sets.

In:  instructions and test texts. Out: an `Overlap` for each instruction that should go, with its evidence.
The paper's rules (FACTS: decontamination): any shared 8-gram of words, and for LeetCode the test text as an exact
substring of an instruction. N-grams are for sources in natural language: whole templated families would go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """`instruction` and `test` are positions in the sequences that were given; `evidence` is what they share."""

    instruction: int
    test: int
    evidence: str


def ngram_overlaps(instructions: Sequence[str], tests: Sequence[str], n: int = 8) -> list[Overlap]:
    """Instructions that share n successive words with a test text, by the first such words of the instruction.

    Words are compared without case and punctuation. A test text of fewer than n words counts only as a whole
    instruction: shorter runs of words prove nothing.
    """
    where: dict[str, int] = {}
    wholes: dict[str, int] = {}
    for position, text in enumerate(tests):
        words = _words(text)
        if len(words) < n:
            wholes.setdefault(" ".join(words), position)
        for gram in _ngrams(words, n):
            where.setdefault(gram, position)
    wholes.pop("", None)
    found = []
    for position, text in enumerate(instructions):
        words = _words(text)
        whole = " ".join(words)
        shared = whole if whole in wholes else next((gram for gram in _ngrams(words, n) if gram in where), None)
        if shared is not None:
            found.append(Overlap(position, wholes[shared] if shared in wholes else where[shared], shared))
    return found


def substring_overlaps(instructions: Sequence[str], tests: Sequence[str]) -> list[Overlap]:
    """Instructions that contain a test text as it stands, but for the runs of white space."""
    needles = [(position, " ".join(text.split())) for position, text in enumerate(tests)]
    found = []
    for position, text in enumerate(instructions):
        haystack = " ".join(text.split())
        for test, needle in needles:
            if needle and needle in haystack:
                found.append(Overlap(position, test, needle[:200]))
                break
    return found


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _ngrams(words: list[str], n: int) -> Iterator[str]:
    return (" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
