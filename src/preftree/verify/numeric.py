"""Are two nodes that stand for one value each equal?

In:  the nodes of an answer and of a reference, scalars both. Out: true or false.
Raises `UncomputableError` where the reference has a value that can't be held.
Always true: numbers are compared by relative difference, formulas by their values at fixed random points, real ones
where there are any; exactly, but for what a decimal's own digits leave open.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

import mpmath

from preftree.verify.expressions import Constant, Degrees, Letter, Node, Number, parts_of
from preftree.verify.reading import states
from preftree.verify.values import (
    DIGITS,
    NoValueError,
    TooLargeError,
    Value,
    as_fraction,
    is_real,
    rounded,
    value_at,
)

_EXACT = mpmath.mpf("1e-30")
_PRINTED = mpmath.mpf("1e-8")
# What a program prints for zero, such as sin(pi).
_NOISE = mpmath.mpf("1e-12")
# Two values this close that are not equal, or one this small, may have lost their digits: they are computed again.
_SUSPECT = mpmath.mpf("1e-8")
_TINY = mpmath.mpf("1e-30")
# Of a number's integer part: from which it may hide a unit, and up to which that is looked at.
_LARGE_BITS = 80
_MAX_LARGE_BITS = 40_000
NUM_PROBES = 4  # points at which two formulas are compared
_NUM_DRAWS = 8


class UncomputableError(ArithmeticError):
    """The reference has no value that can be held."""


def same_value(answer: Node, reference: Node) -> bool:
    if _same_at_points(answer, reference, radians=False):
        return True
    angle = _has(answer, Degrees) != _has(reference, Degrees)
    return angle and _same_at_points(answer, reference, radians=True)


def _same_at_points(answer: Node, reference: Node, radians: bool) -> bool:
    """Equal at every point at which both have a value, and at some."""
    letters = letters_of(answer) | letters_of(reference)
    tolerance = tolerance_of(answer, reference)
    # Outside the real domain of both, 1/sqrt(n) and sqrt(1/n) are two branches of one function: no matter.
    real_only = bool(letters) and not (_has_imaginary(answer) or _has_imaginary(reference))
    outside: list[tuple[Value, Value]] = []
    compared, too_large = 0, False
    for point in probes(letters) if letters else [{}]:
        try:
            theirs = value_at(reference, point, radians=radians)
        except NoValueError:
            continue
        except TooLargeError as error:
            if answer == reference:
                return True
            if not letters:
                raise UncomputableError("the reference is too large a number") from error
            too_large = True
            continue
        try:
            ours = value_at(answer, point, radians=radians)
        except NoValueError:
            if letters:
                continue
            return False
        except TooLargeError:
            return False
        if real_only and not is_real(ours) and not is_real(theirs):
            outside.append((ours, theirs))
            continue
        if not _equal_at(answer, reference, point, radians, ours, theirs, tolerance):
            return False
        compared += 1
        if compared == NUM_PROBES:
            break
    if too_large and not compared:
        raise UncomputableError("the reference is too large a number")
    if not compared and outside:
        return all(near(ours, theirs, tolerance) for ours, theirs in outside)
    return compared > 0 or answer == reference


def _equal_at(
    answer: Node,
    reference: Node,
    point: dict[str, Fraction],
    radians: bool,
    ours: Value,
    theirs: Value,
    tolerance: Value | None,
) -> bool:
    if near(ours, theirs, tolerance) or _rounded_off(answer, reference, ours, theirs):
        return tolerance is not None or _same_to_the_units(answer, reference, point, radians, theirs)
    if (isinstance(ours, Fraction) and isinstance(theirs, Fraction)) or not _is_suspect(ours, theirs):
        return False
    more = 4 * DIGITS
    a, b = (value_at(node, point, more, radians) for node in (answer, reference))
    return near(_settled(a, ours), _settled(b, theirs), tolerance)


def _same_to_the_units(answer: Node, reference: Node, point: dict[str, Fraction], radians: bool, theirs: Value) -> bool:
    """A large irrational number is computed again, with as many digits as tell it from itself and one."""
    magnitude = mpmath.mag(rounded(theirs)) if not isinstance(theirs, Fraction) and mpmath.isfinite(theirs) else 0
    if not _LARGE_BITS < magnitude <= _MAX_LARGE_BITS:
        return True
    a, b = (value_at(node, point, 2 * DIGITS + int(magnitude) // 3, radians) for node in (answer, reference))
    with mpmath.workdps(2 * DIGITS + int(magnitude) // 3):
        return bool(abs(rounded(a) - rounded(b)) < _EXACT)


def _rounded_off(answer: Node, reference: Node, ours: Value, theirs: Value) -> bool:
    """Whether one is a decimal that states the other: 0.141421 for sqrt(2)/10."""
    places, other_places = (node.places if isinstance(node, Number) else None for node in (answer, reference))
    if places is None and other_places is None:
        return False
    try:
        return states(as_fraction(ours), places, as_fraction(theirs), other_places)
    except (NoValueError, TooLargeError):
        return False


def _is_suspect(x: Value, y: Value) -> bool:
    x, y = rounded(x), rounded(y)
    return bool(min(abs(x), abs(y)) < _TINY or abs(x - y) < _SUSPECT * max(abs(x), abs(y)))


def _settled(precise: Value, rough: Value) -> Value:
    """Zero, if more digits made it vanish."""
    return Fraction(0) if abs(rounded(precise)) < _TINY * abs(rounded(rough)) else precise


def near(x: Value, y: Value, tolerance: Value | None) -> bool:
    """Within the relative tolerance; None asks for exact values where both are."""
    if isinstance(x, Fraction) and isinstance(y, Fraction) and (tolerance is None or x == y):
        return x == y
    x, y = rounded(x), rounded(y)
    if mpmath.isinf(x) or mpmath.isinf(y):
        return bool(x == y)
    size = max(abs(x), abs(y))
    if tolerance is not None and 0 in (x, y):
        return bool(size <= _NOISE)
    return bool(abs(x - y) <= (tolerance or _EXACT) * size)


def tolerance_of(a: Node, b: Node) -> Value | None:
    return (
        _PRINTED if any(isinstance(n, Number) and n.places is not None for node in (a, b) for n in _all(node)) else None
    )


# ---------------------------------------------------------------- what a node holds


def _all(node: Node) -> Iterator[Node]:
    yield node
    for part in parts_of(node):
        yield from _all(part)


def _has(node: Node, kind: type) -> bool:
    return any(isinstance(part, kind) for part in _all(node))


def _has_imaginary(node: Node) -> bool:
    return any(part == Constant("i") for part in _all(node) if isinstance(part, Constant))


def letters_of(node: Node) -> frozenset[str]:
    return frozenset(part.name for part in _all(node) if isinstance(part, Letter))


def probes(letters: frozenset[str]) -> list[dict[str, Fraction]]:
    """Fixed pseudo-random points; every second one is positive, for roots and logarithms."""
    draw = random.Random(20240402)
    return [
        {name: Fraction(draw.randint(1 if i % 2 == 0 else -9_999, 9_999), 1_009) for name in sorted(letters)}
        for i in range(_NUM_DRAWS)
    ]
