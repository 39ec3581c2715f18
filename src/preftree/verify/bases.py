"""Digits in a base: `13_6`, `1101_{\\text{two}}`, `13 (base 6)`, Python's `0b1101`.

In:  a normalised text. Out: sign, digits and base, the base None where it is not said.
Always true: digits are compared, not values: who asks for 9 in base six wants 13 and not 9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from preftree.verify.dress import TEXT
from preftree.verify.wording import number_in_words

_DIGITS = r"(?P<sign>-?)(?P<digits>[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)?)"
_SUBSCRIPT = re.compile(_DIGITS + r"_\{?(?P<base>\d+|[a-z]+)\}?", re.ASCII)
_SAID = re.compile(_DIGITS + r"\(?base_?\{?(?P<base>\d+|[a-z]+)\}?\)?", re.ASCII)
_PREFIXED = re.compile(r"(?P<sign>-?)0(?P<base>[box])(?P<digits>[0-9A-Fa-f]+)", re.ASCII)
_BARE = re.compile(_DIGITS, re.ASCII)
_PREFIXES = {"b": 2, "o": 8, "x": 16}


@dataclass(frozen=True, slots=True)
class Digits:
    sign: str
    digits: str
    base: int | None


def read_digits(text: str) -> Digits | None:
    text = TEXT.sub(r"\1", text).replace(" ", "")
    match = _PREFIXED.fullmatch(text)
    if match is not None:
        return Digits(match["sign"], match["digits"].upper(), _PREFIXES[match["base"]])
    match = _SUBSCRIPT.fullmatch(text) or _SAID.fullmatch(text)
    if match is None:
        match = _BARE.fullmatch(text)
        return None if match is None else Digits(match["sign"], match["digits"].upper(), None)
    base = int(match["base"]) if match["base"].isdigit() else number_in_words(match["base"])
    if base is None or not 2 <= base <= 36 or not _fit(match["digits"], base):
        return None
    return Digits(match["sign"], match["digits"].upper(), base)


def same_digits(a: Digits, b: Digits) -> bool:
    """The base may be left out of one, since the question asked for it."""
    return (a.sign, a.digits) == (b.sign, b.digits) and (a.base is None or b.base is None or a.base == b.base)


def _fit(digits: str, base: int) -> bool:
    return all(int(digit, 36) < base for digit in digits if digit != ".")
