"""The rules by name, and `verify`, which applies one.

In:  a rule's name, an answer, a reference. Out: a `Verdict` whose `answer` is the answer judged.
Always true: an empty answer is wrong, an empty reference is undecided, whatever the rule. A new rule is a module
with one function `(answer, reference) -> (outcome, why)` and a line here.
"""

from __future__ import annotations

from collections.abc import Callable

from preftree.errors import InputError
from preftree.records import Outcome, Verdict
from preftree.verify.boolean import judge_boolean
from preftree.verify.choice import judge_choice
from preftree.verify.exact import judge_exact
from preftree.verify.instructions import judge_ifeval_loose, judge_ifeval_strict
from preftree.verify.mathematics import judge_mathematics, quick_mathematics
from preftree.verify.number import judge_number
from preftree.verify.paper import judge_paper_bbh, judge_paper_mint, judge_paper_theoremqa
from preftree.verify.paper_math import judge_minerva_math, judge_paper_math, judge_paper_math_2024_04
from preftree.verify.short import judge_short
from preftree.verify.table import judge_table
from preftree.verify.theorem import judge_theoremqa, quick_theoremqa

Ruling = tuple[Outcome, str]
Rule = Callable[[str, str], Ruling]

VERIFIERS: dict[str, Rule] = {
    "math": judge_mathematics,
    "number": judge_number,
    "exact": judge_exact,
    "choice": judge_choice,
    "boolean": judge_boolean,
    "short": judge_short,
    "table": judge_table,
    "theoremqa": judge_theoremqa,
    "paper-math": judge_paper_math,
    "paper-math-2024-04": judge_paper_math_2024_04,
    "minerva-math": judge_minerva_math,
    "paper-theoremqa": judge_paper_theoremqa,
    "paper-mint": judge_paper_mint,
    "paper-bbh": judge_paper_bbh,
    "ifeval-strict": judge_ifeval_strict,
    "ifeval-loose": judge_ifeval_loose,
}
"""Rules by name: (answer, reference) in, (outcome, why) out."""

# Rules that can take long have a cheap part that decides most answers or returns None; the others are cheap whole.
_QUICK: dict[str, Callable[[str, str], Ruling | None]] = {
    "math": quick_mathematics,
    "theoremqa": quick_theoremqa,
    "paper-math": lambda answer, reference: None,
    "paper-math-2024-04": lambda answer, reference: None,
    "minerva-math": lambda answer, reference: None,
    "paper-theoremqa": lambda answer, reference: None,
    "ifeval-strict": lambda answer, reference: None,
    "ifeval-loose": lambda answer, reference: None,
}


def verify(kind: str, answer: str, reference: str) -> Verdict:
    """Judge `answer` by the rule `kind`. Pure; may be slow, or run out of memory, on input made to be nasty."""
    rule = _rule(kind)
    outcome, why = _empty(answer, reference) or rule(answer, reference)
    return Verdict(outcome, why, answer)


def verify_quickly(kind: str, answer: str, reference: str) -> Verdict | None:
    """The same where it takes microseconds whatever the input is; None where it might take longer."""
    rule = _rule(kind)
    ruling = _empty(answer, reference)
    if ruling is None:
        ruling = _QUICK[kind](answer, reference) if kind in _QUICK else rule(answer, reference)
    return None if ruling is None else Verdict(ruling[0], ruling[1], answer)


def _rule(kind: str) -> Rule:
    if kind not in VERIFIERS:
        raise InputError(f'no verifier is named "{kind}"; there are {", ".join(sorted(VERIFIERS))}')
    return VERIFIERS[kind]


def _empty(answer: str, reference: str) -> Ruling | None:
    if not reference.strip():
        return "undecided", "the reference is empty"
    if not answer.strip():
        return "wrong", "no answer"
    return None
