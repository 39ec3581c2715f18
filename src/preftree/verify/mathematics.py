"""Mathematical answers: numbers exactly and fast, texts as texts, everything else by a computer algebra system.

In:  an answer and a reference in LaTeX, plain notation or Python's. Out: correct, wrong, or undecided where the
reference itself can't be read.
Always true: equal strings and two plain numbers never reach sympy; a value is compared as a whole (a matching part
of an answer is not enough); texts without mathematics are compared as words, so 12:00 is not 1:00.

`quick_mathematics` decides what needs no algebra and is cheap on any input; `judge_mathematics` decides all, and
only its callers in a worker process are safe from a power tower.
"""

from __future__ import annotations

import re

from preftree.records import Outcome
from preftree.verify.reading import read_number, same_number, same_unit, split_unit

# The longest answer in MATH has 160 characters; beyond this, only equality as strings is looked at.
MAX_LENGTH = 1000

_SPACING = re.compile(r"(?<!\\)\\(?:[ ,;:!>]|quad\b|qquad\b|left\b|right\b|displaystyle\b|phantom\{[^{}]*\})|~")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}")
_WORDY = re.compile(r"[A-Za-z]{2}")
_MATHEMATICAL_WORDS = re.compile(
    r"\b(?:sqrt|cbrt|sin|cos|tan|cot|sec|csc|asin|acos|atan|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp|pi|oo|inf"
    r"|Rational|Fraction|Matrix|Interval|FiniteSet|Union|Eq|Abs|abs|factorial|binomial|root|and|or|zoo|nan"
    r"|[a-zA-Z]{2}(?=\s*[+*/^=<>-]))\b"
)
# Escaped braces are set aside while bare ones are matched.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MAX_NESTING = 40
_BASE = re.compile(r"(?:\\text\s*\{)?(\w+)\}?_\{?(\d+)\}?|([0-9A-Fa-f]+)()")
_TOKEN = r"(?:\{([^{}]*)\}|(\\(?!sqrt|frac|text|left)[A-Za-z]+|\w))"
_BARE_FRACTION = re.compile(rf"\\frac\s*{_TOKEN}\s*{_TOKEN}", re.ASCII)
_LETTER = re.compile(r"\(([A-Za-z])\)")

Ruling = tuple[Outcome, str]


def judge_mathematics(answer: str, reference: str) -> Ruling:
    """All the ways there are."""
    ruling = quick_mathematics(answer, reference)
    if ruling is not None:
        return ruling
    from preftree.verify.symbolic import judge_symbolic

    return judge_symbolic(normalise(answer), normalise(reference))


def quick_mathematics(answer: str, reference: str) -> Ruling | None:
    """The ruling where it needs no algebra: equal strings, numbers on both sides, words; None where it does."""
    if len(reference) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        return _long(answer, reference)
    answer, reference = normalise(answer), normalise(reference)
    if not answer:
        return "wrong", "no answer"
    if _squeezed(answer) == _squeezed(reference):
        return "correct", "equal as strings"
    if not _readable(reference):
        return "undecided", "the brackets of the reference don't match"
    if not _readable(answer):
        return "wrong", "the brackets of the answer don't match"
    by_number = _bases(answer, reference) or _numbers(answer, reference)
    if by_number is not None:
        return by_number
    if is_words(reference) or is_words(answer):
        return _words(answer, reference)
    return None


def normalise(text: str) -> str:
    """Without what only dresses a value: math delimiters, \\boxed, spacing commands, a full stop at the end."""
    text = text.strip().replace("\u2212", "-").replace("\u00d7", "*").replace("\u00b7", "*").replace("\u03c0", "\\pi ")
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\cfrac", "\\frac")
    text = text.replace("\\%", "%").replace("\\$", "$").replace("\\{", _OPEN).replace("\\}", _CLOSE)
    for _ in range(3):
        before = text
        text = _undressed(text)
        if text == before:
            break
    text = _BARE_FRACTION.sub(_braced_fraction, _SPACING.sub(" ", text)).replace(_OPEN, "\\{").replace(_CLOSE, "\\}")
    return " ".join(text.split())


def _braced_fraction(match: re.Match[str]) -> str:
    """`\\frac12`, `\\frac \\pi4`, `\\frac{1}2`, all with both braces."""
    top, bottom = (match[1] if match[2] is None else match[2]), (match[3] if match[4] is None else match[4])
    return f"\\frac{{{top}}}{{{bottom}}}"


def is_words(text: str) -> bool:
    """Whether the text is words, a label or a time of day and no formula: `east`, `\\text{(A)}`, `12:00`, `Monday`."""
    if re.fullmatch(r"\d{1,2}:\d\d(?::\d\d)?\s*(?:\\text\s*\{\s*)?(?:[ap]\.?m\.?)?\s*\}?", text, re.I):
        return True
    if _LETTER.fullmatch(text):
        return True
    plain = _TEXT.sub(r"\1", text)
    if "\\" in plain or re.search(r"[=<>^*+|{}_]|\d", plain):
        return False
    return bool(_WORDY.search(plain)) and not _MATHEMATICAL_WORDS.search(plain)


def _undressed(text: str) -> str:
    text = text.strip()
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip()
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        inside = text[len(opening) : -len(closing)]
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            return inside if opening not in inside else text
    match = re.fullmatch(r"\\f?boxed\s*\{(.*)\}", text, re.S)
    return match[1] if match and _balanced(match[1]) else text


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def _squeezed(text: str) -> str:
    """For equality as strings: `\\frac{1}{2} x` and `\\frac12x` are one; a word's spaces are not mathematics."""
    if match := _LETTER.fullmatch(_TEXT.sub(r"\1", text).strip()):
        return match[1]
    return re.sub(r"\s+", "", re.sub(r"([_^])\{(\w)\}", r"\1\2", _TEXT.sub(r"\1", text)))


def _readable(text: str) -> bool:
    """Brackets match (a half-open interval's too) and are not nested without end: a parser's time is bounded."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if not 0 <= depth <= _MAX_NESTING:
            # ]1,2[ is an interval to some; no reference in the data sets is written so.
            return False
    return depth == 0


def _bases(answer: str, reference: str) -> Ruling | None:
    """`13_6`: digits in a base. The base may be left out of the answer, since the question asked for it."""
    if "_" not in reference and "_" not in answer:
        return None
    given, wanted = _BASE.fullmatch(answer.replace(" ", "")), _BASE.fullmatch(reference.replace(" ", ""))
    if given is None or wanted is None or not (wanted[1] or given[1] or "")[:1].isdigit():
        return None
    same_digits = (given[1] or given[3]).upper() == (wanted[1] or wanted[3]).upper()
    same_base = not given[2] or not wanted[2] or given[2] == wanted[2]
    return ("correct", "the same digits") if same_digits and same_base else ("wrong", "other digits or another base")


def _numbers(answer: str, reference: str) -> Ruling | None:
    given, wanted = read_number(answer), read_number(reference)
    given_unit = wanted_unit = ""
    if given is None:
        bare, given_unit = split_unit(answer)
        given = read_number(bare)
    if wanted is None:
        bare, wanted_unit = split_unit(reference)
        wanted = read_number(bare)
    if given is None or wanted is None:
        return None
    if not same_unit(given_unit, wanted_unit):
        return "wrong", f"{given_unit} where {wanted_unit} was wanted"
    return ("correct", "the same number") if same_number(given, wanted) else ("wrong", "another number")


def _words(answer: str, reference: str) -> Ruling:
    if not (is_words(answer) and is_words(reference)):
        return "wrong", "words on one side, mathematics on the other"
    same = _plain_words(answer) == _plain_words(reference)
    return ("correct", "the same words") if same else ("wrong", "other words")


def _plain_words(text: str) -> str:
    text = _TEXT.sub(r"\1", text).casefold().strip(" .'\"")
    text = re.sub(r"([ap])\.m\.?", r"\1m", text)
    match = _LETTER.fullmatch(text)
    return match[1] if match else re.sub(r"\s+", "", text)


def _long(answer: str, reference: str) -> Ruling:
    if "".join(answer.split()) == "".join(reference.split()):
        return "correct", "equal as strings"
    if len(reference) > MAX_LENGTH:
        return "undecided", f"the reference is longer than {MAX_LENGTH} characters"
    return "wrong", f"the answer is longer than {MAX_LENGTH} characters"
