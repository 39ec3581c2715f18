"""Exact answers: equal as strings, but for white space, one pair of quotes around and one full stop at the end.

In:  answer and reference. Out: correct or wrong. Case counts: a word spelled backward keeps its capital.
"""

from __future__ import annotations

import unicodedata

from preftree.records import Outcome

_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019"}


def judge_exact(answer: str, reference: str) -> tuple[Outcome, str]:
    if normalise_exact(answer) == normalise_exact(reference):
        return "correct", "equal as strings"
    return "wrong", "differs as a string"


def normalise_exact(text: str) -> str:
    """Composed characters, single spaces, no quotes around, no full stop after."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    bare = text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text
    for candidate in (bare, text):
        if len(candidate) >= 2 and _QUOTES.get(candidate[0]) == candidate[-1]:
            return candidate[1:-1].strip()
    return bare or text
