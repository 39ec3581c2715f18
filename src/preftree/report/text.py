"""Numbers and foreign text as words: each kind of figure is rounded in one way, on the page and in the terminal.

In:  plain values, some of them missing (None or NaN). Out: strings.
Always true: a missing value is an en dash; `clean` gives text that no terminal, XML parser or encoder trips over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MISSING = "–"

# Control characters (a terminal obeys ESC; XML refuses most), lone surrogates (UTF-8 refuses them), and the
# bidirectional overrides that make code read otherwise than it runs.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(text: object) -> str:
    """Foreign text with every character that acts, or can't be written, replaced by a visible one."""
    return _UNSAFE.sub(lambda match: _visible(match.group()), str(text).replace("\r\n", "\n"))


def _visible(char: str) -> str:
    if ord(char) < 0x20:
        return chr(0x2400 + ord(char))
    return "␡" if char == "\x7f" else "\ufffd"


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def percent(value: float | None) -> str:
    """A proportion in per cent, one decimal, without the sign: 0.9 is "90.0"."""
    return MISSING if missing(value) else f"{100 * float(value or 0):.1f}"


def interval(low: float | None, high: float | None) -> str:
    """A 95% interval of a proportion: "80.0–95.0"."""
    return MISSING if missing(low) or missing(high) else f"{percent(low)}–{percent(high)}"


def points(difference: float | None) -> str:
    """A difference of proportions in percentage points, with its sign: "+3.0", "−1.5"."""
    return MISSING if missing(difference) else signed(100 * float(difference or 0), 1)


def signed(value: float, decimals: int) -> str:
    text = f"{abs(value):.{decimals}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def p_value(p: float | None) -> str:
    if missing(p):
        return MISSING
    return "p < 0.001" if float(p or 0) < 0.001 else f"p = {p:.3f}"


def count(value: float | None) -> str:
    """A whole number with thousands separated: "12,345"."""
    return MISSING if missing(value) else f"{round(float(value or 0)):,}"


def decimal(value: float | None) -> str:
    """A loss or reward, three decimals, with a true minus sign."""
    if missing(value):
        return MISSING
    text = f"{float(value or 0):.3f}"
    return text.lstrip("-") if not float(text) else text.replace("-", "−")


def duration(seconds: float | None) -> str:
    """ "0.42 s", "61.2 s", "4 min 05 s", "2 h 03 min"."""
    if missing(seconds):
        return MISSING
    s = float(seconds or 0)
    if s < 9.995:
        return f"{s:.2f} s"
    if s < 99.95:
        return f"{s:.1f} s"
    whole = round(s)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(s / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def share(part: float | None, whole: float | None) -> str:
    """A part in per cent of the whole, with the sign; missing where there is no whole."""
    return MISSING if missing(part) or missing(whole) or not whole else f"{percent(float(part or 0) / whole)}%"


def plain(value: Any) -> str:
    """Any setting as its user would write it after `key=`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(plain(item) for item in value)}]"
    return clean(value)


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted keys, the form in which the command line takes them."""
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        name = f"{prefix}{clean(key)}"
        if isinstance(value, Mapping) and value:
            rows += flat(value, f"{name}.")
        else:
            rows.append((name, plain(value) if not isinstance(value, Mapping) else "{}"))
    return rows


def turns(number: int) -> str:
    return f"{number} turn" if number == 1 else f"{number} turns"
