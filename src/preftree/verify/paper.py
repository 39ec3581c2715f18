"""The graders of the paper's own evaluation code, for comparisons only: written anew from what they do.

In:  a response (whole, or the answer alone) and a reference. Out: correct or wrong.
Always true: nothing is evaluated as code and nothing can be held up, unlike in the originals. Where they call
sympy's parsers and `simplify`, our grammar reads and our values decide; where they stop sympy after a second and
say wrong, there is nothing to stop.

    paper-math       evaluate_math. Lenient on purpose or not: the reference times or over 100 passes (50 for 0.5, and
                     for 5000), within 1e-4 relative; pi may be 3.14; a base is cut off (13_6 is 13); case and
                     the brackets around a list don't count ((1,2) is 1,2), and each of its values passes so. Strict:
                     "the answer is 5 apples" fails for 5, several lines of output for the last of them, and two
                     solutions in the other order.
    paper-theoremqa  its copy of TheoremQA's script: 4% for float references, rounding for integers, lists sorted; the
                     word True anywhere is true; of "5 or 6" the first counts; of x = 5 the last side.
    paper-mint       MINT's: numbers within 5%, otherwise the reference anywhere in the answer.
    paper-bbh        BBH's: the reference anywhere in the response, so "no" is in "not sure".
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.answers import last_boxed
from preftree.verify.literals import read_expression

Ruling = tuple[Outcome, str]

_TOLERANCE = 1e-4
_MAX_LENGTH = 1000
_MAX_TEXT = 200_000
_MINT_TOLERANCE = 0.05
_PIS = (math.pi, 3.14)

_UNITS = re.compile(
    r"\b(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)(?:e?s)?\b"
    r"\s*(?:\^\s*\d+)?"
)
_INTERVALS = {"Interval(": "[]", "Interval.Ropen(": "[)", "Interval.Lopen(": "(]", "Interval.open(": "()"}
_NUMBER = r"[-+]?[\d,]*\.*\d+"


def match_answer(response: str) -> str:
    """Where the paper's code looks: after the last "answer:", then in the last \\boxed; otherwise all of it."""
    response = response[-_MAX_TEXT:]
    for mark in ("answer:\n", "answer: "):
        place = response.lower().rfind(mark)
        if place != -1:
            response = response[place + len(mark) :].strip()
    return last_boxed(response) or response


def judge_paper_math(answer: str, reference: str) -> Ruling:
    answer = match_answer(answer)
    if _hendrycks(answer) == _hendrycks(reference):
        return "correct", "equal as normalised strings"
    pis = _PIS if "\\pi" in answer + reference else _PIS[:1]
    equal = any(_equal(_with_pi(answer, pi), _with_pi(reference, pi), depth=0) for pi in pis)
    return ("correct", "equal by the paper's grader") if equal else ("wrong", "differs by the paper's grader")


# ---------------------------------------------------------------- evaluate_math


def _hendrycks(text: str) -> str:
    """MATH's own normalisation of strings, with the units and the case that its followers take off."""
    text = re.sub(r"^\\text\{(.+?)\}$", r"\1", text.strip())
    for old, new in (
        ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", ""),
        ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""), ("\\%", ""), (" .", " 0."), ("{.", "{0."),
    ):  # fmt: skip
        text = text.replace(old, new)
    text = _UNITS.sub("", text.partition("\\text{ ")[0])
    text = "0" + text if text.startswith(".") else text
    name, sign, value = text.partition("=")
    if sign and len(name) <= 2 and "=" not in value:
        text = value
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text)
    text = re.sub(r"\\frac(\w)(\w)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\frac(\w)\{", r"\\frac{\1}{", text)
    text = re.sub(r"^(-?\d+)/(\d+)$", r"\\frac{\1}{\2}", "\\frac{1}{2}" if text == "0.5" else text)
    return re.sub(r"\s+", "", text).lower()


def _with_pi(text: str, pi: float) -> str:
    """$ before and % after a number off, a base cut off, pi in digits and, where that leaves arithmetic, its value."""
    if re.match(r"\$\d+(?:\.\d+)?", text):
        return text[1:]
    if re.fullmatch(r"\d+(?:\.\d+)?\\?%", text):
        return text.rstrip("%").rstrip("\\")
    if "_" in text:
        digits = _digits(text.partition("_")[0])
        return str(int(digits)) if digits is not None and math.isfinite(digits) else ""
    if "\\pi" in text:
        text = re.sub(r"(?<=\d)\\pi", f"*{pi}", text)
        text = re.sub(r"\\pi", f"1*{pi}", text)
        value = _arithmetic(text)
        return text if value is None else repr(float(value))
    return text


def _equal(answer: str, reference: str, depth: int) -> bool:
    answer, reference = answer[:_MAX_LENGTH].strip(), reference.strip()
    if answer.lower() == reference.lower() or answer.replace(" ", "") == reference.replace(" ", ""):
        return True
    given, wanted = _digits(answer), _digits(reference)
    if given is not None and wanted is not None:
        return any(math.isclose(x, given, rel_tol=_TOLERANCE) for x in (wanted / 100, wanted, wanted * 100))
    if not answer or not reference or len(reference) > _MAX_LENGTH:
        return False
    answer = _as_interval(answer)
    if _unbracketed(answer, reference) == _unbracketed(reference, answer):
        return True
    if depth < 2 and _equal_parts(answer, reference, depth):
        return True
    if "," in answer and "," in reference and answer.count(",") == reference.count(","):
        return False
    return _equal_values(answer, reference)


def _unbracketed(text: str, other: str) -> str:
    if (text[0], text[-1]) in (("[", "]"), ("(", ")")) and other[:1] not in "([".replace(text[0], ""):
        text = text.strip("[]()")
    return re.sub(r"[{}()]", "", text)


def _equal_parts(answer: str, reference: str, depth: int) -> bool:
    """Two tuples, lists or matrices value by value, in order."""
    rows, other_rows = _rows(answer), _rows(reference)
    if other_rows is not None and rows is not None and [len(r) for r in rows] == [len(r) for r in other_rows]:
        pairs = [pair for row, other in zip(rows, other_rows, strict=True) for pair in zip(row, other, strict=True)]
        return all(_equal(a, b, depth + 1) for a, b in pairs)
    alike = answer[0] in "([" and answer[-1] in ")]" and (answer[0], answer[-1]) == (reference[0], reference[-1])
    if alike and _equal_lists(answer[1:-1].split(","), reference[1:-1].split(","), depth):
        return True
    return "," in answer and "," in reference and _equal_lists(answer.split(","), reference.split(","), depth)


def _equal_lists(answers: list[str], references: list[str], depth: int) -> bool:
    return len(answers) == len(references) and all(map(lambda a, b: _equal(a, b, depth + 1), answers, references))


def _rows(text: str) -> list[list[str]] | None:
    matrix = re.fullmatch(r"\\begin\{[pb]matrix\}(.*)\\end\{[pb]matrix\}", text, re.S)
    if matrix:
        return [[cell.strip() for cell in row.split("&")] for row in re.split(r"\\\\", matrix[1]) if row.strip()]
    listed = re.fullmatch(r"(?:Matrix\()?\[\s*(\[.*\])\s*\]\)?", text, re.S)
    return (
        [[cell.strip() for cell in row.split(",")] for row in re.findall(r"\[([^\[\]]*)\]", listed[1])]
        if listed
        else None
    )


def _as_interval(text: str) -> str:
    for name, brackets in _INTERVALS.items():
        if text.startswith(name) and text.endswith(")"):
            return brackets[0] + text[len(name) : -1] + brackets[1]
    return text


def _digits(text: str) -> float | None:
    """What Python's float reads, commas left out."""
    try:
        return float(text.replace("{,}", "").replace(",", ""))
    except ValueError:
        return None


def _equal_values(answer: str, reference: str) -> bool:
    """In the place of sympy's parsers, `simplify` and `N`."""
    import mpmath

    from preftree.verify.comparing import same
    from preftree.verify.dress import normalise
    from preftree.verify.expressions import UnreadableError, is_scalar
    from preftree.verify.notation import read_notation
    from preftree.verify.numeric import UncomputableError
    from preftree.verify.values import DIGITS, NoValueError, TooLargeError, rounded, value_at

    try:
        given, wanted = read_notation(normalise(answer)), read_notation(normalise(reference))
        if not (is_scalar(given) and is_scalar(wanted)):
            return False
        with mpmath.workdps(DIGITS):
            if same(given, wanted):
                return True
            x, y = rounded(value_at(given, {})), rounded(value_at(wanted, {}))
            return bool(abs(x - y) <= _TOLERANCE * max(abs(x), abs(y)))
    except (UnreadableError, UncomputableError, NoValueError, TooLargeError):
        return False


# ---------------------------------------------------------------- TheoremQA, MINT, BBH


def judge_paper_theoremqa(answer: str, reference: str) -> Ruling:
    from preftree.verify.theorem import close, read_reference

    given = _theoremqa_value(match_answer(answer))
    wanted = read_reference(reference.strip())
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
    for letter in "abcd":
        if re.search(rf"{letter} ?\)", text) or text.lower().strip() == letter:
            return letter
    tree = read_expression(text)
    if tree is None:
        return None
    if isinstance(tree, (ast.List, ast.Tuple, ast.Set)):
        values = [_computed(item) for item in tree.elts]
        found = [value for value in values if value is not None]
        return found if len(found) == len(values) else None
    return _computed(tree)


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


# ---------------------------------------------------------------- arithmetic


def _arithmetic(text: str) -> Fraction | None:
    """What Python makes of plain arithmetic; None for anything else."""
    tree = read_expression(text)
    return None if tree is None else _computed(tree)


def _computed(node: ast.expr) -> Fraction | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Fraction(node.value) if isinstance(node.value, int) or math.isfinite(node.value) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _computed(node.operand)
        return -value if value is not None and isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _computed(node.left), _computed(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Add):
        return left + right
    if isinstance(node.op, ast.Sub):
        return left - right
    if isinstance(node.op, ast.Mult):
        return left * right
    if isinstance(node.op, ast.Div):
        return left / right if right else None
    if isinstance(node.op, ast.Pow) and abs(right) <= _MAX_LENGTH and right.denominator == 1 and (left or right > 0):
        return left**right.numerator if left.numerator.bit_length() < _MAX_LENGTH else None
    return None
