"""Yes or no, true or false.

In:  an answer that opens with one of the four words (a clause may follow a comma, a stop or a colon), and a
reference that is one of them. Out: wrong for an answer that says neither, or says both.
"""

from __future__ import annotations

import re

from preftree.records import Outcome

_FORM = re.compile(
    r"[\s\"'`*(]*(?:\\(?:text|mathrm)\{)?(yes|no|true|false)\b[\s\"'`*)}]*(?:[.,;:!\u2013\u2014-].*)?", re.I | re.S
)
_EITHER = {"yes": True, "true": True, "no": False, "false": False}
# A word that stands for an answer; the "no" of "there is no doubt" does not, that of "yes or no" does.
_NAMED = re.compile(r"\b(yes|true|false)\b|\b(?:and|or) (no)\b|\b(no)\b(?! [a-z])", re.I)


def judge_boolean(answer: str, reference: str) -> tuple[Outcome, str]:
    wanted = _read(reference)
    if wanted is None:
        return "undecided", "the reference is neither yes nor no"
    given = _read(answer)
    if given is None:
        return "wrong", "the answer is neither yes nor no, or it is both"
    return ("correct", "the same") if given == wanted else ("wrong", "the opposite")


def _read(text: str) -> bool | None:
    text = " ".join(text.split())
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    first = _EITHER[match[1].lower()]
    named = [word for words in _NAMED.findall(text) for word in words if word]
    return first if all(_EITHER[word.lower()] == first for word in named) else None
