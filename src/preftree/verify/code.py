"""Programs judged by their tests' outcomes. The running is done elsewhere; here outcomes become verdicts.

In:  what came of a test, or what a program printed and what it should have. Out: a verdict's outcome and its evidence.
Always true: a program that passes a limit is wrong, with the limit as evidence; a test that could not be carried out
is undecided, never passed.

Printed output is compared as judges of programming contests do: blank space at the ends of lines and of the text
does not count, nor does how many blanks part two words; a number with a decimal point may differ by 1e-6, absolute or
relative. A problem with several valid outputs that are not all listed needs a checker.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from preftree.records import Observation, Outcome, ProgramRun, TestRun

_TOLERANCE = 1e-6
_DECIMAL = re.compile(r"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?|[+-]?\d+(?:\.\d*)?[eE][+-]?\d+|[+-]?\d+\.")
_INTEGER = re.compile(r"[+-]?\d+")
_SHOWN = 120


def judge_test(run: TestRun) -> tuple[Outcome, str]:
    """What test code says of a program."""
    if run.status == "passed":
        return "correct", "the tests passed"
    why = f"{run.status}: {run.why}" if run.why else run.status
    return ("undecided" if run.status in ("unsupported", "broken") else "wrong"), why


def judge_output(run: ProgramRun, outputs: Sequence[str]) -> tuple[Outcome, str]:
    """What a program printed, against each output that would be right."""
    if run.status != "ok":
        return ("undecided" if run.status == "broken" else "wrong"), run.status
    if any(same_output(run.output, output) for output in outputs):
        return "correct", "the output is right"
    expected = outputs[0] if outputs else ""
    return "wrong", f"printed {_short(run.output)}, expected {_short(expected)}"


def judge_checked(run: Observation) -> tuple[Outcome, str]:
    """What a problem's own checker says, by the value of its last expression."""
    if run.status != "ok" or run.value not in ("True", "False"):
        return "undecided", f"the checker failed: {run.status}, {run.output[-_SHOWN:]}"
    return ("correct", "the checker accepts the output") if run.value == "True" else ("wrong", "the checker refuses it")


def same_output(printed: str, expected: str) -> bool:
    """Whether two outputs say the same."""
    lines, wanted = _lines(printed), _lines(expected)
    if lines == wanted:
        return True
    return len(lines) == len(wanted) and all(
        len(line) == len(want) and all(map(_same_word, line, want)) for line, want in zip(lines, wanted, strict=True)
    )


def _lines(text: str) -> list[list[str]]:
    """The words of each line, without blank lines at the end."""
    lines = [line.split() for line in text.strip().splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_word(word: str, wanted: str) -> bool:
    if word == wanted:
        return True
    # An integer must be exact; only where a fraction is wanted is rounding a matter of taste.
    if not _DECIMAL.fullmatch(wanted) or not (_DECIMAL.fullmatch(word) or _INTEGER.fullmatch(word)):
        return False
    return math.isclose(float(word), float(wanted), rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}")
