"""The value of a node: exact where it is rational, otherwise to 60 digits.

In:  a scalar node and a number for each letter. Out: a Fraction, or mpmath's real or complex number.
Raises `NoValueError` where there is none (a division by zero), `TooLargeError` where none fits in memory.
Always true: time and memory are bounded whatever the node, so a tower of powers costs nothing; nothing is simplified,
so no rule of algebra can be applied wrongly. Roots of negative numbers are real where they can be (the cube root of
-8 is -2); otherwise functions have their principal values.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import mpmath

from preftree.verify.expressions import Apply, Constant, Degrees, Letter, Node, Number, Power, Product, Quotient, Sum

DIGITS = 60
# Exact numbers longer than this go on as rounded ones.
_MAX_BITS = 60_000
# Of a rounded number's exponent: 2^(2^64) is far beyond any answer, and still a short number for mpmath.
_MAX_MAGNITUDE = 1 << 64
# Of an argument whose integer part is needed whole: of a sine, of a floor.
_MAX_WHOLE_BITS = 4_000
_MAX_EXACT_FACTORIAL = 3_000
_NEAR_AN_INTEGER = mpmath.mpf("1e-40")

Value = Any  # a Fraction, mpmath.mpf or mpmath.mpc


class NoValueError(ArithmeticError):
    """There is no such number."""


class TooLargeError(ArithmeticError):
    """There is one, and it can't be held."""


def value_at(node: Node, letters: Mapping[str, Fraction], digits: int = DIGITS, radians: bool = False) -> Value:
    """`radians`: a number of degrees is its angle, everywhere and not only under a sine."""
    with mpmath.workdps(digits):
        try:
            return _Evaluator(letters).value(node, mpmath.pi / 180 if radians else Fraction(1))
        except (ZeroDivisionError, ValueError, mpmath.mp.NoConvergence) as error:
            raise NoValueError(str(error)) from error
        except OverflowError as error:
            raise TooLargeError(str(error)) from error


def is_real(value: Value) -> bool:
    return isinstance(value, (Fraction, mpmath.mpf))


def as_fraction(value: Value) -> Fraction:
    """The real number as it is held. Raises NoValueError where it is none, TooLargeError for a huge one."""
    if isinstance(value, Fraction):
        return value
    if not is_real(value) or not mpmath.isfinite(value):
        raise NoValueError("not a real number")
    if value != 0 and abs(_magnitude(value)) > _MAX_BITS:
        raise TooLargeError("a number out of reach")
    return Fraction(*mpmath.libmp.to_rational(value._mpf_))


class _Evaluator:
    """`degree` is what one degree is worth: 1, or pi/180 in an angle's place."""

    def __init__(self, letters: Mapping[str, Fraction]) -> None:
        self._letters = letters

    def value(self, node: Node, degree: Value) -> Value:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Letter):
            if node.name not in self._letters:
                raise NoValueError(f"{node.name} has no value")
            return self._letters[node.name]
        if isinstance(node, Constant):
            return _CONSTANTS[node.name]()
        if isinstance(node, Sum):
            total = self.value(node.terms[0], degree)
            for term in node.terms[1:]:
                total = _add(total, self.value(term, degree))
            return total
        if isinstance(node, Product):
            total = self.value(node.factors[0], degree)
            for factor in node.factors[1:]:
                total = _multiply(total, self.value(factor, degree))
            return total
        if isinstance(node, Quotient):
            return _divide(self.value(node.top, degree), self.value(node.bottom, degree))
        if isinstance(node, Power):
            return _power(self.value(node.base, degree), self.value(node.exponent, degree))
        if isinstance(node, Degrees):
            return _multiply(self.value(node.value, degree), degree)
        if isinstance(node, Apply):
            return self._apply(node, degree)
        raise NoValueError(f"{type(node).__name__} is not one value")

    def _apply(self, node: Apply, degree: Value) -> Value:
        inner = mpmath.pi / 180 if node.function in _TRIGONOMETRIC else degree
        arguments = [self.value(argument, inner) for argument in node.arguments]
        function = FUNCTIONS.get(node.function)
        if function is None:
            return _stand_in(node.function, arguments)
        try:
            return _checked(function(*arguments))
        except TypeError as error:
            raise NoValueError(f"{node.function} of these values") from error


# ---------------------------------------------------------------- arithmetic


def rounded(value: Value) -> Any:
    """The value as mpmath's, to the digits at work."""
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else value


def _checked(value: Value) -> Value:
    if isinstance(value, int):
        value = Fraction(value)
    if isinstance(value, Fraction):
        length = value.numerator.bit_length() + value.denominator.bit_length()
        return rounded(value) if length > _MAX_BITS else value
    if isinstance(value, mpmath.mpc) and value.imag == 0:
        value = value.real
    if mpmath.isnan(value):
        raise NoValueError("undefined")
    if isinstance(value, mpmath.mpc) and mpmath.isinf(value):
        raise NoValueError("undefined")
    return value


def _add(a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _checked(a + b)
    return _checked(rounded(a) + rounded(b))


def _multiply(a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _checked(a * b)
    return _checked(rounded(a) * rounded(b))


def _divide(a: Value, b: Value) -> Value:
    if b == 0:
        raise NoValueError("division by zero")
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _checked(a / b)
    return _checked(rounded(a) / rounded(b))


def _power(base: Value, exponent: Value) -> Value:
    if base == 1 or exponent == 0:
        return Fraction(1)
    if base == 0:
        if is_real(exponent) and exponent > 0:
            return Fraction(0)
        raise NoValueError("a power of zero")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        length = base.numerator.bit_length() + base.denominator.bit_length()
        if length * abs(exponent.numerator) <= _MAX_BITS:
            return base**exponent.numerator
    if mpmath.isinf(rounded(base)) or mpmath.isinf(rounded(exponent)):
        raise NoValueError("a power of infinity")
    if abs(rounded(exponent)) * max(1, abs(_magnitude(base))) > _MAX_MAGNITUDE:
        raise TooLargeError("a power out of reach")
    if is_real(base) and base < 0 and isinstance(exponent, Fraction) and exponent.denominator % 2 == 1:
        size = mpmath.power(rounded(-base), rounded(exponent))
        return _checked(-size if exponent.numerator % 2 else size)
    return _checked(mpmath.power(rounded(base), rounded(exponent)))


def _magnitude(value: Value) -> Any:
    """About the logarithm to base 2 of its size."""
    return mpmath.mag(rounded(value))


def _bounded(value: Value, bits: int) -> Any:
    value = rounded(value)
    if mpmath.isinf(value) or (value != 0 and _magnitude(value) > bits):
        raise TooLargeError("an argument out of reach")
    return value


# ---------------------------------------------------------------- functions


def _real(function: Callable[[Any], Any], bits: int) -> Callable[[Value], Value]:
    """A function of mpmath's whose argument may have this many bits before the point."""
    return lambda x: function(_bounded(x, bits))


def _log(x: Value, base: Value | None = None) -> Value:
    if x == 0 or base in (0, 1):
        raise NoValueError("no such logarithm")
    if base is None:
        return mpmath.log(rounded(x))
    # An exact power's logarithm is exact: log_2 8 is 3 and no rounded number beside it.
    return mpmath.log(rounded(x)) / mpmath.log(rounded(base))


def _root(x: Value, degree: Value) -> Value:
    return _power(x, _divide(Fraction(1), degree))


def _factorial(x: Value) -> Value:
    if isinstance(x, Fraction) and x.denominator == 1 and 0 <= x.numerator <= _MAX_EXACT_FACTORIAL:
        return Fraction(math.factorial(x.numerator))
    return mpmath.factorial(_bounded(x, 64))


def _factorial2(x: Value) -> Value:
    if isinstance(x, Fraction) and x.denominator == 1 and 0 <= x.numerator <= _MAX_EXACT_FACTORIAL:
        return Fraction(math.prod(range(x.numerator, 0, -2)))
    return mpmath.fac2(_bounded(x, 64))


def _binomial(n: Value, k: Value) -> Value:
    if all(isinstance(x, Fraction) and x.denominator == 1 and x >= 0 for x in (n, k)):
        if k > n:
            return Fraction(0)
        if min(k, n - k) * n.numerator.bit_length() <= _MAX_BITS:
            return Fraction(math.comb(n.numerator, k.numerator))
    return mpmath.binomial(_bounded(n, 64), _bounded(k, 64))


def _floor(x: Value) -> Value:
    if isinstance(x, Fraction):
        return Fraction(math.floor(x))
    if not is_real(x):
        raise NoValueError("the floor of a complex number")
    x = _bounded(x, _MAX_WHOLE_BITS)
    nearest = mpmath.nint(x)
    # The square of sqrt(2) is 2, whatever its sixtieth digit says.
    return Fraction(int(nearest if abs(x - nearest) < _NEAR_AN_INTEGER else mpmath.floor(x)))


def _integers(function: Callable[..., int]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        if not all(isinstance(x, Fraction) and x.denominator == 1 for x in values):
            raise NoValueError("not integers")
        return Fraction(function(*(x.numerator for x in values)))

    return apply


def _extreme(function: Callable[..., Any]) -> Callable[..., Value]:
    def apply(*values: Value) -> Value:
        if not values or not all(map(is_real, values)):
            raise NoValueError("not real numbers")
        return function(values, key=rounded)

    return apply


def _modulo(a: Value, b: Value) -> Value:
    if not (isinstance(a, Fraction) and isinstance(b, Fraction)) or b == 0:
        raise NoValueError("no remainder")
    return a % b


def _stand_in(name: str, arguments: list[Value]) -> Value:
    """For an unknown function: one that no identity but a general one holds for."""
    draw = random.Random(name)
    total: Value = mpmath.mpf(0)
    for argument in arguments:
        x = _bounded(argument, 64)
        total += mpmath.sin(draw.randint(2, 99) * x + draw.randint(2, 99)) + draw.randint(2, 99) * x**3
    return _checked(total)


_LARGE = 64
_CONSTANTS: dict[str, Callable[[], Value]] = {
    "pi": lambda: +mpmath.pi, "e": lambda: +mpmath.e, "i": lambda: mpmath.mpc(0, 1), "oo": lambda: mpmath.inf,
}  # fmt: skip
_TRIGONOMETRIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{name: _real(getattr(mpmath, name), _MAX_WHOLE_BITS) for name in sorted(_TRIGONOMETRIC)},
    "arcsin": _real(mpmath.asin, _LARGE), "arccos": _real(mpmath.acos, _LARGE), "arctan": _real(mpmath.atan, _LARGE),
    "sinh": _real(mpmath.sinh, _LARGE), "cosh": _real(mpmath.cosh, _LARGE), "tanh": _real(mpmath.tanh, _LARGE),
    "exp": _real(mpmath.exp, _LARGE),
    "log": _log, "ln": _log, "log10": lambda x: _log(x, Fraction(10)),
    "root": _root, "sqrt": lambda x: _root(x, Fraction(2)), "cbrt": lambda x: _root(x, Fraction(3)),
    "pow": _power, "quotient": lambda a, b=Fraction(1): _divide(a, b),
    "percent": lambda x: _divide(x, Fraction(100)),
    "abs": lambda x: abs(x), "floor": _floor, "ceil": lambda x: -_floor(-x),
    "factorial": _factorial, "factorial2": _factorial2, "binomial": _binomial,
    "gcd": _integers(math.gcd), "lcm": _integers(math.lcm), "mod": _modulo,
    "min": _extreme(min), "max": _extreme(max),
    "re": lambda x: x if is_real(x) else x.real, "im": lambda x: Fraction(0) if is_real(x) else x.imag,
    "conjugate": lambda x: x if is_real(x) else mpmath.conj(x),
}  # fmt: skip
