"""Answers from tables: WikiTableQuestions' denotations, sets of strings, numbers and dates.

In:  a reference as the data set writes it, values between `|` (`\\p` for a bar, `\\n` for a line, `\\\\` for a
backslash within one); an answer so written, or a Python list, or one value a line, or, where several values are
wanted, between commas. Out: correct if each value has its equal and their numbers agree; order and repetition don't
count. Two values are equal as strings (without case, accents, footnote marks, what stands in brackets behind, one
pair of quotes), as numbers (1,234 is 1234, four is 4) or as dates (26 December 1987 is December 26, 1987).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.literals import read_literal
from preftree.verify.reading import read_number
from preftree.verify.wording import Date, number_in_words, read_date

_MAX_LENGTH = 20_000
_MAX_VALUES = 500
_MAX_CELL = 1_000
_CLOSE = Fraction(1, 10**6)

_ESCAPE = re.compile(r"\\([np\\])")
_ESCAPED = {"n": "\n", "p": "|", "\\": "\\"}
_PLAIN = str.maketrans({
    **dict.fromkeys("\u2018\u2019\u00b4`", "'"), **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
})  # fmt: skip
_MARKS = "\u2022\u2666\u2020\u2021*#+"
# A footnote's number, a remark; not where nothing stands before.
_BRACKETS = re.compile(r"(?<=\S) ?\[[^\[\]]*\]$|(?<=\S) \([^()]*\)$")
_TRUTH = {"true": "yes", "false": "no"}

Ruling = tuple[Outcome, str]


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    number: Fraction | None
    date: Date | None


def judge_table(answer: str, reference: str) -> Ruling:
    if len(reference) > _MAX_LENGTH or len(answer) > _MAX_LENGTH:
        return ("wrong", "the answer is too long") if len(answer) > _MAX_LENGTH else ("undecided", "too long")
    if answer.strip() == reference.strip():
        return "correct", "equal as strings"
    wanted = _distinct(map(read_value, _split(reference, "|")))
    if not wanted:
        return "undecided", "the reference has no value"
    ways = [_items(answer)]
    if len(wanted) > 1 and len(ways[0]) == 1:
        ways.append([part for part in re.split(r",\s+and\s+|,|;|\s+and\s+", answer) if part.strip()])
    if len(ways[-1]) > _MAX_VALUES or len(wanted) > _MAX_VALUES:
        return ("wrong", "too many values") if len(ways[-1]) > _MAX_VALUES else ("undecided", "too many values")
    for items in ways:
        given = _distinct(map(read_value, items))
        if len(given) == len(wanted) and _matched(given, wanted):
            return "correct", "the same values"
    return "wrong", "other values"


def read_value(text: str) -> Value:
    plain = normalise_cell(text)
    number = read_number(plain)
    amount = number.value if number is not None else None
    if amount is None and (words := number_in_words(plain)) is not None:
        amount = Fraction(words)
    return Value(plain, amount, read_date(plain))


def normalise_cell(text: str) -> str:
    """The data set's own normalisation of strings."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn").translate(_PLAIN)
    text = " ".join(text.split())
    before = None
    while text != before and len(text) <= _MAX_CELL:
        before = text
        text = text.rstrip(_MARKS).rstrip() or text
        text = _BRACKETS.sub("", text)
        if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
            text = text[1:-1].strip()
    text = text.removesuffix(".").strip().lower()
    return _TRUTH.get(text, text)


def _split(text: str, separator: str) -> list[str]:
    parts = [_ESCAPE.sub(lambda m: _ESCAPED[m[1]], part) for part in text.split(separator)]
    return [part for part in parts if part.strip()]


def _items(answer: str) -> list[str]:
    answer = answer.strip()
    if answer[:1] in ("[", "(", "{") and answer[-1:] in ("]", ")", "}"):
        listed = _python_list(answer)
        if listed is not None:
            return listed
    if "|" in answer:
        return _split(answer, "|")
    return [line for line in answer.splitlines() if line.strip()]


def _python_list(text: str) -> list[str] | None:
    values = read_literal(text)
    if not isinstance(values, (list, tuple, set)):
        return None
    return [value if isinstance(value, str) else repr(value) for value in values]


def _distinct(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))


def _same(a: Value, b: Value) -> bool:
    if a.text == b.text or (a.date is not None and a.date == b.date):
        return True
    return a.number is not None and b.number is not None and abs(a.number - b.number) < _CLOSE


def _matched(given: list[Value], wanted: list[Value]) -> bool:
    left = list(wanted)
    for value in given:
        place = next((i for i, other in enumerate(left) if _same(value, other)), None)
        if place is None:
            return False
        left.pop(place)
    return True
