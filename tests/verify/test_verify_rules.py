"""The rules on tables of answers, equal and unequal, and what holds for any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.verify import VERIFIERS, verify
from preftree.verify.registry import verify_quickly

MATH = [
    ("1/2", "0.5", "correct"),
    (r"\frac12", r"\dfrac{1}{2}", "correct"),
    (r"\frac \pi4", r"\frac{\pi}{4}", "correct"),
    ("x**2+2*x+1", "(x+1)^2", "correct"),
    ("2*sqrt(3)", r"2\sqrt{3}", "correct"),
    ("6.283185307", r"2\pi", "correct"),
    ("2pi", r"2\pi", "correct"),
    ("33.333333333333336", r"\frac{100}{3}", "correct"),
    ("0.30000000000000004", "0.3", "correct"),
    ("1.2246467991473532e-16", "0", "correct"),
    ("0.33", "1/3", "wrong"),
    ("1,234", "1234", "correct"),
    ("10,080", r"10,\!080", "correct"),
    ("$5.00", "5", "correct"),
    (r"\$5", "5", "correct"),
    ("50%", "50", "correct"),
    ("50%", "0.5", "correct"),
    ("5", "50%", "wrong"),
    ("50", "0.5", "wrong"),
    (r"90^\circ", "90", "correct"),
    ("5 apples", "5", "correct"),
    ("5 cm", r"5\text{ cm}", "correct"),
    ("5 cm", r"5\text{ m}", "wrong"),
    ("5 or 6", "5", "wrong"),
    ("5 hundred", "5", "wrong"),
    ("5x", "5", "wrong"),
    ("4 and 5", "5", "wrong"),
    ("10\n20\n30", "30", "wrong"),
    ("the answer is 5", "5", "wrong"),
    ("1/2004!", "1/2006!", "wrong"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}", "wrong"),
    ("12:00", "1:00", "wrong"),
    ("6:45 p.m.", r"6:45 \text{ pm}", "correct"),
    ("y=2x+1", "y=3x+1", "wrong"),
    ("y-2x=1", "y=2x+1", "correct"),
    ("2y=4x+2", "y=2x+1", "correct"),
    ("x+y=1", "x-y=1", "wrong"),
    ("x=5", "5", "correct"),
    ("5", "x=5", "correct"),
    ("x=1", "y=1", "wrong"),
    ("20x+23y-69=0", "0", "wrong"),
    ("2+3=5", "5", "correct"),
    ("2+4=5", "5", "wrong"),
    ("f(x)=x^2", "x^2", "correct"),
    ("x^2", "f(x)=x^2", "correct"),
    ("x=1,y=2", "y=2,x=1", "correct"),
    ("x=1,y=2", "x=2,y=1", "wrong"),
    ("(1,2)", "(2,1)", "wrong"),
    ("(1, 2)", r"\left(1,2\right)", "correct"),
    ("[1, 2]", "1, 2", "correct"),  # a program's list
    ("[1, 2]", "(1, 2)", "wrong"),
    ("1,2", "2,1", "correct"),
    ("1,2,2", "1,2", "wrong"),
    (r"\{1,2\}", "{2,1}", "correct"),
    (r"3\pm\sqrt2", r"3-\sqrt{2},3+\sqrt{2}", "correct"),
    (r"1 \text{ and } 2", "1,2", "correct"),
    (r"(-\infty,2]", r"(-\infty, 2]", "correct"),
    (r"(-\infty,2]", r"(-\infty,2)", "wrong"),
    (r"x \le 5", "x<5", "wrong"),
    ("(C)", r"\text{C}", "correct"),
    ("(C)", r"\text{(D)}", "wrong"),
    ("east", r"\text{East}", "correct"),
    ("abc", "cab", "wrong"),
    ("even", "odd", "wrong"),
    ("p-q", "q-p", "wrong"),
    ("13", "13_{6}", "correct"),
    ("13_7", "13_6", "wrong"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "correct"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}", "wrong"),
    ("3+4i", "3+4*I", "correct"),
    ("1e400", "5", "wrong"),
    ("nan", "nan", "correct"),
    ("nan", "5", "wrong"),
    ("inf", r"\infty", "correct"),
    ("__import__('os').getcwd()", "5", "wrong"),
    ("(" * 900, "5", "wrong"),
    ("5" + "0" * 5000, "5", "wrong"),
    ("1/0", "5", "wrong"),
    ("$$5$$", "5", "correct"),
    (r"\boxed{5}", "5", "correct"),
    ("5.", "5", "correct"),
    ("\u22125", "-5", "correct"),
    ("correct", "5", "wrong"),
    ("", "5", "wrong"),
    ("5", " ", "undecided"),
    ("5", r"\frac{1}{", "undecided"),
]

NUMBER = [
    ("72", "72", "correct"),
    ("72.0", "72", "correct"),
    ("72.00001", "72", "correct"),
    ("72.1", "72", "wrong"),
    ("100005.0", "100000", "wrong"),
    ("0.5", "0.50001", "correct"),
    ("3.2", "3", "wrong"),
    ("1,000", "1000", "correct"),
    ("$18", "18", "correct"),
    ("-3", "3", "wrong"),
    ("0.33333333", "0.33", "correct"),
    ("0.34", "0.33", "wrong"),
    ("18 dollars", "18", "correct"),
    ("18 dollars", "18 dollar", "correct"),
    ("18 dollars", "18 euros", "wrong"),
    ("18 or 19", "18", "wrong"),
    ("eighteen", "18", "correct"),
    ("eighty", "18", "wrong"),
    ("1e3", "1000", "correct"),
    ("3/4", "0.75", "correct"),
    ("18.", "18", "correct"),
    ("18", "many", "undecided"),
]

EXACT = [
    ("ainomma", "ainomma", "correct"),
    (" 'ainomma'. ", "ainomma", "correct"),
    ("ylnO", "ylno", "wrong"),
    ("a  b", "a b", "correct"),
    ("ab", "a b", "wrong"),
    ("e\u0301", "\u00e9", "correct"),
    ("...", "...", "correct"),
    ("ainomma ainomma", "ainomma", "wrong"),
]

CHOICE = [
    ("B", "B", "correct"),
    ("(b)", "B", "correct"),
    ("B. because it is", "(B)", "correct"),
    ("B) 24", "B", "correct"),
    ("option B", "B", "correct"),
    (r"\text{(B)}", "B", "correct"),
    ("**B**", "B", "correct"),
    ("A", "B", "wrong"),
    ("A or B", "B", "wrong"),
    ("(A) or (B)", "B", "wrong"),
    ("B. or A", "B", "wrong"),
    ("Because", "B", "wrong"),
    ("A cat", "A", "wrong"),
    ("B", "seven", "undecided"),
]

BOOLEAN = [
    ("Yes", "yes", "correct"),
    ("True", "yes", "correct"),
    ("yes, it is.", "True", "correct"),
    ("**No**", "no", "correct"),
    ("yes and no", "yes", "wrong"),
    ("yes, or no", "yes", "wrong"),
    ("nothing", "no", "wrong"),
    ("not yes", "yes", "wrong"),
    ("yes", "maybe", "undecided"),
]

TABLE = [
    pytest.param(kind, *row, id=f"{kind}-{i}")
    for kind, rows in {"math": MATH, "number": NUMBER, "exact": EXACT, "choice": CHOICE, "boolean": BOOLEAN}.items()
    for i, row in enumerate(rows)
]


@pytest.mark.parametrize(("kind", "answer", "reference", "outcome"), TABLE)
def test_verdict(kind, answer, reference, outcome):
    verdict = verify(kind, answer, reference)
    assert (verdict.outcome, verdict.answer) == (outcome, answer)
    assert verdict.why


@pytest.mark.parametrize(("kind", "answer", "reference", "outcome"), TABLE)
def test_the_quick_part_never_contradicts(kind, answer, reference, outcome):
    quick = verify_quickly(kind, answer, reference)
    assert quick is None or quick.outcome == outcome


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(VERIFIERS)), st.text(max_size=60), st.text(max_size=20))
def test_any_text_gets_a_verdict_in_quick_time(kind, answer, reference):
    verdict = verify_quickly(kind, answer, reference)
    assert verdict is None or verdict.outcome in ("correct", "wrong", "undecided")


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_integers_are_equal_as_integers_are(a, b):
    for kind in ("math", "number"):
        assert verify(kind, str(a), str(b)).correct == (a == b)
        assert verify(kind, f"{a:,}", str(a)).correct


def test_an_unknown_rule_is_named():
    with pytest.raises(InputError, match='no verifier is named "maths"; there are boolean'):
        verify("maths", "1", "1")
