"""Short answers in words, by HotpotQA's normalisation.

In:  an answer and a reference. Out: correct if they are the same words: case, ASCII punctuation, the articles a, an,
the, and white space don't count; typographic dashes and quotes are taken as plain ones first. A reference of which
nothing is left (a band named "The The") must be equal but for case.
"""

from __future__ import annotations

import re
import string
import unicodedata

from preftree.records import Outcome

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_PLAIN = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
                        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})  # fmt: skip


def judge_short(answer: str, reference: str) -> tuple[Outcome, str]:
    wanted = normalise_short(reference)
    if not wanted:
        same = " ".join(answer.casefold().split()) == " ".join(reference.casefold().split())
        return ("correct", "equal but for case") if same else ("wrong", "other words")
    return ("correct", "the same words") if normalise_short(answer) == wanted else ("wrong", "other words")


def normalise_short(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate(_PLAIN).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())
