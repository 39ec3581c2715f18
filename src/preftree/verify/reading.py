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

_DECIMAL = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_PLAIN = re.compile(rf"([+-]?)\s*({_DECIMAL})(?:[eE]([+-]?\d{{1,4}}))?", re.ASCII)
_FRACTION = re.compile(r"([+-]?)\s*(\d+)\s*/\s*([+-]?\d+)", re.ASCII)
_LATEX_FRACTION = re.compile(
    r"([+-]?)\s*(\d*)\s*\\[dt]?frac\s*(?:\{\s*([+-]?\d+)\s*\}|(\d))\s*(?:\{\s*([+-]?\d+)\s*\}|(\d))", re.ASCII
)
_MIXED = re.compile(r"([+-]?)\s*(\d+)\s+(\d+)\s*/\s*(\d+)", re.ASCII)

# Words that follow a number and are not a unit: they change its value, or say that there is no one number.
_NO_UNIT_WORDS = """
    or and not to of mod minus plus times over by pi sqrt sin cos tan log ln exp inf infinity hundred thousand
    million billion trillion dozen half third quarter twice factorial choose if then where undefined
"""
_NO_UNIT = frozenset(_NO_UNIT_WORDS.split())
_UNIT = re.compile(
    r"(?P<number>.*?[\d}.)])\s*(?P<unit>\\(?:text|mathrm|mbox|textrm)\s*\{[^{}\\]*\}(?:\^\{?[23]\}?)?"
    r"|[A-Za-z]{2,}(?:[ /-][A-Za-z]{2,}){0,3})\.?",
    re.DOTALL,
)
_WORDS = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Number:
    """A value read exactly. `decimals` counts the written places after the point; None for integers and fractions."""

    value: Fraction
    decimals: int | None = None
    percent: bool = False


def read_number(text: str) -> Number | None:
    """The one number that the whole text is: 1,234 · -0.5 · 1e-3 · 3/4 · \\frac{3}{4} · 1 1/2 · $5.00 · 50% · 90°."""
    text = text.strip()
    if len(text) > _MAX_DIGITS_TEXT:
        return None
    text = text.replace("\u2212", "-").replace("{,}", ",").replace("\\!", "")
    text, percent = _without_marks(text)
    if match := _PLAIN.fullmatch(text):
        return _plain(match, percent)
    for pattern in (_FRACTION, _MIXED, _LATEX_FRACTION):
        if match := pattern.fullmatch(text):
            value = _ratio(pattern, match)
            return None if value is None else Number(value, percent=percent)
    return None


def split_unit(text: str) -> tuple[str, str]:
    """`5 apples` as ("5", "apples"): a number and the words after it. ("…", "") where nothing there is a unit."""
    if len(text) > _MAX_DIGITS_TEXT:
        return text, ""
    match = _UNIT.fullmatch(text.strip())
    if match is None or "\\frac" in match["unit"]:
        return text, ""
    words = [word.lower() for word in _WORDS.findall(re.sub(r"\\(?:text|mathrm|mbox|textrm)", "", match["unit"]))]
    if not words or any(word in _NO_UNIT for word in words):
        return text, ""
    return match["number"].strip(), " ".join(words)


def same_unit(a: str, b: str) -> bool:
    """Whether two units do not contradict each other: equal but for a plural's s, or one of them not given."""
    return not a or not b or a.rstrip("s") == b.rstrip("s")


def same_number(a: Number, b: Number, relative: float = 1e-6) -> bool:
    """Equal values: exactly, or within `relative` if one is written with a decimal point (as programs print them).

    Against a zero there is no relative difference: 1e-12 counts as one, since that is what sin(pi) prints.

    A per cent sign on one side only may be read as decoration (50% for 50) or as a hundredth (50% for 0.5).
    """
    if a.percent == b.percent:
        return _close(a, b, a.value, b.value, relative)
    marked, plain = (a, b) if a.percent else (b, a)
    return _close(a, b, marked.value, plain.value, relative) or _close(a, b, marked.value / 100, plain.value, relative)


def _close(a: Number, b: Number, x: Fraction, y: Fraction, relative: float) -> bool:
    if x == y:
        return True
    if a.decimals is None and b.decimals is None:
        return False
    size = max(abs(x), abs(y))
    return abs(x - y) <= Fraction(relative) * size or (0 in (x, y) and size <= _NOISE)


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
    point = "." in digits or exponent is not None
    decimals = len(digits.partition(".")[2]) if point else None
    return Number(-value if sign == "-" else value, decimals, percent)


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
