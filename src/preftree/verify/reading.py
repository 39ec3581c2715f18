"""Text to exact numbers, and the small repairs that every rule shares.

In:  an answer or a reference as it was written. Out: a `Number` with an exact value, or None.
Always true: reading takes time linear in the text, which is bounded first; nothing is evaluated but one division.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

# Longer texts are never one number; the bound keeps int() and Fraction() cheap.
_MAX_DIGITS_TEXT = 400
_MAX_EXPONENT = 400
_NOISE = Fraction(1, 10**12)
_FEWEST_UNITS = 10**5
# Decimals of fifteen digits are floats as printed; this is what arithmetic leaves behind in them.
_FLOAT_UNITS = 10**14
_FLOAT_NOISE = Fraction(1, 10**9)
_FROM_AN_INTEGER = Fraction(1, 100)

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"([+-]?)\s*({_DECIMAL})(?:[eE]([+-]?\d{{1,4}}))?", re.ASCII)
_FRACTION = re.compile(r"([+-]?)\s*(\d+)\s*/\s*([+-]?\d+)", re.ASCII)
_LATEX_FRACTION = re.compile(
    r"([+-]?)\s*(\d*)\s*\\[dt]?frac\s*(?:\{\s*([+-]?\d+)\s*\}|(\d))\s*(?:\{\s*([+-]?\d+)\s*\}|(\d))", re.ASCII
)
_MIXED = re.compile(r"([+-]?)\s*(\d+)\s+(\d+)\s*/\s*(\d+)", re.ASCII)
_REPEATING = re.compile(
    r"([+-]?)\s*(\d*)\.(\d*)\s*(?:\\(?:overline|bar)\s*(?:\{\s*(\d+)\s*\}|(\d))|\((\d+)\))", re.ASCII
)
_REPEATED = re.compile(r"([+-]?)\s*(\d*)\.(\d*?)((\d+?)\5{2,})\s*(?:\.\.\.|\\l?dots|\\cdots)", re.ASCII)
_SPACED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?", re.ASCII)
_ORDINAL = re.compile(
    r"(\d+)\s*(?:\^?\s*\{?\s*\\(?:text|mathrm|textrm)\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?|st|nd|rd|th)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Number:
    """A value read exactly. `decimals`: the written places after the point; None for integers and fractions."""

    value: Fraction
    decimals: int | None = None
    percent: bool = False


def read_number(text: str) -> Number | None:
    """The one number that the whole text is.

    1,234 · -0.5 · 1e-3 · 3/4 · \\frac{3}{4} · 1 1/2 · $5.00 · 50% · 90° · 0.1\\overline{6} · 3rd.
    """
    text = text.strip()
    if len(text) > _MAX_DIGITS_TEXT:
        return None
    text = text.replace("\u2212", "-").replace("{,}", ",").replace("\\!", "")
    text, percent = _without_marks(text)
    if _SPACED.fullmatch(text):
        text = text.replace(" ", "")
    if match := _ORDINAL.fullmatch(text):
        return Number(Fraction(int(match[1])))
    if match := _PLAIN.fullmatch(text):
        return _plain(match, percent)
    if match := _REPEATING.fullmatch(text):
        return Number(_repeating(match, match[4] or match[5] or match[6]), percent=percent)
    if match := _REPEATED.fullmatch(text):
        return Number(_repeating(match, match[5]), percent=percent)
    for pattern in (_FRACTION, _MIXED, _LATEX_FRACTION):
        if match := pattern.fullmatch(text):
            value = _ratio(pattern, match)
            return None if value is None else Number(value, percent=percent)
    return None


def same_number(a: Number, b: Number, relative: Fraction | None = None) -> bool:
    """Equal values: exactly; or, if one is a decimal, as it `states` the other, or within `relative`.

    Without `relative`, decimals that are as long as a float's may differ by what arithmetic in floats leaves behind.

    Against a zero there is no relative difference: 1e-12 counts as one, since that is what sin(pi) prints.

    A per cent sign on one side only may be read as decoration (50% for 50) or as a hundredth (50% for 0.5).
    """
    if a.percent == b.percent:
        return _close(a, b, relative)
    marked, plain = (a, b) if a.percent else (b, a)
    hundredth = Number(marked.value / 100, None if marked.decimals is None else marked.decimals + 2)
    return _close(marked, plain, relative) or _close(hundredth, plain, relative)


def states(value: Fraction, places: int | None, other: Fraction, other_places: int | None) -> bool:
    """Whether one of two numbers is the other rounded, or cut off, to six digits or more: 0.166667 for 1/6.

    Of two decimals it is the one with fewer places, so that 123456.7 does not state 123456.8.
    """
    if places is None and other_places is None:
        return False
    if places is None or (other_places is not None and other_places < places):
        value, places, other = other, other_places, value
    unit = Fraction(10) ** -(places or 0)
    return abs(value) >= _FEWEST_UNITS * unit and abs(value - other) < unit


def _close(a: Number, b: Number, relative: Fraction | None) -> bool:
    x, y = a.value, b.value
    if x == y or (a.decimals is None and b.decimals is None):
        return x == y
    if states(x, a.decimals, y, b.decimals):
        return True
    # A count of 100,005 is not one of 100,000, however close.
    whole = any(n.decimals is None and n.value.denominator == 1 for n in (a, b))
    if whole and abs(x - y) > _FROM_AN_INTEGER:
        return False
    size = max(abs(x), abs(y))
    if relative is None:
        long = any(abs(n.value) >= _FLOAT_UNITS * Fraction(10) ** -n.decimals for n in (a, b) if n.decimals is not None)
        relative = _FLOAT_NOISE if long else Fraction(0)
    return abs(x - y) <= relative * size or (0 in (x, y) and size <= _NOISE)


def places_of(digits: str) -> int | None:
    """How many digits stand after the point of `1.50`, 2; of `1.5e-3`, 4; None for an integer's digits."""
    if digits.isdigit():
        return None
    mantissa, _, exponent = digits.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _without_marks(text: str) -> tuple[str, bool]:
    """Currency, degree and per cent signs off; the last of these is told."""
    text = text.strip().rstrip("\\").strip()
    sign = ""
    if text[:1] in "+-":
        sign, text = text[:1], text[1:].lstrip()
    text = re.sub(r"^(?:\\?\$|\\text\{\$\}|€|£)\s*", "", text)
    text = re.sub(r"\s*(?:°|\^\s*\\circ|\^\s*\{\s*\\circ\s*\}|\\degree)$", "", text)
    bare = re.sub(r"\s*\\?%$", "", text)
    return sign + bare, bare != text


def _plain(match: re.Match[str], percent: bool) -> Number | None:
    sign, digits, exponent = match[1], match[2].replace(",", ""), match[3]
    if exponent is not None and abs(int(exponent)) > _MAX_EXPONENT:
        return None
    value = Fraction(digits + "0" if digits.endswith(".") else digits)
    if exponent is not None:
        value *= Fraction(10) ** int(exponent)
    decimals = places_of(f"{digits}e{exponent or 0}" if "." in digits or exponent else digits)
    return Number(-value if sign == "-" else value, decimals, percent)


def _repeating(match: re.Match[str], period: str) -> Fraction:
    """0.1(6): the digits in brackets, or under a line, or seen three times before dots, for ever."""
    nines = Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(match[3]))
    value = Fraction(int(match[2] + match[3] or "0"), 10 ** len(match[3])) + nines
    return -value if match[1] == "-" else value


def _ratio(pattern: re.Pattern[str], match: re.Match[str]) -> Fraction | None:
    if pattern is _FRACTION:
        whole, top, bottom = 0, int(match[2]), int(match[3])
    elif pattern is _MIXED:
        whole, top, bottom = int(match[2]), int(match[3]), int(match[4])
    else:
        whole, top, bottom = int(match[2] or 0), int(match[3] or match[4]), int(match[5] or match[6])
    if bottom == 0:
        return None
    value = whole + Fraction(top, bottom)
    return -value if match[1] == "-" else value
