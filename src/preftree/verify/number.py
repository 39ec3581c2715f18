"""One number, with the tolerance of what programs print.

In:  an answer that is a number, in digits or in words (a unit or a currency sign may stand with it), and a reference
that is one. Out: correct if the values are equal; or, where one has a decimal point, within 1e-4 relative (and within
0.01 of an integer); or if the answer, written with more places, rounds to a reference that was itself rounded to two
places or more.
"""

from __future__ import annotations

from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.dress import normalise
from preftree.verify.reading import Number, read_number, same_number
from preftree.verify.units import same_unit, split_unit
from preftree.verify.wording import number_in_words

_MAX_LENGTH = 1_000
_RELATIVE = Fraction(1, 10**4)
_FEWEST_ROUNDED_PLACES = 2


def judge_number(answer: str, reference: str) -> tuple[Outcome, str]:
    if answer.strip() == reference.strip():
        return "correct", "equal as strings"
    wanted, wanted_unit = _read(reference)
    if wanted is None:
        return "undecided", "the reference is not a number"
    given, given_unit = _read(answer)
    if given is None:
        return "wrong", "the answer is not a number"
    if not same_unit(given_unit, wanted_unit):
        return "wrong", f"{given_unit} where {wanted_unit} was wanted"
    if same_number(given, wanted, _RELATIVE):
        return "correct", "the same number"
    if _rounds_to(given, wanted):
        return "correct", "rounds to the reference"
    return "wrong", "another number"


def _read(text: str) -> tuple[Number | None, str]:
    text = normalise(text) if len(text) <= _MAX_LENGTH else text
    if (number := read_number(text)) is not None:
        return number, ""
    if (words := number_in_words(text)) is not None:
        return Number(Fraction(words)), ""
    bare, unit = split_unit(text)
    return read_number(bare), unit


def _rounds_to(given: Number, wanted: Number) -> bool:
    if wanted.decimals is None or given.decimals is None or given.percent != wanted.percent:
        return False
    if wanted.decimals < _FEWEST_ROUNDED_PLACES or given.decimals <= wanted.decimals:
        return False
    return abs(given.value - wanted.value) <= Fraction(1, 2 * 10**wanted.decimals)
