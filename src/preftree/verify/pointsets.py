"""Sets of real numbers: intervals, finite sets, what is made of them, and the solutions of simple inequalities.

In:  a node. Out: its intervals, disjoint and in order, with numbers for ends; None where it is no such set.
Always true: one set has one form, however it was written: (1,2) ∪ [2,3) is (1,3).
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath

from preftree.verify.expressions import Bracketed, Combined, Letter, Listing, Node, Relation, is_scalar
from preftree.verify.values import NoValueError, TooLargeError, Value, is_real, rounded, value_at


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` to `high`; a point where they are equal."""

    low: Value
    low_open: bool
    high: Value
    high_open: bool


def points_of(node: Node) -> tuple[Span, ...] | None:
    if isinstance(node, Combined):
        return _combined(node)
    if isinstance(node, Bracketed):
        return _interval(node)
    if isinstance(node, Relation):
        return _solutions(node)
    if isinstance(node, Listing):
        if any(isinstance(item, Relation) for item in node.items):  # x < 1 or x > 2
            return _union([points_of(item) for item in node.items]) if len(_unknowns(node)) == 1 else None
        return _union([_point(item) for item in node.items]) if node.braces else None
    return None


def _combined(node: Combined) -> tuple[Span, ...] | None:
    total = points_of(node.sets[0])
    for sign, part in zip(node.signs, node.sets[1:], strict=True):
        other = points_of(part)
        if total is None or other is None:
            return None
        if sign == "union":
            total = _union([total, other])
        else:
            total = _intersection(total, other if sign == "intersection" else _complement(other))
    return total


def _number(node: Node) -> Value | None:
    try:
        value = value_at(node, {})
    except (NoValueError, TooLargeError):
        return None
    return value if is_real(value) else None


def _point(node: Node) -> tuple[Span, ...] | None:
    value = _number(node) if is_scalar(node) else None
    return None if value is None else (Span(value, False, value, False),)


def _interval(node: Bracketed) -> tuple[Span, ...] | None:
    if len(node.items) != 2 or not all(map(is_scalar, node.items)):
        return None
    low, high = _number(node.items[0]), _number(node.items[1])
    if low is None or high is None or rounded(low) >= rounded(high):
        return None
    return (_span(low, node.opening == "(", high, node.closing == ")"),)


def _span(low: Value, low_open: bool, high: Value, high_open: bool) -> Span:
    """Infinity belongs to no set, however the bracket is written."""
    return Span(low, low_open or bool(mpmath.isinf(rounded(low))), high, high_open or bool(mpmath.isinf(rounded(high))))


def _unknowns(node: Listing) -> set[str]:
    sides = [side for item in node.items if isinstance(item, Relation) for side in item.sides]
    return {side.name for side in sides if isinstance(side, Letter)}


def _solutions(node: Relation) -> tuple[Span, ...] | None:
    """`1 < x <= 2`, `x > 3`, `x != 0`, `x in [1, 2]`: solved already, with the unknown alone on its side."""
    unknown = [isinstance(side, Letter) for side in node.sides]
    if sum(unknown) != 1:
        return None
    if node.signs == ("in",):
        return points_of(node.sides[1]) if unknown[0] else None
    total: tuple[Span, ...] | None = (_span(-mpmath.inf, True, mpmath.inf, True),)
    place = unknown.index(True)
    if not place <= 1 or len(node.sides) - place > 2:
        return None
    for i, sign in enumerate(node.signs):
        value = _number(node.sides[i + 1] if i == place else node.sides[i])
        part = None if value is None else _half(sign if i == place else _MIRRORED.get(sign, sign), value)
        if part is None or total is None:
            return None
        total = _intersection(total, part)
    return total


_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _half(sign: str, value: Value) -> tuple[Span, ...] | None:
    """Where x stands in the relation to the value."""
    if sign in ("<", "<="):
        return (_span(-mpmath.inf, True, value, sign == "<"),)
    if sign in (">", ">="):
        return (_span(value, sign == ">", mpmath.inf, True),)
    if sign == "=":
        return (Span(value, False, value, False),)
    return _complement((Span(value, False, value, False),)) if sign == "!=" else None


def _union(parts: list[tuple[Span, ...] | None]) -> tuple[Span, ...] | None:
    spans: list[Span] = []
    for part in parts:
        if part is None:
            return None
        spans += part
    spans.sort(key=lambda span: (rounded(span.low), span.low_open))
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        touches = last is not None and (
            rounded(span.low) < rounded(last.high)
            or (rounded(span.low) == rounded(last.high) and not (span.low_open and last.high_open))
        )
        if last is None or not touches:
            merged.append(span)
            continue
        high, high_open = max(
            ((last.high, last.high_open), (span.high, span.high_open)), key=lambda end: (rounded(end[0]), not end[1])
        )
        merged[-1] = Span(last.low, last.low_open, high, high_open)
    return tuple(merged)


def _complement(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    gaps, low, low_open = [], -mpmath.inf, True
    for span in spans:
        gaps.append(Span(low, low_open, span.low, not span.low_open))
        low, low_open = span.high, not span.high_open
    gaps.append(Span(low, low_open, mpmath.inf, True))
    return tuple(gap for gap in gaps if not _is_empty(gap))


def _intersection(a: tuple[Span, ...], b: tuple[Span, ...]) -> tuple[Span, ...]:
    found = []
    for one in a:
        for other in b:
            low, low_open = max(
                ((one.low, one.low_open), (other.low, other.low_open)), key=lambda end: (rounded(end[0]), end[1])
            )
            high, high_open = min(
                ((one.high, one.high_open), (other.high, other.high_open)),
                key=lambda end: (rounded(end[0]), not end[1]),
            )
            found.append(Span(low, low_open, high, high_open))
    return tuple(span for span in found if not _is_empty(span))


def _is_empty(span: Span) -> bool:
    low, high = rounded(span.low), rounded(span.high)
    return bool(low > high or (low == high and (span.low_open or span.high_open)))
