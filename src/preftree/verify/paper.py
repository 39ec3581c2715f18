"""The paper's other graders, for comparisons only: written anew from what they do (mathematics: `paper_math`).

In:  a response (whole, or the answer alone) and a reference. Out: correct or wrong.
Always true: nothing is evaluated as code and nothing can be held up, unlike in the originals.

    paper-theoremqa  its copy of TheoremQA's script: 4% for float references, rounding for integers, lists sorted; the
                     word True anywhere is true; of "5 or 6" the first counts; of x = 5 the last side.
    paper-mint       MINT's: numbers within 5%, otherwise the reference anywhere in the answer.
    paper-bbh        BBH's: the reference anywhere in the response, so "no" is in "not sure".
"""

from __future__ import annotations

import ast
import re
from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.literals import read_expression
from preftree.verify.paper_math import computed, match_answer

Ruling = tuple[Outcome, str]

_MAX_LENGTH = 1000
_MINT_TOLERANCE = 0.05
_NUMBER = r"[-+]?[\d,]*\.*\d+"


def judge_paper_theoremqa(answer: str, reference: str) -> Ruling:
    from preftree.verify.theorem import close, read_reference

    given = _theoremqa_value(match_answer(answer))
    wanted = read_reference(reference.strip())
    if reference.strip() in ("true", "false") and isinstance(given, Fraction):
        given = "true" if given == 1 else "false" if given == 0 else None  # to Python, 1 is True
    elif wanted is not None and given in ("true", "false"):
        given = Fraction(given == "true")
    if isinstance(wanted, list):
        numbers = given if isinstance(given, list) and all(isinstance(x, Fraction) for x in given) else []
        equal = len(numbers) == len(wanted) and all(map(close, sorted(numbers), sorted(wanted)))
    elif wanted is not None:
        equal = isinstance(given, Fraction) and close(given, wanted)
    else:
        equal = isinstance(given, str) and given.strip("()").lower() == reference.strip().strip('"()').lower()
    return ("correct", "equal by the paper's grader") if equal else ("wrong", "differs by the paper's grader")


def _theoremqa_value(text: str) -> Fraction | list[Fraction] | str | None:
    """The script's long list of repairs, then arithmetic."""
    text = text[-_MAX_LENGTH:]
    for mark in ("=", "\u2248"):
        text = text.split(mark)[-1].strip() if mark in text else text
    text = re.sub(r"[`$\u00b0]", "", text)
    if text.lower() in ("true", "yes", "false", "no") or "True" in text or "False" in text:
        return "true" if text.lower() in ("true", "yes") or "True" in text else "false"
    text = text.replace("approximately", "").strip().split(" or ")[0]
    for pattern in (
        rf"({_NUMBER}) [^0-9 ]+",
        rf"[^0-9 ]+ ({_NUMBER})",
        rf"({_NUMBER})\D{{1,2}}",
        rf"[^-+\d]{{1,2}}({_NUMBER})",
    ):
        if match := re.fullmatch(pattern, text, re.ASCII):
            text = match[1]
    text = text.replace(" x ", "*").replace(" \u00d7 ", "*")
    if re.fullmatch(r"[-+]?(?:\d{1,3}(?:,\d{3})*|\d+)(?:\.\d+)?", text, re.ASCII):
        text = text.replace(",", "")
    if "10^" in text:
        return None  # becomes a call of a module that isn't there
    for letter in "abcd":
        if re.search(rf"{letter} ?\)", text) or text.lower().strip() == letter:
            return letter
    # Of a complex number, as numpy's roots are printed, the real part counts.
    text = re.sub(r"^\(?(.*[\d.])[-+][\d.]+(?:e[-+]?\d+)?j\)?$", r"\1", text)
    tree = read_expression(text)
    if tree is None:
        return None
    if isinstance(tree, (ast.List, ast.Tuple, ast.Set)):
        values = [computed(item) for item in tree.elts]
        found = [value for value in values if value is not None]
        return found if len(found) == len(values) else None
    return computed(tree)


def judge_paper_mint(answer: str, reference: str) -> Ruling:
    answer, reference = answer.lower(), reference.lower()
    try:
        given, wanted = float(answer), float(reference)
    except ValueError:
        equal = reference in answer
    else:
        equal = abs(given - wanted) <= _MINT_TOLERANCE * abs(wanted)
    return ("correct", "equal by MINT's grader") if equal else ("wrong", "differs by MINT's grader")


def judge_paper_bbh(answer: str, reference: str) -> Ruling:
    return ("correct", "the reference is in it") if reference in answer else ("wrong", "the reference is not in it")
