"""Answers in words: numbers spelled out, times of day, dates.

In:  a text. Out: a number, a `Time` or a `Date`, each None where the whole text is not one.
Always true: the whole text must be read; "June 20 or 21" is no date. Linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MAX_LENGTH = 100

_SMALL_NUMBERS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
"""
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NUMBERS = {word: i for i, word in enumerate(_SMALL_NUMBERS.split())} | {
    word: 10 * i for i, word in enumerate(_TENS, start=2)
}
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ORDINAL = {word: i for i, word in enumerate(_ORDINALS.split(), start=1)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(am|pm)?", re.ASCII)

_MONTH_NAMES = "january february march april may june july august september october november december"
_MONTHS = _MONTH_NAMES.split()
_MONTH = {name: i for i, name in enumerate(_MONTHS, start=1)} | {name[:3]: i for i, name in enumerate(_MONTHS, start=1)}
_MONTH["sept"] = 9
_NAMED_DATES = (
    re.compile(r"(?P<month>[a-z]+)\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,? (?P<year>\d{3,4}))?", re.ASCII),
    re.compile(
        r"(?:the )?(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<month>[a-z]+)\.?(?:,? (?P<year>\d{3,4}))?", re.ASCII
    ),
    re.compile(r"(?P<day>)(?P<month>[a-z]+)\.?,? (?P<year>\d{4})", re.ASCII),
)  # fmt: skip
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Time:
    """`afternoon` is None where neither am nor pm was said."""

    hour: int
    minute: int
    second: int
    afternoon: bool | None


@dataclass(frozen=True, slots=True)
class Date:
    """What was not said is None."""

    year: int | None
    month: int
    day: int | None


def number_in_words(text: str) -> int | None:
    """`twenty-one`, `three hundred and four`, `two million`; `first` to `twelfth`."""
    if text.strip().casefold() in _ORDINAL:
        return _ORDINAL[text.strip().casefold()]
    words = re.findall(r"[a-z]+", text.casefold()) if len(text) <= _MAX_LENGTH else []
    if not words or not re.fullmatch(r"[A-Za-z][A-Za-z,\s-]*", text.strip()):
        return None
    total = part = 0
    last = ""
    for word in words:
        if word in _NUMBERS:
            # "two three" is two numbers; "twenty three" is one.
            if last in _NUMBERS and not (last in _TENS and 0 < _NUMBERS[word] < 10):
                return None
            part += _NUMBERS[word]
        elif word == "hundred" and 0 < part < 100:
            part *= 100
        elif word in _SCALES and part and not (total and _SCALES[word] >= 10**3 > total):
            total, part = total + part * _SCALES[word], 0
        elif not (word == "and" and (last == "hundred" or last in _SCALES)):
            return None
        last = word
    return None if last == "and" else total + part


def read_time(text: str) -> Time | None:
    """`6:45 p.m.`, `18:45`, `6:45:00 PM`."""
    if len(text) > _MAX_LENGTH:
        return None
    match = _TIME.fullmatch(re.sub(r"[\s.]", "", text).casefold())
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if hour > 24 or minute > 59 or second > 59 or (match[4] and not 1 <= hour <= 12):
        return None
    return Time(hour, minute, second, None if match[4] is None else match[4] == "pm")


def same_time(a: Time, b: Time) -> bool:
    """6:45 p.m. is 18:45, and is not 6:45."""
    if (a.afternoon is None) == (b.afternoon is None):
        return a == b
    said, unsaid = (b, a) if a.afternoon is None else (a, b)
    hour = said.hour % 12 + 12 * bool(said.afternoon)
    # Without am or pm, only an hour that no 12-hour clock shows is a 24-hour one.
    return not 1 <= unsaid.hour <= 12 and (unsaid.hour, unsaid.minute, unsaid.second) == (
        hour,
        said.minute,
        said.second,
    )


def read_date(text: str) -> Date | None:
    """`June 20`, `20th of June, 2004`, `Jun. 2004`, `2004-06-20`."""
    if len(text) > _MAX_LENGTH:
        return None
    text = " ".join(text.casefold().split())
    for pattern in (*_NAMED_DATES, _ISO_DATE):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        month = int(match["month"]) if match["month"].isdigit() else _MONTH.get(match["month"], 0)
        day = int(match["day"]) if match["day"] else None
        if 1 <= month <= 12 and (day is None or 1 <= day <= 31):
            return Date(int(match["year"]) if match["year"] else None, month, day)
    return None
