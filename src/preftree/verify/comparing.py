"""Do two nodes say the same?

In:  the nodes of an answer and of a reference. Out: true or false.
Raises `UncomputableError` where the reference has a value that can't be held.
Always true: numbers are compared by relative difference, so that 1/2004! is not 1/2006!; formulas by their values at
fixed random points, real ones where there are any; equations and inequalities as wholes, so that one line is not
another; a decimal of six digits or more may be rounded or cut off, in a formula it may differ as floats do, and all
else is exact (of more than 12,000 digits before the point, only the first 30 are compared).

What is accepted besides equal values: `x = 5` for 5; a solved inequality for its interval; values in any order where
the reference has no brackets, in a program's brackets too; a list for a vector; degrees as numbers or as angles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

import mpmath

from preftree.verify.expressions import (
    Apply,
    Bracketed,
    Combined,
    Letter,
    Listing,
    Matrix,
    Node,
    Number,
    Product,
    Quotient,
    Ratio,
    Relation,
    Sum,
    is_scalar,
)
from preftree.verify.notation import nested_matrix
from preftree.verify.numeric import NUM_PROBES, letters_of, near, probes, same_value, tolerance_of
from preftree.verify.pointsets import points_of
from preftree.verify.values import (
    FUNCTIONS,
    NoValueError,
    TooLargeError,
    Value,
    is_real,
    rounded,
    value_at,
)

_ABOUT = mpmath.mpf("1e-2")  # relative, where an answer says "about"
_Item = TypeVar("_Item")


def same(answer: Node, reference: Node) -> bool:
    ours, theirs = _statements(answer), _statements(reference)
    if ours and theirs and len(ours) == len(theirs) and _matched(ours, theirs, _same_statement):
        return True
    if isinstance(answer, Relation) and isinstance(reference, Relation):
        return _same_relation(answer, reference)
    if isinstance(answer, Relation) and (values := _named_values(answer)):
        return any(same(value, reference) for value in values)
    if isinstance(reference, Relation) and (values := _named_values(reference)):
        return any(same(answer, value) for value in values)
    if is_scalar(answer) and is_scalar(reference):
        return same_value(answer, reference)
    if isinstance(answer, Ratio) or isinstance(reference, Ratio):
        return _same_ratio(answer, reference)
    if isinstance(answer, Matrix) or isinstance(reference, Matrix):
        return _same_matrix(answer, reference)
    if isinstance(answer, Bracketed) and isinstance(reference, Bracketed):
        # As intervals too: the bracket at infinity does not matter.
        return _same_brackets(answer, reference) or _same_points(answer, reference)
    if _are_lists(answer, reference):
        return _same_items(answer, reference)
    return _same_points(answer, reference)


# ---------------------------------------------------------------- relations


def _names(node: Node) -> bool:
    """Whether the node only names what stands on the other side: x, AB, f(x), (x, y)."""
    if isinstance(node, Apply):
        return node.function not in FUNCTIONS and all(map(_names, node.arguments))
    if isinstance(node, Product):
        return all(isinstance(factor, Letter) and factor.name.isupper() for factor in node.factors)
    return isinstance(node, Letter) or (isinstance(node, Bracketed) and all(map(_names, node.items)))


def _named_values(node: Relation) -> tuple[Node, ...]:
    """The sides of `x = 5`, `5 = x` or `2 + 3 = 5` that have the value; none where it is a statement."""
    if node.signs == ("in",):
        return node.sides[1:] if _names(node.sides[0]) else ()
    if not set(node.signs) <= {"=", "~"}:
        return ()
    values = tuple(side for side in node.sides if not _names(side))
    if len(node.sides) - len(values) > 1 or any(letters_of(value) for value in values if len(values) > 1):
        return ()
    agree = all(_agree(values[0], value, "~" in node.signs) for value in values[1:])
    return values if agree else ()


def _agree(a: Node, b: Node, about: bool) -> bool:
    if not about:
        return same(a, b)
    try:
        return near(value_at(a, {}), value_at(b, {}), _ABOUT)
    except (NoValueError, TooLargeError):
        return False


def _same_relation(a: Relation, b: Relation) -> bool:
    if _is_statement(a) and _is_statement(b):
        return False
    if a.signs == b.signs and all(same(x, y) for x, y in zip(a.sides, b.sides, strict=True)):
        return True
    if a.signs == b.signs == ("=",) and all(same(x, y) for x, y in zip(a.sides, b.sides[::-1], strict=True)):
        return True
    if {a.signs, b.signs} == {("=",), ("in",)} and a.sides[0] == b.sides[0]:  # sympy's way to say x in (0, 1)
        return same(a.sides[1], b.sides[1])
    return _same_points(a, b)


def _is_statement(node: Relation) -> bool:
    return "in" not in node.signs and all(map(is_scalar, node.sides))


def _statements(node: Node) -> list[tuple[str, Node]]:
    """`a < b <= c` as b - a > 0 and c - b >= 0: the sign, and the difference that it is about. None: no statement."""
    if isinstance(node, Combined) and set(node.signs) == {"intersection"}:
        parts = [_statements(part) for part in node.sets]
        return [statement for part in parts for statement in part] if all(parts) else []
    if not isinstance(node, Relation) or not _is_statement(node):
        return []
    found: list[tuple[str, Node]] = []
    for left, sign, right in zip(node.sides, node.signs, node.sides[1:], strict=False):
        if sign in ("<", "<="):
            left, right = right, left
        difference = Sum((left, Product((Number(Fraction(-1)), right))))
        found.append((sign.replace("<", ">").replace("~", "="), difference))
    return found


def _same_statement(a: tuple[str, Node], b: tuple[str, Node]) -> bool:
    """The differences are proportional; those of inequalities by a positive number."""
    (sign_a, difference_a), (sign_b, difference_b) = a, b
    letters = letters_of(difference_a)
    if sign_a != sign_b or letters != letters_of(difference_b) or not letters:
        return sign_a == sign_b and not letters and same_value(difference_a, difference_b)
    tolerance = tolerance_of(difference_a, difference_b)
    ratios: list[Value] = []
    for point in probes(letters):
        try:
            top, bottom = value_at(difference_a, point), value_at(difference_b, point)
        except (NoValueError, TooLargeError):
            continue
        if top == 0 or bottom == 0:
            if top != bottom:
                return False
            continue
        ratios.append(rounded(top) / rounded(bottom))
        if not near(ratios[0], ratios[-1], tolerance):
            return False
        if len(ratios) == NUM_PROBES:
            break
    return len(ratios) > 1 and (sign_a not in (">", ">=") or bool(is_real(ratios[0]) and ratios[0] > 0))


# ---------------------------------------------------------------- several values


def _are_lists(answer: Node, reference: Node) -> bool:
    """Two lists; or a program's list where the reference is one without brackets, or one value."""
    if isinstance(reference, Listing):
        return isinstance(answer, Listing) or (isinstance(answer, Bracketed) and not reference.braces)
    one = isinstance(answer, Listing) or (isinstance(answer, Bracketed) and answer.opening == "[")
    return one and is_scalar(reference)


def _same_items(answer: Node, reference: Node) -> bool:
    theirs = reference.items if isinstance(reference, Listing) else (reference,)
    ours = answer.items if isinstance(answer, (Listing, Bracketed)) else (answer,)
    (name, ours), (other_name, theirs) = _unnamed(ours), _unnamed(theirs)
    if name and other_name and name != other_name:
        return False
    if isinstance(answer, Listing) and isinstance(reference, Listing):
        if answer.braces or reference.braces:
            ours, theirs = _distinct(ours), _distinct(theirs)
        if any(item == Letter("...") for item in theirs):  # 1, 2, ..., n: the order tells the rest
            return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if len(ours) == len(theirs) and _matched(ours, theirs, same):
        return True
    return _same_points(answer, reference)


def _unnamed(items: Sequence[Node]) -> tuple[str, tuple[Node, ...]]:
    """`x = 1, x = 2` and `x = 1, 2` are two values of x; `x = 1, y = 2` stays as it is."""
    named = [item for item in items if isinstance(item, Relation) and item.signs == ("=",) and len(item.sides) == 2]
    letters = {item.sides[0].name if isinstance(item.sides[0], Letter) else "" for item in named}
    if len(letters) != 1 or "" in letters or not (len(named) == len(items) or named == [items[0]]):
        return "", tuple(items)
    return letters.pop(), tuple(
        item.sides[1] if isinstance(item, Relation) and item.signs == ("=",) else item for item in items
    )


def _distinct(items: Sequence[Node]) -> tuple[Node, ...]:
    found: list[Node] = []
    for item in items:
        if not any(same(item, other) for other in found):
            found.append(item)
    return tuple(found)


def _matched(ours: Sequence[_Item], theirs: Sequence[_Item], equal: Callable[[_Item, _Item], bool]) -> bool:
    """Whether each of ours has its own equal among theirs."""
    left = list(theirs)
    for item in ours:
        place = next((i for i, other in enumerate(left) if equal(item, other)), None)
        if place is None:
            return False
        left.pop(place)
    return True


def _same_brackets(answer: Bracketed, reference: Bracketed) -> bool:
    # Brackets tell an open interval from a closed one, so they count where there are two values, and only there.
    alike = (answer.opening, answer.closing) == (reference.opening, reference.closing)
    if not alike and len(reference.items) == 2:
        return False
    return len(answer.items) == len(reference.items) and all(map(same, answer.items, reference.items))


def _same_matrix(answer: Node, reference: Node) -> bool:
    a, b = (node if isinstance(node, Matrix) else nested_matrix(node) for node in (answer, reference))
    if a is None or b is None:
        return False
    rows_a, rows_b = a.rows, b.rows
    if not (isinstance(answer, Matrix) and isinstance(reference, Matrix)) and 1 in (len(rows_a), len(rows_b)):
        rows_a, rows_b = (tuple((cell,) for row in rows for cell in row) for rows in (rows_a, rows_b))
    return len(rows_a) == len(rows_b) and all(
        len(x) == len(y) and all(map(same, x, y)) for x, y in zip(rows_a, rows_b, strict=True)
    )


def _same_ratio(answer: Node, reference: Node) -> bool:
    a, b = (node.terms if isinstance(node, Ratio) else (node, Number(Fraction(1))) for node in (answer, reference))
    if len(a) != len(b) or not all(map(is_scalar, (*a, *b))):
        return False
    return all(same(Quotient(x, a[-1]), Quotient(y, b[-1])) for x, y in zip(a[:-1], b[:-1], strict=True))


def _same_points(answer: Node, reference: Node) -> bool:
    """As sets of real numbers, or else, where both are made of sets alike, part by part."""
    a, b = points_of(answer), points_of(reference)
    if a is not None and b is not None:
        tolerance = tolerance_of(answer, reference)
        return len(a) == len(b) and all(
            (x.low_open, x.high_open) == (y.low_open, y.high_open)
            and near(x.low, y.low, tolerance)
            and near(x.high, y.high, tolerance)
            for x, y in zip(a, b, strict=True)
        )
    if isinstance(answer, Combined) and isinstance(reference, Combined) and answer.signs == reference.signs:
        if set(answer.signs) == {"union"}:
            return len(answer.sets) == len(reference.sets) and _matched(answer.sets, reference.sets, same)
        return all(map(same, answer.sets, reference.sets))
    return False
