"""What mathematics an answer is made of: frozen nodes, as written, nothing simplified.

In:  nothing. Out: the types that `notation` makes, `values` computes and `comparing` compares.
Always true: a node is immutable and knows no value; what can't be a node is `Unreadable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


class UnreadableError(ValueError):
    """The text is not mathematics, or not of the kinds read here."""


class UnsupportedError(UnreadableError):
    """The text is mathematics beyond these nodes: a sum sign, an integral, a set-builder."""


@dataclass(frozen=True, slots=True)
class Number:
    """An exact value. `places`: digits after the point it is written with, the last maybe rounded; None: no point."""

    value: Fraction
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A variable, subscript included; also what is named and not computed: a triangle, a vector."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`pi`, `e`, `i` or `oo` (infinity)."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product:
    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quotient:
    top: Node
    bottom: Node


@dataclass(frozen=True, slots=True)
class Power:
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Apply:
    """A function by name: those of `values.FUNCTIONS`, or a letter such as f."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Degrees:
    """A number of degrees: the number itself, but in an angle's place."""

    value: Node


@dataclass(frozen=True, slots=True)
class Bracketed:
    """Several values in brackets: a point, a tuple, an interval, a program's list."""

    opening: str
    items: tuple[Node, ...]
    closing: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Several values without brackets; in braces, a set."""

    items: tuple[Node, ...]
    braces: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """`a < b <= c`: the sides and the signs between them, of = ~ != < <= > >= in."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combined:
    """Sets joined from the left by `union`, `intersection` or `difference`."""

    sets: tuple[Node, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """`a : b : c`."""

    terms: tuple[Node, ...]


Scalar = (Number, Letter, Constant, Sum, Product, Quotient, Power, Apply, Degrees)
Node = (
    Number | Letter | Constant | Sum | Product | Quotient | Power | Apply | Degrees
    | Bracketed | Listing | Matrix | Relation | Combined | Ratio
)  # fmt: skip


def is_scalar(node: Node) -> bool:
    return isinstance(node, Scalar)


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node."""
    if isinstance(node, Sum):
        return node.terms
    if isinstance(node, Product):
        return node.factors
    if isinstance(node, Quotient):
        return (node.top, node.bottom)
    if isinstance(node, Power):
        return (node.base, node.exponent)
    if isinstance(node, Apply):
        return node.arguments
    if isinstance(node, Degrees):
        return (node.value,)
    if isinstance(node, (Bracketed, Listing)):
        return node.items
    if isinstance(node, Matrix):
        return tuple(cell for row in node.rows for cell in row)
    if isinstance(node, Relation):
        return node.sides
    if isinstance(node, Combined):
        return node.sets
    if isinstance(node, Ratio):
        return node.terms
    return ()
