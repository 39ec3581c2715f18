"""TheoremQA's answers: a number, a list of numbers, true or false, an option.

In:  an answer, and a reference as TheoremQA's JSON has it: `3`, `0.25`, `[1, 2]`, `true`, `(c)`. The form of the
reference is its type: with a decimal point or an exponent it is a float.
Out: correct if a float is within 4% of the reference; if an integer equals it after rounding; if two lists of one
length agree so, both sorted; if a boolean or an option is the same. This is the data set's own rule; unlike its
script, no answer is evaluated as code, and an answer that names several values is none.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction

from preftree.records import Outcome
from preftree.verify.boolean import judge_boolean
from preftree.verify.choice import judge_choice
from preftree.verify.dress import normalise
from preftree.verify.reading import read_number
from preftree.verify.units import split_unit

_TOLERANCE = Fraction(4, 100)
_OPTION = re.compile(r'"?\(?([a-dA-D])\)?"?')
_MAX_LENGTH = 1000

Ruling = tuple[Outcome, str]
Wanted = int | float | list[int | float]


def judge_theoremqa(answer: str, reference: str) -> Ruling:
    return _judge(answer, reference, quick=False) or ("wrong", "the answer is no number")


def quick_theoremqa(answer: str, reference: str) -> Ruling | None:
    """The ruling where every value is a plain number or a word; None where one must be computed."""
    return _judge(answer, reference, quick=True)


def _judge(answer: str, reference: str, quick: bool) -> Ruling | None:
    reference = reference.strip()
    if reference.casefold() in ("true", "false"):
        return judge_boolean(answer, reference)
    if option := _OPTION.fullmatch(reference):
        return judge_choice(answer, option[1])
    wanted = read_reference(reference)
    if wanted is None:
        return "undecided", "the reference is no number, list, boolean or option"
    if len(answer) > _MAX_LENGTH:
        return "wrong", f"the answer is longer than {_MAX_LENGTH} characters"
    # The 5 of `x = 5`, of `x ≈ 5`.
    text = re.split(r"=|\\approx", normalise(answer))[-1].strip()
    given = _plain_values(text, isinstance(wanted, list))
    if given is None:
        if quick:
            return None
        given = _computed_values(text, isinstance(wanted, list))
    return None if given is None else _compare(given, wanted)


def _compare(given: list[Fraction], wanted: Wanted) -> Ruling:
    if not isinstance(wanted, list):
        return ("correct", "the same number") if any(close(x, wanted) for x in given) else ("wrong", "another number")
    if len(given) != len(wanted):
        return "wrong", f"{len(given)} values where {len(wanted)} were wanted"
    same = all(close(ours, theirs) for ours, theirs in zip(sorted(given), sorted(wanted), strict=True))
    return ("correct", "the same values") if same else ("wrong", "other values")


def read_reference(text: str) -> Wanted | None:
    """The number or the list of numbers that a reference is in JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if _is_number(value) or (isinstance(value, list) and value and all(map(_is_number, value))):
        return value  # type: ignore[no-any-return]
    return None


def close(given: Fraction, wanted: int | float) -> bool:
    if isinstance(wanted, int):
        return round(given) == wanted
    return abs(given - Fraction(wanted)) <= _TOLERANCE * abs(Fraction(wanted))


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    return isinstance(value, int) and not isinstance(value, bool)


def _plain_values(text: str, as_list: bool) -> list[Fraction] | None:
    """The values of a list, or the readings of one number: 50% may be meant as 50 or as 0.5."""
    if as_list:
        inside = text[1:-1] if text[:1] + text[-1:] in ("[]", "()", "{}") else text
        numbers = [read_number(part) for part in inside.split(",")]
        values = [number.value for number in numbers if number is not None]
        return values if len(values) == len(numbers) else None
    number = read_number(text) or read_number(split_unit(text)[0])
    if number is None:
        return None
    return [number.value, number.value / 100] if number.percent else [number.value]


def _computed_values(text: str, as_list: bool) -> list[Fraction] | None:
    from preftree.verify.expressions import Bracketed, Listing, Matrix, UnreadableError
    from preftree.verify.notation import read_notation
    from preftree.verify.values import NoValueError, TooLargeError, as_fraction, value_at

    try:
        node = read_notation(text if as_list else split_unit(text)[0], thousands=not as_list)
        if as_list and isinstance(node, (Bracketed, Listing)):
            items = node.items
        elif as_list and isinstance(node, Matrix) and 1 in (len(node.rows), len(node.rows[0])):
            items = tuple(cell for row in node.rows for cell in row)
        else:
            items = (node,)
        return [as_fraction(value_at(item, {})) for item in items]
    except (UnreadableError, NoValueError, TooLargeError):
        return None
