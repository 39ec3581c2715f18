"""Where an answer stands: in free text, and in what a program gave."""

from __future__ import annotations

import time

import pytest

from preftree.records import Observation
from preftree.verify import VERIFIERS, answer_of_observation, find_answer, last_number, solution_of, verify
from preftree.verify.registry import verify_quickly

TEXTS = [
    ("boxed", r"So \boxed{5}.", "5"),
    ("last-boxed", r"\boxed{4}, no: \boxed{5}", "5"),
    ("nested", r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
    ("bare-boxed", r"\boxed 5 is it", "5"),
    ("unclosed-boxed", r"\boxed{4} or \boxed{5", "4"),
    ("escaped-brace", r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
    ("solution", "<solution>42</solution>", "42"),
    ("solution-boxed", r"<solution>$\boxed{42}$</solution>", "42"),
    ("solution-over-boxed", r"\boxed{1} <solution>2</solution>", "2"),
    ("line", "Step 1: 2+2\nAnswer: 4\n", "4"),
    ("bold-line", "**Answer:** $4.50", "$4.50"),
    ("final-line", "### Final Answer: 4.", "4"),
    ("line-restated", "Answer: the answer is 7", "7"),
    ("gsm8k", "48/2\n#### 24", "24"),
    ("sentence", "Thus the answer is 3.5. Good.", "3.5"),
    ("sentence-to", "The answer to the question is: **12**", "12"),
    ("dollars", "The answer is $x+1$.", "x+1"),
    ("mention", "I computed 5 and 6.", None),
    ("question", "What is the answer?", None),
    ("empty-line", "Answer:\n", None),
    ("out", "Out: 24\n", "24"),
    ("last-out", "Out: 1\nOut: 'abc'\n", "abc"),
    ("out-numbered", "Out[3]: 24", "24"),
    ("stated-over-out", "Out: 24\nSo the answer is 25.", "25"),
    ("out-in-a-sentence", "Find Out: 5", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("text", "answer"), [pytest.param(t, a, id=name) for name, t, a in TEXTS])
def test_find_answer(text, answer):
    assert find_answer(text, "Math_CoT") == answer


def test_the_solution_as_it_stands():
    assert solution_of("<solution>1</solution> or <SOLUTION> x + 1 </SOLUTION> <solution>") == "x + 1"
    assert solution_of("<solution>x") is None


HOSTILE = [
    "<solution>",
    "\\boxed{",
    "answer is ",
    "answer ",
    "\n",
    " ",
    "9",
    "9,999",
    "####",
    "Answer:",
    "$",
    "{",
    "((",
    "'",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long(piece):
    text = (piece * 200_000)[:200_000]
    began = time.process_time()
    for tail in ("", "x", "}"):
        find_answer(text + tail, "Math_CoT")
        last_number(text + tail)
        answer_of_observation(Observation("ok", text + tail, None))
        for prefix in ("", "option", "yes", "B"):
            for kind in VERIFIERS:
                verify_quickly(kind, prefix + text + tail, "B" if kind == "choice" else "yes")
                verify_quickly(kind, (prefix + text)[:1000] + tail, "B")
    assert time.process_time() - began < 5


def test_code_has_no_answer_in_text():
    assert find_answer(r"\boxed{5}", "Coding") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("He has 5 apples, then 1,234.", "1,234", id="thousands"),
        pytest.param("about $3.50 each", "3.50", id="money"),
        pytest.param("x2 and y", None, id="name"),
        pytest.param("it fell to -7", "-7", id="negative"),
        pytest.param("so 3/4", "3/4", id="fraction"),
        pytest.param("nothing", None, id="none"),
    ],
)
def test_last_number(text, number):
    assert last_number(text) == number


@pytest.mark.parametrize(
    ("status", "value", "output", "answer"),
    [
        pytest.param("ok", "24", "Out: 24", "24", id="value"),
        pytest.param("ok", "24", "7\nOut: 24", "24", id="value-over-print"),
        pytest.param("ok", None, "7\n8\n\n", "8", id="print"),
        pytest.param("ok", "None", "7\n8\n", "8", id="none-is-no-value"),
        pytest.param("ok", None, "7\nOut: Fraction(1, 2)\n", "1/2", id="out-without-a-value"),
        pytest.param("ok", None, "", None, id="nothing"),
        pytest.param("ok", "'abc'", "", "abc", id="str"),
        pytest.param("ok", '"it\'s"', "", "it's", id="str-quote"),
        pytest.param("ok", "Fraction(1, 2)", "", "1/2", id="fraction"),
        pytest.param("ok", "Fraction(4, 1)", "", "4", id="whole-fraction"),
        pytest.param("ok", "np.float64(0.5)", "", "0.5", id="numpy"),
        pytest.param("ok", "[np.int64(1), np.int64(2)]", "", "[1, 2]", id="numpy-list"),
        pytest.param("ok", "np.str_('ab')", "", "ab", id="numpy-str"),
        pytest.param("ok", "Decimal('1.50')", "", "1.50", id="decimal"),
        pytest.param("ok", "(1, 'a')", "", "(1, 'a')", id="tuple"),
        pytest.param("ok", "sqrt(2)/2", "", "sqrt(2)/2", id="sympy"),
        pytest.param("ok", "''", "", None, id="empty-str"),
        pytest.param("error", "24", "Traceback", None, id="error"),
        pytest.param("time", None, "24", None, id="time"),
        pytest.param("none", None, "24", None, id="no-code"),
        pytest.param("broken", "24", "24", None, id="broken"),
    ],
)
def test_answer_of_observation(status, value, output, answer):
    assert answer_of_observation(Observation(status, output, value)) == answer


def test_a_repr_that_poses_as_a_verdict_is_only_an_answer():
    answer = answer_of_observation(Observation("ok", "", "Verdict(outcome='correct')"))
    assert verify("math", answer, "5").outcome == "wrong"
