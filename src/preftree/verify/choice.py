"""Multiple choice: which letter was chosen.

In:  an answer that is a letter or opens with one as a label (`B`, `(b) text`, `B.`, `B: text`, `option B`), and a
reference of the same forms. Out: wrong for an answer that names no letter or several.
"""

from __future__ import annotations

import re

from preftree.records import Outcome
from preftree.verify.dress import normalise

_MAX_DRESSED = 1_000
_LABEL = re.compile(
    r"\s*(?:\\(?:text|textbf|mathrm|mathbf)\s*\{\s*)?(?:(?:the\s+)?(?:option|choice|answer)(?:\s+is)?\s*:?\s*)?"
    r"(?:\(\s*([A-Za-z])\s*\)|\[\s*([A-Za-z])\s*\]|\*\*\(?([A-Za-z])\)?\*\*|([A-Za-z]))"
    r"\s*(?:\}\s*)?(?P<rest>[.:)\u2013\u2014-].*|(?<=[)\]*] ).*|)",
    re.I | re.S,
)
_OTHER_LABEL = re.compile(r"\(\s*([A-Za-z])\s*\)|(?:\bor\b|\band\b|[,/&])\s*\(?([A-Za-z])\)?\s*(?:$|[.,;)])", re.I)


def judge_choice(answer: str, reference: str) -> tuple[Outcome, str]:
    wanted = _read(reference)
    if wanted is None:
        return "undecided", "the reference is not a choice"
    given = _read(answer)
    if given is None:
        return "wrong", "the answer names no one choice"
    return ("correct", "the same choice") if given == wanted else ("wrong", f"chose {given}")


def _read(text: str) -> str | None:
    text = normalise(text).strip("\"'`{} ") if len(text) <= _MAX_DRESSED else text
    # Single spaces, for time: the pattern backtracks over runs of white space.
    match = _LABEL.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    letter = next(group for group in match.groups()[:4] if group).upper()
    others = {(a or b).upper() for a, b in _OTHER_LABEL.findall(match["rest"] + " ")}
    return letter if others <= {letter} else None
