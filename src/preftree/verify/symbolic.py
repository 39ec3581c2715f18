"""Two formulas as mathematics: both are read and compared by value; math-verify reads what our own grammar does not.

In:  normalised texts. Out: correct, wrong, or undecided where the reference can't be read or computed.
Always true: nothing is evaluated as code. Almost every answer is read by `notation` and compared by `comparing`,
which can't be held up. A reference beyond that grammar (a sum sign, an integral, a determinant), or an answer, goes
to math-verify with its time-outs off, since those are signals and work on the main thread of a process only; there a
question may take long, and its worker is killed at its limit.
"""

from __future__ import annotations

import itertools
import logging
import re
from typing import Any

import mpmath
import sympy
from math_verify import LatexExtractionConfig, parse, verify

from preftree.records import Outcome
from preftree.verify.comparing import same
from preftree.verify.expressions import Listing, Node, UnreadableError, UnsupportedError
from preftree.verify.notation import read_notation
from preftree.verify.numeric import UncomputableError
from preftree.verify.units import same_unit, split_units
from preftree.verify.values import DIGITS

# math-verify warns, once and at length, that its time-outs are off.
logging.getLogger("math_verify").setLevel(logging.CRITICAL)
logging.getLogger("latex2sympy2_extended").setLevel(logging.CRITICAL)

Ruling = tuple[Outcome, str]

_LATEX = [LatexExtractionConfig(boxed_match_priority=0)]
_LOG = re.compile(r"\\log\b(?!\s*_)")
_DIGITS = 40
_EXACT = sympy.Float("1e-30", 15)
_PRINTED = sympy.Float("1e-6", 15)


def judge_symbolic(answer: str, reference: str) -> Ruling:
    """Judge two normalised texts that are not equal as strings and not both plain numbers."""
    answer, answer_unit = split_units(answer)
    reference, reference_unit = split_units(reference)
    if not same_unit(answer_unit, reference_unit):
        return "wrong", f"{answer_unit} where {reference_unit} was wanted"
    try:
        wanted = _readings(reference)
    except UnreadableError:
        return _judge_by_algebra(answer, reference)
    try:
        given = _readings(answer)
    except UnsupportedError:
        return _judge_by_algebra(answer, reference)
    except UnreadableError as error:
        return "wrong", f"the answer can't be read as mathematics ({error})"
    if isinstance(wanted[0], Listing) and not isinstance(given[0], Listing) and "," in answer:
        given = [read_notation(answer, thousands=False)]
    pairs = itertools.product(given, wanted) if len(given) != len(wanted) else zip(given, wanted, strict=True)
    with mpmath.workdps(DIGITS):
        try:
            equal = any(same(a, b) for a, b in pairs)
        except UncomputableError as error:
            return "undecided", str(error)
    return ("correct", "equal by value") if equal else ("wrong", "differs by value")


def _readings(text: str) -> list[Node]:
    """Where usage differs, both: a percentage is its hundredth or the number, `\\log` is natural or to base 10."""
    readings = [read_notation(text)]
    if "%" in text:
        readings.append(read_notation(text.replace("%", "")))
    elif _LOG.search(text):
        readings.append(read_notation(_LOG.sub(r"\\lg ", text)))
    return readings


# ---------------------------------------------------------------- beyond our grammar


def _judge_by_algebra(answer: str, reference: str) -> Ruling:
    wanted = _algebra(reference)
    if wanted is None:
        return "undecided", "the reference can't be read as mathematics"
    given = _algebra(answer)
    if given is None:
        return "wrong", "the answer can't be read as mathematics"
    given, wanted = (value.doit() if isinstance(value, sympy.Expr) else value for value in (given, wanted))
    equal = _same_number(given, wanted)
    if equal is None:
        equal = bool(verify(wanted, given, timeout_seconds=None, numeric_precision=_DIGITS))
    return ("correct", "equal by algebra") if equal else ("wrong", "differs by algebra")


def _algebra(text: str) -> Any | None:
    """math-verify's reading as a sympy object; None where it has none, or an undefined one."""
    found = parse(f"\\boxed{{{text}}}", _LATEX, fallback_mode="no_fallback", parsing_timeout=None)
    if not found or isinstance(found[0], str):
        return None
    return None if getattr(found[0], "has", None) and found[0].has(sympy.zoo, sympy.nan) else found[0]


def _same_number(a: Any, b: Any) -> bool | None:
    """By relative difference, since math-verify rounds 1/2004! to zero; None where one is no number."""
    if not all(isinstance(x, sympy.Expr) and x.is_number for x in (a, b)):
        return None
    x, y = (sympy.N(value, _DIGITS) for value in (a, b))
    if not all(value.is_number and value.is_finite for value in (x, y)):
        return None
    tolerance = _PRINTED if a.has(sympy.Float) or b.has(sympy.Float) else _EXACT
    return bool(abs(x - y) <= tolerance * max(abs(x), abs(y)))
