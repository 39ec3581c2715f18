"""Whether a solution is right, by MINT's own rules for each task.

In:  an item, a proposed solution. Out: a verdict.
Always true: nothing of the answer is evaluated in this process: TheoremQA's rule, which evaluates it as an expression,
has its value from the jail, and the comparison is made here; tests of code run in the jail, 10 s.

    gsm8k, math, hotpotqa   two numbers within 5% of the reference, otherwise the reference anywhere in the answer
    mmlu                    the letter anywhere in the answer, else the right option's text and none of the others'
    theoremqa               its script: 4% for float references, integers equal after rounding, lists sorted
    humaneval, mbpp         the tests
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

from preftree.engine.code import judge_code
from preftree.evaluate.benchmark import Bench, Item
from preftree.records import Observation, Verdict

TEST_S = 10.0
_TOLERANCE = 0.05
_FLOAT_TOLERANCE = 0.04
_NUMBER = r"[-+]?[\d,]*\.*\d+"
# Longer than any answer of TheoremQA. The script's patterns take time that grows with the square of the length.
_MAX_CHARS = 2_000


async def check(bench: Bench, item: Item, answer: str) -> Verdict:
    """The verdict on a proposed solution."""
    task = item.labels["task"]
    if item.problem.tests is not None:
        _, verdict = await judge_code(bench.engine, item.problem, answer, cpu_s=TEST_S)
        return verdict
    if task == "mmlu":
        return _verdict(chooses(answer, item.data["reference"], item.data["options"]), answer)
    if task == "theoremqa":
        return await _theoremqa(bench, item, answer)
    return await bench.engine.verdict(item.problem.verifier, answer.lower().strip(), item.problem.answer)


def _verdict(right: bool, answer: str) -> Verdict:
    if right:
        return Verdict("correct", "equal by MINT's grader", answer)
    return Verdict("wrong", "differs by MINT's grader", answer)


# ---------------------------------------------------------------- multiple choice


def options_of(prompt: str) -> dict[str, str]:
    """Letter to text, in lower case, as MINT reads them: a text ends at its first closing bracket."""
    options = {}
    for part in prompt.split("Options: ")[-1].split(" , "):
        letter, bracket, text = part.strip("[]' ").partition(")")
        if bracket:
            options[letter.lower().strip()] = text.partition(")")[0].lower().strip(".").strip()
    return options


def chooses(answer: str, letter: str, options: Mapping[str, str]) -> bool:
    """Whether an answer names the right option."""
    answer, letter = answer.lower().strip(), letter.strip().lower()
    # MINT looks for the letter of the first option alone, then takes the answer whole.
    if "a)" in answer or "a )" in answer:
        answer = "a"
    if _within(letter, answer):
        return True
    right = options[letter]
    others = list(options.values())
    for text in others:  # MINT changes the list that it goes through, so some stay that it means to take out
        if text in right:
            others.remove(text)
    return not any(_within(text, answer) or text in answer for text in others) and (
        _within(right, answer) or right in answer
    )


def _within(reference: str, answer: str) -> bool:
    # MINT asks isdigit(), which takes ² too, and then fails on it.
    if reference.isdecimal() and answer.isdecimal():
        return abs(float(reference) - float(answer)) <= _TOLERANCE * float(reference)
    return reference in answer


# ---------------------------------------------------------------- TheoremQA


async def _theoremqa(bench: Bench, item: Item, answer: str) -> Verdict:
    expression = theoremqa_expression(answer).strip()
    try:
        value: Any = ast.literal_eval(expression)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        seen = await bench.engine.observe(_IN_JAIL.format(expression=expression), [])
        if seen.status == "broken":
            return Verdict("undecided", "the jail failed", answer)
        value = _value_of(seen)
    return _verdict(theoremqa_equal(value, item.data["reference"], item.data["answer_type"]), answer)


# What the original has at hand when it evaluates an answer; `math`, which its own repairs need, is not there.
_IN_JAIL = """import re, ast
import numpy as np
from sympy import Rational
_answer = eval({expression!r})
if isinstance(_answer, (set, tuple)):
    _answer = list(_answer)
    if isinstance(_answer[0], complex):
        _answer = [part.real for part in _answer]
    elif isinstance(_answer[0], Rational):
        _answer = [float(part) for part in _answer]
elif isinstance(_answer, np.ndarray):
    _answer = _answer.tolist()
elif isinstance(_answer, complex):
    _answer = _answer.real
elif isinstance(_answer, (Rational, np.floating)):
    _answer = float(_answer)
_answer"""


def _value_of(seen: Observation) -> Any:
    """The plain value that the jail shows; None for anything else."""
    if seen.status != "ok" or seen.value is None:
        return None
    if seen.value in ("nan", "inf", "-inf"):
        return float(seen.value)
    try:
        return ast.literal_eval(seen.value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def theoremqa_expression(answer: str) -> str:
    """The script's repairs, one after another: what it then evaluates."""
    for mark in ("=", "\u2248"):
        answer = answer.split(mark)[-1].strip() if mark in answer else answer
    answer = answer[:_MAX_CHARS]
    answer = re.sub(r"[`$\u00b0]", "", answer)
    if answer in ("true", "yes", "false", "no"):
        answer = "True" if answer in ("true", "yes") else "False"
    if "True" in answer or "False" in answer:
        answer = "True" if "True" in answer else "False"
    if "approximately" in answer:
        answer = answer.replace("approximately", "").strip()
    answer = answer.split(" or ")[0]
    for pattern in (
        rf"({_NUMBER}) [^0-9 ]+$",
        rf"[^0-9 ]+ ({_NUMBER})$",
        rf"({_NUMBER})[^\d]{{1,2}}$",
        r"[^-+\d]{1,2}([\d,]*\.*\d+)$",
    ):
        if match := re.match(pattern, answer):
            answer = match[1]
    answer = re.sub(r"10\^(-?\d+)", r"math.pow(10, \1)", answer)
    answer = answer.replace(" x ", "*").replace(" \u00d7 ", "*")
    if re.match(r"^[-+]?(\d{1,3}(,\d{3})*|(\d+))(\.\d+)?$", answer):
        answer = answer.replace(",", "")
    for letter in "abcd":
        if f"{letter})" in answer or f"{letter} )" in answer or answer.lower().strip() == letter:
            answer = f"({letter})"
    option = re.search(r"\([a-d]\)", answer)
    return f'"{option[0]}"' if option else answer or "0"


def theoremqa_equal(value: Any, reference: Any, answer_type: str) -> bool:
    """The script's comparison of an answer's value with a reference of this type."""
    if isinstance(value, (set, tuple)):
        value = list(value)
    if isinstance(value, complex):
        value = value.real
    if not isinstance(value, (str, int, float, list)):
        return False
    if answer_type in ("bool", "option", "Option"):
        return bool(value == f"({reference})" or value == reference)
    if answer_type in ("list of integer", "list of float"):
        if not isinstance(value, list) or not all(isinstance(x, (int, float)) for x in value):
            return False
        return len(value) == len(reference) and all(map(_close, sorted(value), sorted(reference)))
    return not isinstance(value, (str, list)) and _close(value, reference)


def _close(value: float, reference: int | float) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(reference, float):
        eps = abs(reference) * _FLOAT_TOLERANCE
        return reference - eps <= value <= reference + eps
    return round(value) == reference
