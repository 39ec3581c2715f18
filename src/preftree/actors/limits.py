"""How fast a server may be asked: a bucket for each limit, and the pauses that servers ask for.

In:  a limit a minute and the time; the headers of an answer.
Out: when an amount may be sent; the seconds of a pause.
Always true: in no minute does a bucket of requests let more than its limit pass, and a bucket of tokens no more than
its limit and one request.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping

# A pause is a text such as 6m0s, 1.5s or 20ms in OpenAI's x-ratelimit-reset-*.
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS_S = (3600.0, 60.0, 1.0, 0.001)
# Numbers from here on are dates (in seconds, in milliseconds), not spans: no server asks for 30 years.
_DATE_S, _DATE_MS = 1e9, 1e12


class Bucket:
    """An allowance that fills evenly, a second's worth at most (so that requests are spread, as vendors ask).

    What is larger than that passes when the bucket is full, and leaves a debt.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._most = per_minute
        self._capacity = max(1.0, per_minute / 60)
        # A full bucket and a minute's flow together are the limit.
        self._rate = (per_minute - self._capacity + 1) / 60
        self._level, self._at = self._capacity, now

    def ready_at(self, amount: float, now: float) -> float:
        """The time from which `amount` may be sent."""
        self._flow(now)
        missing = min(amount, self._capacity) - self._level
        # Sums of small steps are rounded: a millionth may be missing.
        return now if missing <= 1e-6 else now + missing / self._rate

    def take(self, amount: float, now: float) -> None:
        """Count what is sent."""
        self._flow(now)
        self._level -= amount

    def give_back(self, amount: float) -> None:
        """Correct an estimate that was too high by `amount` (too low, if it is negative)."""
        self._level = min(self._level + amount, self._most)

    def _flow(self, now: float) -> None:
        # What was given back may stand above the capacity; time alone never lifts the level above it.
        self._level = max(self._level, min(self._capacity, self._level + (now - self._at) * self._rate))
        self._at = now


def asked_pause_s(headers: Mapping[str, str], date: float) -> float | None:
    """The pause that a server asks for, in seconds: Retry-After-Ms, Retry-After (seconds or a date), or the reset of
    a limit of which nothing is left (X-RateLimit-Reset-…). None: it does not say. `date`: seconds since 1970."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if name in headers and (pause := _number(headers[name], unit, date)) is not None:
            return pause
    resets = []
    for what in ("-requests", "-tokens", ""):
        reset = headers.get(f"x-ratelimit-reset{what}")
        if reset is not None and headers.get(f"x-ratelimit-remaining{what}", "0").strip() == "0":
            resets.append(_number(reset, 1.0, date))
    return max((pause for pause in resets if pause is not None), default=None)


def _number(text: str, unit: float, date: float) -> float | None:
    """Seconds from now, of a number, a span or a date. None: it is none of them, or too long to be meant."""
    pause = _seconds(text.strip(), unit, date)
    return pause if pause is not None and pause < _DATE_S else None


def _seconds(text: str, unit: float, date: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        span = _SPAN.fullmatch(text)
        if text and span:
            return sum(float(part) * unit_s for part, unit_s in zip(span.groups(), _UNITS_S, strict=True) if part)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - date)
        except (ValueError, OverflowError, OSError):
            # No date, or one that no clock has.
            return None
    if not 0 <= value < float("inf"):
        # "nan" and "inf" are floats too; a pause below nothing is none.
        return 0.0 if value < 0 else None
    if value >= _DATE_MS:
        return max(0.0, value / 1000 - date)
    return max(0.0, value - date) if value >= _DATE_S else value * unit
