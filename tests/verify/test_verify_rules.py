"""What holds for any text at all, under any rule. The tables of cases are in `pairs.tsv`."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.verify import VERIFIERS, verify
from preftree.verify.mathematics import judge_mathematics
from preftree.verify.registry import verify_quickly

RULES = sorted(set(VERIFIERS) - {"code"})
INTEGERS = st.integers(-(10**9), 10**9)

# Any expression, as a text of ours and as what Python's own arithmetic makes of it.
LEAVES = st.integers(0, 99).map(lambda n: (str(n), Fraction(n)))


def _binary(pair):
    (a, x), (b, y) = pair
    sums = [(f"({a}+{b})", x + y), (f"({a}-{b})", x - y), (f"({a}*{b})", x * y), (f"({a})\\cdot({b})", x * y)]
    return sums + ([(f"\\frac{{{a}}}{{{b}}}", x / y), (f"({a})/({b})", x / y)] if y else [])


EXPRESSIONS = st.recursive(
    LEAVES, lambda inner: st.tuples(inner, inner).map(_binary).flatmap(st.sampled_from), max_leaves=6
)


@pytest.mark.parametrize("kind", RULES)
@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=60), reference=st.text(max_size=20))
def test_any_text_gets_a_verdict(kind, answer, reference):
    quick = verify_quickly(kind, answer, reference)
    assert quick is None or quick.outcome in ("correct", "wrong", "undecided")


@settings(max_examples=200, deadline=None)
@given(
    st.text("0123456789+-*/^_(){}[],.xyi\\ =<|:", max_size=25), st.text("0123456789+-*/^(){}[],.xyi\\ =<|", max_size=12)
)
def test_any_formula_gets_a_verdict(answer, reference):
    assert verify("paper-math", answer, reference).outcome in ("correct", "wrong", "undecided")
    # A text of commands that we don't read would go to math-verify; here there are none but \\x and the like.
    if "\\" not in answer + reference:
        assert judge_mathematics(answer, reference)[0] in ("correct", "wrong", "undecided")


@settings(max_examples=200, deadline=None)
@given(INTEGERS, INTEGERS)
def test_integers_are_equal_as_integers_are(a, b):
    for kind in ("math", "number", "theoremqa"):
        assert verify(kind, str(a), str(b)).correct == (a == b)
    for kind in ("math", "number", "table"):
        assert verify(kind, f"{a:,}", str(a)).correct


@settings(max_examples=300, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_arithmetic_is_pythons(a, b):
    (text, value), (other_text, other_value) = a, b
    assert judge_mathematics(text, str(value))[0] == "correct"
    assert (judge_mathematics(text, other_text)[0] == "correct") == (value == other_value)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5), st.lists(st.integers(-9, 9), min_size=1, max_size=5))
def test_polynomials_are_equal_as_their_coefficients_are(a, b):
    def text(coefficients, power):
        return " + ".join(f"({c}){power.format(i)}" for i, c in reversed(list(enumerate(coefficients))))

    def trimmed(coefficients):
        return (coefficients + [0] * 5)[:5]

    same = judge_mathematics(text(a, "x^{{{}}}"), text(b, "*x**{}"))[0] == "correct"
    assert same == (trimmed(a) == trimmed(b))


def _formulas():
    import sympy

    x, y = sympy.symbols("x y")
    leaves = st.one_of(
        st.integers(-20, 20).map(sympy.Integer),
        st.builds(sympy.Rational, st.integers(-9, 9), st.integers(1, 9)),
        st.sampled_from([x, y, sympy.pi, sympy.E, sympy.I, sympy.sqrt(2), sympy.sqrt(3)]),
    )
    functions = [sympy.sin, sympy.cos, sympy.exp, sympy.Abs, sympy.sqrt, lambda a: a**2, lambda a: a**3, sympy.cbrt]
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda a, b: a + b, inner, inner),
            st.builds(lambda a, b: a * b, inner, inner),
            st.builds(lambda a, b: a / b if b != 0 else a, inner, inner),
            st.builds(lambda f, a: f(a), st.sampled_from(functions), inner),
        ),
        max_leaves=6,
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_formulas_are_read_as_sympy_prints_them(data):
    import sympy

    formula = data.draw(_formulas())
    latex, plain = sympy.latex(formula), str(formula)
    # An exponential of an exponential may be so large that one more is no difference.
    if formula.has(sympy.zoo, sympy.nan, sympy.oo) or len(plain) > 300 or "exp(exp(" in plain:
        return
    assert judge_mathematics(latex, plain)[0] == "correct", (latex, plain)
    assert judge_mathematics(sympy.latex(formula + 1), plain)[0] == "wrong", (latex, plain)


def test_an_unknown_rule_is_named():
    with pytest.raises(InputError, match='no verifier is named "maths"; there are boolean'):
        verify("maths", "1", "1")
