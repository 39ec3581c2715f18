"""Answers made to hold a judge, to crash it or to fool it: each gets its verdict, and its process serves on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from preftree.verify import VERIFIERS, Judge, verify
from preftree.verify.registry import verify_quickly

# None of these is 5, x + 1, a pair or sqrt(2): each is wrong, and nothing of it may be run.
NASTY = {
    "tower": "9**9**9**9",
    "power-of-powers": "(10**10**10)**(10**10**10)",
    "latex-tower": "9^{9^{9^{9}}}",
    "reported-tower": r"\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - 5}{16}",
    "tower-of-letters": "x^{x^{x^{x^{x^x}}}}",
    "exponentials": "e^{e^{e^{e^e}}}",
    "nested-exp": "exp(exp(exp(exp(10))))",
    "factorial-of-factorial": "((100!)!)!",
    "large-factorial": "(10^{999})!",
    "factorials": "*".join(["2999!"] * 160),
    "sum-of-inverse-factorials": "+".join(f"1/{2900 + i}!" for i in range(90)),
    "factorial-marks": "6" + "!" * 900,
    "complex-factorials": "(i^{i})!" * 100,
    "binomial": r"\binom{10^{18}}{10^{17}}",
    "gcd-of-powers": r"\gcd(10^{9999}, 3^{9999})",
    "sine-of-a-power": r"\sin(10^{10^{10}})",
    "floor-of-a-power": r"\lfloor 10^{10^{10}} \rfloor",
    "floor-of-digits": "floor(pi*10**3999)",
    "remainder": "Mod(10**10**10, 7)",
    "huge-root": r"\sqrt[10^{10}]{3}",
    "no-root": r"\sqrt[0]{2}",
    "power-of-nearly-one": "(1+10^{-50})^{10^{60}}",
    "power-of-minus-one": "(-1)^{10^{10^{10}}}",
    "infinities": r"\infty-\infty",
    "no-logarithm": r"\log_1 2",
    "polynomial": "((x+1)^{999})^{999}",
    "many-letters": "(x+y+z)^{99999}",
    "nested-calls": "f(" * 38 + "x" + ")" * 38,
    "parentheses": "(" * 40 + "1" + ")" * 40,
    "open-parentheses": "(" * 900,
    "a-million-parentheses": "(" * 10**6,
    "braces": "{" * 39 + "1" + "}" * 39,
    "fractions": r"\frac{1" * 38 + "}{2}" * 38,
    "bare-roots": r"\sqrt" * 190 + "2",
    "root-signs": "\u221a" * 300 + "3",
    "signs": "-" * 900 + "1",
    "exponents": "2^" * 300 + "2",
    "quotients": "/".join("1" * 450),
    "degrees": "5" + r"^\circ" * 180 + "+1",
    "comparisons": "<".join("1" * 400),
    "equations": "=".join("x" * 400),
    "plus-minus": r"\pm" * 200 + "1",
    "many-plus-minus": ",".join([r"1\pm2"] * 120),
    "ratios": ":".join("1" * 400),
    "intervals": r"\cup".join(f"({i},{i + 1})" for i in range(80)),
    "a-set": r"\{" + ",".join(str(i) for i in range(240)) + r"\}",
    "matrices": r"\begin{pmatrix}" * 30,
    "digits": "9" * 1000,
    "a-million-digits": "9" * 10**6,
    "exponent": "1e9999",
    "small-exponent": "1e-9999",
    "thousands": "1" + ",234" * 240,
    "repeating": r"0.\overline{" + "3" * 900 + "}",
    "units": "6 " + "cm " * 300,
    "base": "1" * 900 + "_2",
    "percent": "6" + "%" * 900,
    "primes": "x" + "'" * 900,
    "bars": "|x" * 400,
    "quotes": "'" * 900,
    "backslashes": "\\" * 900,
    "mixed-numbers": "1 1/2 " * 160,
    "words": "word " * 190,
    "styles": r"\text{" * 100,
    "nul": "5\x005",
    "only-nul": "\x00",
    "half-a-character": "\ud800",
    "arabic-digits": "\u0666",
    "superscripts": "2" + "\u2079" * 400,
    "vulgar-fractions": "\u00bd" * 300,
    "combining": "6" + "\u0301" * 500,
    "a-quotient-of-many-digits": f"{'1' * 5000}/{'2' * 5000}",
    "right-to-left": "\u202e6",
    "import": "__import__('os').system('touch forged')",
    "subclasses": "().__class__.__bases__[0].__subclasses__()",
    "lambda": "(lambda: 5)()",
    "comprehension": "[x for x in range(10**9)]",
    "repetition": "'a'*10**9",
    "verdict": '["correct", "equal by value", true]',
    "a-line-of-verdicts": '\n["correct", "", true]\n',
}
REFERENCES = ("5", "x+1", "(1,2)", r"\sqrt{2}")
# The paper's rules for MINT and BBH find a 5 anywhere, and its script knows every digit that Python knows.
# IFEval's references are rows of instructions.
STRICT = sorted(set(VERIFIERS) - {"code", "paper-mint", "paper-bbh", "ifeval-strict", "ifeval-loose"})


@pytest.mark.parametrize("name", NASTY)
def test_every_rule_says_wrong(name):
    # The last of the paper's graders takes what follows a colon for the answer, and brackets away.
    for kind in sorted(set(STRICT) - ({"paper-math"} if name == "lambda" else set())):
        reference = {"boolean": "yes", "choice": "B"}.get(kind, "5")
        quick = verify_quickly(kind, NASTY[name], reference)
        assert quick is None or quick.outcome == "wrong", kind
        if kind != "math":
            assert verify(kind, NASTY[name], reference).outcome == "wrong", kind


def test_no_answer_costs_a_process():
    """One worker, one short limit, every nasty answer against every reference: all decided, by the same process."""

    async def main():
        async with Judge(workers=1, timeout_s=2.0) as judge:
            assert (await judge.judge("math", "x+1", "1+x")).correct
            (worker,) = judge._all
            for name, answer in NASTY.items():
                for reference in REFERENCES:
                    verdict = await judge.judge("math", answer, reference)
                    assert verdict.outcome == "wrong", (name, reference, verdict.why)
            assert (await judge.judge("math", "x+2", "2+x")).correct
            assert judge._all == {worker}

    asyncio.run(main())
    assert not Path("forged").exists()


@pytest.mark.parametrize("name", ["tower", "large-factorial", "a-set", "intervals", "polynomial"])
def test_a_nasty_reference_is_judged_too(name):
    """What can be computed is; what can't is undecided, or equal to itself as a string."""

    async def main():
        async with Judge(workers=1, timeout_s=2.0) as judge:
            assert (await judge.judge("math", NASTY[name], NASTY[name])).correct
            other = await judge.judge("math", "5", NASTY[name])
            assert other.outcome == ("undecided" if name in ("tower", "large-factorial") else "wrong"), other.why

    asyncio.run(main())
