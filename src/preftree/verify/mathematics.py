"""Mathematical answers: numbers exactly and fast, texts as texts, everything else by value.

In:  an answer and a reference in LaTeX, plain notation or Python's. Out: correct, wrong, or undecided where the
reference itself can't be read.
Always true: equal strings, two plain numbers and words need no algebra; a value is compared as a whole (a matching
part of an answer is not enough); texts without mathematics are compared as words, so 12:00 is not 1:00. The form of
an answer is not judged: an unreduced fraction or an unexpanded product is equal to its value.

`quick_mathematics` decides what needs no algebra and is cheap on any input; `judge_mathematics` decides all, and
only its callers in a worker process are safe from what an algebra system may do.
"""

from __future__ import annotations

import re

from preftree.records import Outcome
from preftree.verify.bases import read_digits, same_digits
from preftree.verify.choice import judge_choice
from preftree.verify.dress import COMMAND, TEXT, normalise
from preftree.verify.reading import Number, read_number, same_number
from preftree.verify.units import same_unit, split_unit
from preftree.verify.wording import number_in_words, read_date, read_time, same_time

# The longest answer in MATH has 160 characters; beyond this, only equality as strings is looked at.
MAX_LENGTH = 1000

_TWO_LETTER_WORDS = "no|on|is|it|of|or|to|up|do|go|if|in|so|at|as|by|an|am|be|he|me|my|we|us"
_WORDY = re.compile(rf"[A-Za-z]{{3}}|\b(?:{_TWO_LETTER_WORDS})\b", re.I)
_MATHEMATICAL_WORDS = re.compile(
    r"\b(?:sqrt|cbrt|sin|cos|tan|cot|sec|csc|asin|acos|atan|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp|pi|oo|inf"
    r"|infinity|Rational|Fraction|Matrix|Interval|FiniteSet|Union|EmptySet|Reals|Eq|Abs|abs|factorial|binomial|root"
    r"|and|or|zoo|nan|alpha|beta|gamma|delta|theta|lambda|mu|phi|omega|sigma|rho|tau)\b"
)
_MAX_NESTING = 40
_LETTER = re.compile(r"\(\s*([A-Za-z])\s*\)")
_CAPITAL = re.compile(r"[A-Z]")
# Marked as a choice, which a bare letter is not: that may be a variable.
_LABEL = re.compile(
    r"\(\s*[A-Z]\s*\)|" + COMMAND + r"\s*\{\s*\(?\s*[A-Z]\s*\)?\s*\}|\(\s*" + COMMAND + r"\{[A-Z]\}\s*\)"
)
# Several ways to say one thing in words.
_SAID = {
    "\\emptyset": "nosolution nosolutions none nosuchnumber nosuchnumbers theemptyset emptyset norealsolutions",
    "undefined": "dne doesnotexist notdefined",
    "\\mathbb{R}": "allrealnumbers allreals allrealx therealnumbers realnumbers",
}
_ONE_SAYING = {words: saying for saying, ways in _SAID.items() for words in ways.split()}

Ruling = tuple[Outcome, str]


def judge_mathematics(answer: str, reference: str) -> Ruling:
    """All the ways there are."""
    ruling = quick_mathematics(answer, reference)
    if ruling is not None:
        return ruling
    from preftree.verify.symbolic import judge_symbolic

    return judge_symbolic(_said(normalise(answer)), _said(normalise(reference)))


def quick_mathematics(answer: str, reference: str) -> Ruling | None:
    """The ruling where it needs no algebra: equal strings, numbers on both sides, words; None where it does."""
    if len(reference) > MAX_LENGTH or len(answer) > MAX_LENGTH:
        return _long(answer, reference)
    answer, reference = _said(normalise(answer)), _said(normalise(reference))
    if not answer:
        return "wrong", "no answer"
    if _squeezed(answer) == _squeezed(reference):
        return "correct", "equal as strings"
    if not _readable(reference):
        return "undecided", "the brackets of the reference don't match"
    if not _readable(answer):
        return "wrong", "the brackets of the answer don't match"
    ruling = _times(answer, reference) or _bases(answer, reference) or _numbers(answer, reference)
    if ruling is not None:
        return ruling
    if _LABEL.fullmatch(reference) or (_CAPITAL.fullmatch(reference) and is_words(answer)):
        return judge_choice(answer, TEXT.sub(r"\1", reference))
    if is_words(reference) or is_words(answer):
        return _words(answer, reference)
    return None


def is_words(text: str) -> bool:
    """Whether the text is words, a label or a date and no formula: `east`, `\\text{(A)}`, `June 20`, `two lines`."""
    plain = TEXT.sub(r"\1", text).strip()
    if _LETTER.fullmatch(plain) or read_date(plain) is not None:
        return True
    if "\\" in plain or re.search(r"[=<>^*+|{}_]|\d", plain):
        return False
    return bool(_WORDY.search(plain)) and not _MATHEMATICAL_WORDS.search(plain)


def _said(text: str) -> str:
    """`no solution` as the empty set, and the like."""
    return _ONE_SAYING.get(re.sub(r"\s+", "", TEXT.sub(r"\1", text)).casefold(), text)


def _squeezed(text: str) -> str:
    """For equality as strings: spaces count only between two numbers, since 1 1/2 is not 11/2."""
    if match := _LETTER.fullmatch(TEXT.sub(r"\1", text).strip()):
        return match[1]
    text = re.sub(r"([_^])\{(\w)\}(?!\w)", r"\1\2", TEXT.sub(r"\1", text))
    return re.sub(r"\s+", "", re.sub(r"(?<=[\d.])\s+(?=[\d.])", "\x00", text))


def _readable(text: str) -> bool:
    """Brackets match (a half-open interval's too) and are not nested without end: a parser's time is bounded."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if not 0 <= depth <= _MAX_NESTING:
            # ]1,2[ is an interval to some; no reference in the data sets is written so.
            return False
    return depth == 0


def _times(answer: str, reference: str) -> Ruling | None:
    given, wanted = (read_time(TEXT.sub(r"\1", text)) for text in (answer, reference))
    if wanted is None:
        return None
    if given is None:  # 9:24 may be a ratio, but not with am or pm
        return None if wanted.afternoon is None else ("wrong", "a time of day was wanted")
    return ("correct", "the same time") if same_time(given, wanted) else ("wrong", "another time")


def _bases(answer: str, reference: str) -> Ruling | None:
    given, wanted = read_digits(answer), read_digits(reference)
    if wanted is None or wanted.base is None:
        if wanted is None or given is None or given.base is None:
            return None
    elif given is None:
        return "wrong", "digits in a base were wanted"
    return ("correct", "the same digits") if same_digits(given, wanted) else ("wrong", "other digits or another base")


def _number(text: str) -> tuple[Number | None, str]:
    """The number and its unit; a number in words is one too."""
    number = read_number(text)
    if number is not None:
        return number, ""
    bare, unit = split_unit(text)
    number = read_number(bare) if unit else None
    if number is None and (words := number_in_words(TEXT.sub(r"\1", text))) is not None:
        return read_number(str(words)), ""
    return number, unit if number is not None else ""


def _numbers(answer: str, reference: str) -> Ruling | None:
    (given, given_unit), (wanted, wanted_unit) = _number(answer), _number(reference)
    if given is None or wanted is None:
        return None
    if not same_unit(given_unit, wanted_unit):
        return "wrong", f"{given_unit} where {wanted_unit} was wanted"
    return ("correct", "the same number") if same_number(given, wanted) else ("wrong", "another number")


def _words(answer: str, reference: str) -> Ruling:
    if not (is_words(answer) and is_words(reference)):
        return "wrong", "words on one side, mathematics on the other"
    given, wanted = (TEXT.sub(r"\1", text).strip(" .'\"[]") for text in (answer, reference))
    date = read_date(wanted)
    if date is not None and date == read_date(given):
        return "correct", "the same date"
    same = _plain_words(given) == _plain_words(wanted)
    return ("correct", "the same words") if same else ("wrong", "other words")


def _plain_words(text: str) -> str:
    text = re.sub(r"[\s'\"]+", "", text.casefold())
    match = _LETTER.fullmatch(text)
    return match[1] if match else text


def _long(answer: str, reference: str) -> Ruling:
    if "".join(answer.split()) == "".join(reference.split()):
        return "correct", "equal as strings"
    if len(reference) > MAX_LENGTH:
        return "undecided", f"the reference is longer than {MAX_LENGTH} characters"
    return "wrong", f"the answer is longer than {MAX_LENGTH} characters"
