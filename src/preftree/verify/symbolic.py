"""Two formulas as mathematics: reads both (Python's notation itself, LaTeX by math-verify), compares them by value.

In:  normalised texts. Out: correct, wrong, or undecided where the reference can't be read.
Always true: nothing is evaluated as code: Python's notation goes through `ast` into a fixed table of functions, and
LaTeX through math-verify's grammar. math-verify's own time-outs are off, since signals work on the main thread of a
process only. Numbers are compared by relative difference, so 1/2004! is not 1/2006!; equations as wholes, so one
line is not another; anything with letters at random points first, and only then by math-verify.
"""

from __future__ import annotations

import ast
import logging
import random
import re
from collections.abc import Sequence
from typing import Any

import sympy
from math_verify import LatexExtractionConfig, parse, verify
from sympy.core.function import AppliedUndef

from preftree.records import Outcome
from preftree.verify.reading import read_number, same_unit, split_unit

# math-verify warns, once and at length, that its time-outs are off.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)
logging.getLogger("latex2sympy2_extended").setLevel(logging.CRITICAL)

Ruling = tuple[Outcome, str]

_LATEX = [LatexExtractionConfig(boxed_match_priority=0)]
_DIGITS = 40
_EXACT = sympy.Float("1e-30", 15)
_PRINTED = sympy.Float("1e-6", 15)
# What a program prints for zero, such as sin(pi).
_NOISE = sympy.Float("1e-12", 15)
_MAX_POWER = 400
_MAX_FACTORIAL = 5000
_NUM_PROBES = 4

_SYMPY_NAMES = """
    sqrt cbrt root sin cos tan cot sec csc asin acos atan atan2 sinh cosh tanh log exp binomial Abs floor gamma
    Rational Eq Matrix FiniteSet Interval Union Tuple Min Max re im conjugate
"""
_FUNCTIONS: dict[str, Any] = {name: getattr(sympy, name) for name in _SYMPY_NAMES.split()}
_FUNCTIONS |= {"ln": sympy.log, "abs": sympy.Abs, "Fraction": sympy.Rational}
_FUNCTIONS |= {"ceil": sympy.ceiling, "ceiling": sympy.ceiling}
_CONSTANTS: dict[str, Any] = {
    "pi": sympy.pi, "E": sympy.E, "e": sympy.E, "I": sympy.I, "i": sympy.I, "oo": sympy.oo, "inf": sympy.oo,
    "True": sympy.true, "False": sympy.false,
}  # fmt: skip


def judge_symbolic(answer: str, reference: str) -> Ruling:
    """Judge two normalised texts that are not equal as strings and not both plain numbers."""
    answer_parts, reference_parts = _alternatives(answer), _alternatives(reference)
    if len(answer_parts) > 1 or len(reference_parts) > 1:
        return _judge_lists(answer_parts, reference_parts)
    return _judge_one(answer, reference)


def _judge_one(answer: str, reference: str) -> Ruling:
    answer, answer_unit = split_unit(answer)
    reference, reference_unit = split_unit(reference)
    if not same_unit(answer_unit, reference_unit):
        return "wrong", f"{answer_unit} where {reference_unit} was wanted"
    wanted = read(reference)
    if wanted is None:
        return "undecided", "the reference can't be read as mathematics"
    given = read(answer)
    if given is None:
        return "wrong", "the answer can't be read as mathematics"
    return ("correct", "equal by value") if equal(given, wanted) else ("wrong", "differs by value")


def _judge_lists(answers: Sequence[str], references: Sequence[str]) -> Ruling:
    """Several values without brackets: their order is free, their number is not."""
    if len(answers) != len(references):
        return "wrong", f"{len(answers)} values where {len(references)} were wanted"
    left = list(references)
    for part in answers:
        rulings = [_judge_one(part, candidate)[0] for candidate in left]
        if "correct" not in rulings:
            undecided = "undecided" in rulings
            return ("undecided", "a reference value can't be read") if undecided else ("wrong", "values differ")
        left.pop(rulings.index("correct"))
    return "correct", "the same values"


def _alternatives(text: str) -> list[str]:
    """`1, 2`, `1 or 2`, `1 \\text{ and } 2`, `3 \\pm \\sqrt{2}`, `{1, 2}`, `x=1, x=2` as their values."""
    braces = re.fullmatch(r"\\?\{(.*?)\\?\}", text, re.S)
    if braces and _top_level(braces[1]) is not None and not re.search(r"\\mid|\||:", braces[1]):
        text = braces[1]
    text = re.sub(r"\\text\s*\{\s*(?:and|or)\s*\}|\b(?:and|or)\b", ",", text)
    parts = [part.strip() for part in _top_level(text) or [text]]
    parts = [part for part in parts if part]
    if len(parts) > 1:
        parts = [re.sub(r"^[A-Za-z](?:_\{?\w\}?)?\s*=(?!=)\s*", "", part) for part in _same_name(parts)]
    return [value for part in parts for value in _plus_minus(part)] or [text]


def _same_name(parts: list[str]) -> list[str]:
    """`x=1, x=2` are two values of one letter; `x=1, y=2` are kept as they are, for their letters count."""
    names = {match[1] for part in parts if (match := re.match(r"([A-Za-z])\w*\s*=(?!=)", part))}
    return parts if len(names) <= 1 else [f"({part})" for part in parts]


def _plus_minus(text: str) -> list[str]:
    if text.count("\\pm") != 1:
        return [text]
    before, _, after = text.partition("\\pm")
    return [f"{before}+{after}", f"{before}-{after}"]


def _top_level(text: str) -> list[str] | None:
    """Split at commas and semicolons outside all brackets; None where the brackets don't match. 1,234 is one number."""
    if read_number(text) is not None:
        return [text]
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif character in ",;" and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return None if depth else [*parts, text[start:]]


# ---------------------------------------------------------------- reading


def read(text: str) -> Any | None:
    """A sympy object, or None."""
    number = read_number(text)
    if number is not None:
        value = sympy.Rational(number.value.numerator, number.value.denominator)
        return sympy.Float(value, _DIGITS) if number.decimals is not None else value
    if "\\" not in text:
        expression = _read_python(text)
        if expression is not None:
            return expression
    return _read_latex(text)


def _read_latex(text: str) -> Any | None:
    found = parse(f"\\boxed{{{text}}}", _LATEX, fallback_mode="no_fallback", parsing_timeout=None)
    return found[0] if found and not _undefined(found[0]) else None


def _undefined(expression: Any) -> bool:
    return bool(getattr(expression, "has", None) and expression.has(sympy.zoo, sympy.nan))


def _read_python(text: str) -> Any | None:
    """`2*sqrt(3)`, `x**2 + 1`, `(1, 2)`, `3 sqrt(2)`; None for what is not of that notation."""
    text = re.sub(r"(\d|\))\s*(?=[A-Za-z(])(?![eE][+-]?\d)", r"\1*", text.replace("^", "**"))
    try:
        tree = ast.parse(text.strip(), mode="eval")
        value = _node(tree.body)
    except (SyntaxError, ValueError, TypeError, KeyError, RecursionError, MemoryError, ZeroDivisionError):
        return None
    return None if _undefined(value) else value


def _node(node: ast.expr) -> Any:
    """One node of Python's syntax as sympy; KeyError or ValueError for anything that is not plain mathematics."""
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.Name):
        return _name(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _node(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        return _operation(node.op, _node(node.left), _node(node.right))
    if isinstance(node, (ast.Tuple, ast.List)):
        return sympy.Tuple(*map(_node, node.elts))
    if isinstance(node, ast.Set):
        return sympy.FiniteSet(*map(_node, node.elts))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id == "factorial" and len(node.args) == 1:
            return _factorial(_node(node.args[0]))
        return _FUNCTIONS[node.func.id](*map(_node, node.args))
    raise ValueError(f"{type(node).__name__} is not mathematics")


def _constant(value: object) -> Any:
    if isinstance(value, bool):
        return sympy.true if value else sympy.false
    if isinstance(value, int):
        return sympy.Integer(value)
    if isinstance(value, float):
        return sympy.Float(repr(value), _DIGITS)
    if isinstance(value, complex):
        return sympy.Float(repr(value.imag), _DIGITS) * sympy.I
    raise ValueError("a constant that is no number")


def _name(name: str) -> Any:
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    if name in ("j", "J"):
        return sympy.Symbol(name)
    if len(name) == 2 and name.isalpha():
        return sympy.Mul(*(_name(letter) for letter in name))
    if len(name) == 1 or "_" in name or name in _GREEK:
        return sympy.Symbol(name)
    raise ValueError(f"{name} is a word")


_GREEK_LETTERS = "alpha beta gamma delta theta lambda mu phi omega sigma rho tau epsilon"
_GREEK = frozenset(_GREEK_LETTERS.split())


def _operation(operator: ast.operator, left: Any, right: Any) -> Any:
    if not (isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr)):
        raise ValueError("not an operation on numbers")  # x^{2} is LaTeX: the braces are no set
    if isinstance(operator, ast.Add):
        return left + right
    if isinstance(operator, ast.Sub):
        return left - right
    if isinstance(operator, ast.Mult):
        return left * right
    if isinstance(operator, ast.Div):
        return left / right
    if isinstance(operator, ast.Pow):
        # A tower of powers is kept as it is written: its value has no place in memory.
        huge = right.is_number and not (right.is_Rational and abs(right) <= _MAX_POWER)
        return sympy.Pow(left, right, evaluate=not huge)
    raise ValueError("not an operation on numbers")


def _factorial(value: Any) -> Any:
    huge = not (value.is_Integer and 0 <= value <= _MAX_FACTORIAL)
    return sympy.factorial(value, evaluate=not huge)


# ---------------------------------------------------------------- comparing


def equal(a: Any, b: Any) -> bool:
    """Equal by value: numbers, tuples by their places, equations as wholes, formulas at random points, the rest."""
    a, b = _value_of_named(a, b)
    if isinstance(a, sympy.Tuple) and isinstance(b, sympy.Tuple):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, sympy.Eq) and isinstance(b, sympy.Eq):
        return _same_equation(a, b)
    if {isinstance(a, sympy.Eq), isinstance(b, sympy.Eq)} == {True, False} and (_is_value(a) or _is_value(b)):
        return False  # math-verify would look at the right side alone: 2x + 3y = 0 would be 0
    if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
        if a.is_infinite or b.is_infinite:
            return bool(a == b)
        decided = _same_value(a, b)
        if decided is not None:
            return decided
    return bool(verify(b, a, timeout_seconds=None, numeric_precision=_DIGITS))


def _is_value(value: Any) -> bool:
    return isinstance(value, (sympy.Expr, sympy.Tuple, sympy.MatrixBase))


def _value_of_named(a: Any, b: Any) -> tuple[Any, Any]:
    """`x = 5`, `f(x) = 5` or `2 + 3 = 5` against `5`: the left side only names the value, or is it."""
    if isinstance(a, sympy.Eq) and _names_value(a) and not isinstance(b, sympy.Eq):
        return a.rhs, b
    if isinstance(b, sympy.Eq) and _names_value(b) and not isinstance(a, sympy.Eq):
        return a, b.rhs
    return a, b


def _names_value(equation: Any) -> bool:
    left, right = equation.lhs, equation.rhs
    if left.is_Symbol or isinstance(left, AppliedUndef):
        return True
    return bool(left.is_number and right.is_number and _same_value(left, right))


def _same_equation(a: Any, b: Any) -> bool:
    """Two equations say the same if the differences of their sides are proportional."""
    if a.has(sympy.Set) or b.has(sympy.Set):
        return bool(a == b)
    difference_a, difference_b = a.lhs - a.rhs, b.lhs - b.rhs
    letters = difference_a.free_symbols
    if not letters or _by_name(letters) != _by_name(difference_b.free_symbols):
        return bool(a == b)
    ratios = [_quotient(difference_a, difference_b, point) for point in _points(letters)]
    known = [ratio for ratio in ratios if ratio is not None]
    return len(known) > 1 and known[0] != 0 and all(_near(known[0], ratio, _EXACT) for ratio in known)


def _same_value(a: Any, b: Any) -> bool | None:
    """By numbers; None where no number could be got."""
    tolerance = _PRINTED if a.has(sympy.Float) or b.has(sympy.Float) else _EXACT
    letters = a.free_symbols | b.free_symbols
    compared = 0
    for point in _points(letters) if letters else [{}]:
        x, y = _at(a, point), _at(b, point)
        if x is None or y is None:
            continue
        compared += 1
        if not _near(x, y, tolerance):
            return False
    return True if compared else None


def _points(letters: set[Any]) -> list[dict[str, Any]]:
    """Fixed pseudo-random points, as values by letter: some positive only, for roots and logarithms."""
    draw = random.Random(20240402)
    names = sorted(_by_name(letters))
    points = []
    for i in range(_NUM_PROBES):
        low = 1 if i % 2 == 0 else -9_999
        points.append({name: sympy.Rational(draw.randint(low, 9_999), 1_009) for name in names})
    return points


def _by_name(letters: set[Any]) -> set[str]:
    return {letter.name for letter in letters}


def _at(expression: Any, point: dict[str, Any]) -> Any | None:
    """The number at a point, or None where it has none there."""
    values = {letter: point[letter.name] for letter in expression.free_symbols if letter.name in point}
    try:
        value = expression.subs(values).evalf(_DIGITS)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, ArithmeticError):
        return None
    if not value.is_number or not value.is_finite or not value.is_complex:
        return None
    # Precision 1 is sympy's way to say that all digits cancelled: the number is zero as far as can be known.
    return sympy.Integer(0) if value.is_Float and value._prec == 1 else value


def _quotient(a: Any, b: Any, point: dict[str, Any]) -> Any | None:
    x, y = _at(a, point), _at(b, point)
    return None if x is None or y is None or y == 0 else (x / y).evalf(_DIGITS)


def _near(x: Any, y: Any, tolerance: Any) -> bool:
    size = max(abs(x), abs(y))
    noise = tolerance == _PRINTED and size <= _NOISE
    return bool(size == 0 or noise or abs(x - y) <= tolerance * size)
