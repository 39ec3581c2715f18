"""The paper's two graders of mathematics, for comparisons only: written anew from what they do.

In:  a response (whole, or the answer alone) and a reference. Out: correct or wrong.
Always true: nothing is evaluated as code and nothing can be held up, unlike in the originals. Where they call
sympy's parsers and `simplify`, our grammar reads and our values decide; where they stop sympy after a second and
say wrong, there is nothing to stop.

    paper-math-2024-04  what follows the last "answer:", or the last \\boxed, or the whole, under `math_equal`
    paper-math          `evaluate_math` of the last code. It looks in more places ("the answer is", what follows the
                        last "is", "=", "get", …) and first compares strings as MATH's authors and PRM800K do: units,
                        `\\text`, "million", lists with the same brackets.
    minerva-math        no rule of the paper's: how lm-evaluation-harness's minerva_math compares answers that it has
                        normalised.

`math_equal`, lenient on purpose or not: the reference times or over 100 passes (50 for 0.5, and for 5000), within 1e-4
relative; pi may be 3.14; a base is cut off (13_6 is 13); case and the brackets around a list don't count ((1,2) is
1,2), and each of its values passes so. Strict: "the answer is 5 apples" fails for 5, several lines of
output for the last of them, a list for a matrix, and two solutions in the other order.
"""

from __future__ import annotations

import ast
import math
import re
from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.literals import read_expression

Ruling = tuple[Outcome, str]

_TOLERANCE = 1e-4
_MAX_LENGTH = 1000
_MAX_TEXT = 200_000
_PIS = (math.pi, 3.14)

_UNITS = (
    "degree", "cm", "centimeter", "meter", "mile", "second", "minute", "hour", "day", "week", "month", "year", "foot",
    "feet", "inch", "yard", "liter",
)  # fmt: skip
_WORTH = {"trillion": "*10^12", "billion": "*10^9", "million": "*10^6"}
_INTERVALS = {"Interval(": "[]", "Interval.Ropen(": "[)", "Interval.Lopen(": "(]", "Interval.open(": "()"}
_LEADS = ("be ", "is ", "are ", "=", ": ", "get ", "be\n", "is\n", "are\n", ":\n", "get\n")


# ---------------------------------------------------------------- where the answer stands


def match_answer(response: str) -> str:
    """Where the first code looks: after the last "answer:", then in the last \\boxed; otherwise all of it."""
    response = response[-_MAX_TEXT:]
    for mark in ("answer:\n", "answer: "):
        response = _after(response, mark)
    return last_box(response) or response


def match_answer_2024_09(response: str) -> str:
    """Where the last code looks."""
    response = response[-_MAX_TEXT:]
    for mark in ("answer:", "answer is", "answers are"):
        response = _after(response, mark)
    for mark in ("is answer", "is the answer", "are answers", "are the answers"):
        place = response.lower().rfind(mark)
        response = response if place < 0 else response[:place].strip()
    response = last_box(response) or response
    if ". " in response:
        response = response[: response.rfind(". ")].strip()
    for mark in _LEADS:
        response = _after(response, mark)
    return response


def _after(text: str, mark: str) -> str:
    place = text.lower().rfind(mark)
    return text if place < 0 else text[place + len(mark) :].strip()


def last_box(text: str) -> str | None:
    """What stands between the first brace after the last \\boxed (or else \\fbox) and its partner."""
    start = text.rfind("\\boxed") if "\\boxed" in text else text.rfind("\\fbox")
    opening, depth = None, 0
    for i in range(start, len(text)) if start >= 0 else ():
        if text[i] == "{":
            depth += 1
            opening = i if opening is None else opening
        elif text[i] == "}":
            depth -= 1
            if depth == 0 and opening is not None:
                return text[opening + 1 : i].strip()
    return None


# ---------------------------------------------------------------- the rules


def judge_paper_math(response: str, reference: str) -> Ruling:
    answer = match_answer_2024_09(response)
    if _grade_answer(answer, reference):
        return "correct", "equal as normalised by the paper's grader"
    return _ruling(answer, reference)


def judge_paper_math_2024_04(response: str, reference: str) -> Ruling:
    return _ruling(match_answer(response), reference)


def _ruling(answer: str, reference: str) -> Ruling:
    pis = _PIS if "\\pi" in answer + reference else _PIS[:1]
    equal = any(_equal(answer, reference, pi) for pi in pis)
    return ("correct", "equal by the paper's grader") if equal else ("wrong", "differs by the paper's grader")


def judge_minerva_math(answer: str, reference: str) -> Ruling:
    """minerva_math's `is_equiv`, of normalised answers: the same string, or scalars of one value."""
    equal = answer == reference or _read_alike(answer, reference, within=False)
    return ("correct", "equal by the harness's rule") if equal else ("wrong", "differs by the harness's rule")


# ---------------------------------------------------------------- grade_answer: MATH's strings, then PRM800K's


def _grade_answer(answer: str, reference: str) -> bool:
    if hendrycks(answer, spaces=True) == hendrycks(reference, spaces=True):
        return True
    given, wanted = _prm800k(answer), _prm800k(reference)
    if given == wanted:
        return True
    if not given or len(given) > _MAX_LENGTH or len(wanted) > _MAX_LENGTH:
        return False
    ours, theirs = _items(given), _items(wanted)
    if len(theirs) > 1 and (given[0], given[-1]) != (wanted[0], wanted[-1]):
        return False
    return len(ours) == len(theirs) and all(map(_same_item, ours, theirs))


def hendrycks(text: str, spaces: bool = False) -> str:
    """MATH's own normalisation of strings (Hendrycks et al., 2021); with `spaces` they stay, as in the paper's code,
    and a \\text{} around the whole goes."""
    original = text
    if spaces:
        text = text.strip()
        text = re.sub(r"^\\text\{(.+?)\}$", lambda m: m[1].strip(), text)
        original = text
    for old, new in (
        ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"), ("\\left", ""), ("\\right", ""),
        ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
    ):  # fmt: skip
        text = text.replace(old, new)
    if text.count("\\text{ ") > 1:
        return original  # where its code fails, the string is taken as it is
    text = text.partition("\\text{ ")[0]
    for old, new in (("\\%", ""), (" .", " 0."), ("{.", "{0.")):
        text = text.replace(old, new)
    text = "0" + text if text.startswith(".") else text
    name, sign, value = text.partition("=")
    if sign and len(name) <= 2 and "=" not in value:
        text = value
    if re.search(r"\\sqrt$|\\frac$", text):
        return original
    text = re.sub(r"\\sqrt([^{])", r"\\sqrt{\1}", text, flags=re.S)
    text = text if spaces else text.replace(" ", "")
    text = _fractions(text)
    text = "\\frac{1}{2}" if text == "0.5" else text
    quotient = re.fullmatch(r"(-?\d+)/(-?\d+)", text, re.ASCII)
    if quotient and len(text) <= _MAX_LENGTH and text == f"{int(quotient[1])}/{int(quotient[2])}":
        text = f"\\frac{{{int(quotient[1])}}}{{{int(quotient[2])}}}"
    return text


def _fractions(text: str) -> str:
    r"""\frac12 as \frac{1}{2}; all of it as it was where one of them has a single character."""
    first, *parts = text.split("\\frac")
    for part in parts:
        if part.startswith("{"):
            first += "\\frac" + part
        elif len(part) < 2:
            return text
        else:
            below = part[1:] if part[1] == "{" else f"{{{part[1]}}}{part[2:]}"
            first += f"\\frac{{{part[0]}}}{below}"
    return first


def _prm800k(text: str) -> str:
    """PRM800K's normalisation; of LaTeX as much as numbers and lists need."""
    text = re.sub(r"^\\text\{(.+?)\}$", r"\1", text)
    text = text.replace("\\%", "").replace("\\$", "").replace("$", "").replace("%", "")
    text = text.replace(" or ", " , ").replace(" and ", " , ")
    for word, worth in _WORTH.items():
        text = text.replace(word, worth)
    for unit in _UNITS:
        text = re.sub(rf"{unit}(es)?(s)? *(\^[0-9]+)?", "", text)
    text = re.sub(r"\^ *\\circ", "", text)
    if len(text) > 1 and text[0] == "{" and text[-1] == "}":
        text = text[1:-1]
    text = re.sub(r",\\! *", "", text)
    text = _whole(text)
    if "\\" in text:
        text = _plain_latex(text)
    text = re.sub(r"- *", "-", text)
    text = re.sub(r"([0-9]) +([0-9])", r"\1+\2", text).lower()
    bare = _without_thousands(text)
    return str(int(float(text.replace(",", "")))) if _is_whole(bare) else text


def _plain_latex(text: str) -> str:
    """What pylatexenc makes of the commands that answers have."""
    for old, new in (
        ("\\tfrac", "\\frac"),
        ("\\dfrac", "\\frac"),
        ("\\left", ""),
        ("\\right", ""),
        ("\\,", ""),
        ("\\ ", " "),
    ):
        text = text.replace(old, new)
    for _ in range(4):
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r" \1/\2", text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", text)
        text = re.sub(r"\\(?:text|mbox|mathrm|textbf|mathbf)\{([^{}]*)\}", r"\1", text)
    for old, new in (("\\pi", "pi"), ("\\infty", "inf"), ("\\cup", "U"), ("\\cdot", "*"), ("\\times", "*")):
        text = text.replace(old, new)
    return text.strip()


def _whole(text: str) -> str:
    try:
        value = float(text)
    except ValueError:
        return text
    return str(round(value)) if math.isfinite(value) and abs(value - round(value)) <= 1e-7 else text


def _without_thousands(text: str) -> str:
    while True:
        shorter = re.sub(r"(\d),(\d\d\d)($|\D)", r"\1\2\3", text)
        if shorter == text:
            return text
        text = shorter


def _is_whole(text: str) -> bool:
    try:
        value = float(_without_thousands(text))
    except ValueError:
        return False
    return math.isfinite(value) and abs(value - round(value)) <= 1e-7


def _items(text: str) -> list[str]:
    text = _without_thousands(text)
    if len(text) > 2 and text[0] in "()[]" and text[-1] in "()[]" and not re.search(r"[()\[\]]", text[1:-1]):
        return [item.strip() for item in text[1:-1].split(",")]
    return [text]


def _same_item(ours: str, theirs: str) -> bool:
    fraction = r"-?[0-9]+.?/0*[1-9][0-9]*.?"
    if re.search(f"^{fraction}$", ours) and re.search(f"^{fraction}$", theirs):
        return ours == theirs  # an unreduced fraction is another answer
    if _is_whole(ours) != _is_whole(theirs):
        return False
    if "^{" in ours + theirs or "^(" in ours + theirs or re.search(r"\^[0-9]+\^|\^[0-9][0-9]+", ours + "-" + theirs):
        return False
    letters = {letter for letter in (ours + theirs).replace("sqrt", "").replace("frac", "") if letter.isalpha()}
    return len(letters) <= 2 and _read_alike(ours, theirs, within=False)


# ---------------------------------------------------------------- math_equal


def _equal(answer: str, reference: str, pi: float, depth: int = 0) -> bool:
    ours, theirs = _with_pi(answer, pi), _with_pi(reference, pi)
    if ours is None or theirs is None:
        return False
    ours = ours[:_MAX_LENGTH]
    if ours.strip().lower() == theirs.strip().lower() or ours.replace(" ", "") == theirs.replace(" ", ""):
        return True
    given, wanted = _digits(ours), _digits(theirs)
    if given is not None and wanted is not None:
        return any(math.isclose(x, given, rel_tol=_TOLERANCE) for x in (wanted / 100, wanted, wanted * 100))
    ours, theirs = _as_interval(ours.strip()), theirs.strip()
    if not ours or not theirs or len(theirs) > _MAX_LENGTH:
        return False
    if _unbracketed(ours, theirs):
        return True
    if depth < 2:
        bracketed = ours[0] in "([" and ours[-1] in ")]" and (ours[0], ours[-1]) == (theirs[0], theirs[-1])
        if bracketed and _equal_lists(ours[1:-1].split(","), theirs[1:-1].split(","), depth):
            return True
        if "," in ours and "," in theirs and ours.count(",") == theirs.count(","):
            parts = [[part.strip() for part in text.split(",")] for text in (ours, theirs)]
            return _equal_lists(parts[0], parts[1], depth)
        if ours.startswith("Point") and theirs[0] == "(" and theirs[-1] == ")":
            inside = ours[ours.find("(") + 1 : -1]
            if _equal_lists(inside.split(","), theirs[1:-1].split(","), depth):
                return True
    return _read_alike(ours, theirs, within=True)


def _equal_lists(ours: list[str], theirs: list[str], depth: int) -> bool:
    # Inside a list, pi is pi.
    return len(ours) == len(theirs) and all(_equal(a, b, math.pi, depth + 1) for a, b in zip(ours, theirs, strict=True))


def _with_pi(text: str, pi: float) -> str | None:
    """$ before and % after a number off, a base cut off, pi in digits and, where that leaves arithmetic, its value."""
    if re.match(r"\$\d+(?:\.\d+)?", text):
        return text[1:]
    if re.fullmatch(r"\d+(?:\.\d+)?\\?%", text):
        return text.rstrip("%").rstrip("\\")
    if "_" in text:
        digits = _digits(text.partition("_")[0].strip(), commas=False)
        return str(int(digits)) if digits is not None and math.isfinite(digits) else None
    if "\\pi" in text:
        text = re.sub(r"(?<=\d)\\pi", f"*{pi}", text)
        text = re.sub(r"\\pi", f"1*{pi}", text)
        value = arithmetic(text)
        return text if value is None else repr(float(value))
    return text


def _digits(text: str, commas: bool = True) -> float | None:
    """What Python's float reads, commas left out."""
    try:
        return float(text.replace("{,}", "").replace(",", "") if commas else text)
    except ValueError:
        return None


def _unbracketed(ours: str, theirs: str) -> bool:
    square = ours[0] == "[" and ours[-1] == "]" and theirs[0] != "("
    if square or (ours[0] == "(" and ours[-1] == ")" and theirs[0] != "["):
        ours, theirs = ours.strip("[]()"), theirs.strip("[]()")
    return re.sub(r"[{}()]", "", ours) == re.sub(r"[{}()]", "", theirs)


def _as_interval(text: str) -> str:
    for name, brackets in _INTERVALS.items():
        if text.startswith(name) and text.endswith(")"):
            return brackets[0] + text[len(name) : -1] + brackets[1]
    return text


# ---------------------------------------------------------------- in the place of sympy


def _read_alike(answer: str, reference: str, *, within: bool) -> bool:
    """Whether both are scalars of one value; `within` 1e-4 of each other, too."""
    import mpmath

    from preftree.verify.comparing import same
    from preftree.verify.dress import normalise
    from preftree.verify.expressions import UnreadableError, is_scalar
    from preftree.verify.notation import read_notation
    from preftree.verify.numeric import UncomputableError
    from preftree.verify.values import DIGITS, NoValueError, TooLargeError, rounded, value_at

    if max(len(answer), len(reference)) > _MAX_LENGTH:
        return False
    try:
        given, wanted = (read_notation(normalise(_sympys(text, within))) for text in (answer, reference))
        if not (is_scalar(given) and is_scalar(wanted)):
            return False
        with mpmath.workdps(DIGITS):
            if same(given, wanted):
                return True
            if not within:
                return False
            x, y = rounded(value_at(given, {})), rounded(value_at(wanted, {}))
            return bool(abs(x - y) <= _TOLERANCE * max(abs(x), abs(y)))
    except (UnreadableError, UncomputableError, NoValueError, TooLargeError):
        return False


def _sympys(text: str, within: bool) -> str:
    """What sympy's parsers take a text for; "" where they take it for nothing."""
    # Python's own arithmetic comes first, in which ^ is no power (10^3 is 9); PRM800K's rule reads it as one.
    value = arithmetic(text) if within else None
    if value is not None:
        return str(value)
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth < 0:
            # The parser of LaTeX stops at what it can't go on with, and is content.
            text = re.sub(r"\\right$", "", text[:place].rstrip())
            break
    if within:
        # It passes over what bold type leaves, and over a full stop, for which a number gives its last decimal.
        text = re.sub(r"^(\d+\.\d+)\d\.$|^(\d+\.\d)\.$", r"\1\2", text.rstrip("*: "))
        text = text[:-1] if text.endswith(".") and not re.fullmatch(r"[\d.,]+", text) else text
    elif re.search(r"(?<![.\d])\d+\.$", text):
        text = text[:-1]
    return "" if text.endswith(".") or re.search(r"\$|\\circ|\\text", text) else text


def arithmetic(text: str) -> Fraction | None:
    """What Python makes of plain arithmetic; None for anything else."""
    tree = read_expression(text)
    return None if tree is None else computed(tree)


def computed(node: ast.expr) -> Fraction | None:
    """The value of plain arithmetic in Python's syntax; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Fraction(node.value) if isinstance(node.value, int) or math.isfinite(node.value) else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = computed(node.operand)
        return -value if value is not None and isinstance(node.op, ast.USub) else value
    if not isinstance(node, ast.BinOp):
        return None
    left, right = computed(node.left), computed(node.right)
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
    if isinstance(node.op, ast.BitXor) and left.denominator == right.denominator == 1:
        return Fraction(left.numerator ^ right.numerator)
    if isinstance(node.op, ast.Pow) and abs(right) <= _MAX_LENGTH and right.denominator == 1 and (left or right > 0):
        longest = max(left.numerator.bit_length(), left.denominator.bit_length())
        return left**right.numerator if longest < _MAX_LENGTH else None
    return None
