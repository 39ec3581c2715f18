"""A rationale with calculator marks, `He sold <<48/2=24>>24 clips in May.`, as a program.

In:  a rationale, the answer, the question. Out: a program of a few lines, or None.

    # Step 1: clips in May
    a = 48/2
    # Step 2: clips altogether
    48+a

Always true: a program is given only if the arithmetic of each mark gives the result that the mark claims and the
last one gives the answer; so its last expression has the answer as its value. Arithmetic is exact (fractions) and
read by a parser of + - * / ( ) and numbers: nothing is evaluated as code. A number that is an earlier result
becomes that result's name, unless the question gives that number too and the result has been used already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_MARK = re.compile(r"<<([^<>]*)>>")
_TOKEN = re.compile(r"\s*(?:(\d[\d,]*(?:\.\d*)?|\.\d+)|([-+*/()%]))")
_IN_TEXT = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_MAX_WORDS = 6
_NAMES = "abcdefghijklmnopqrstuvwxyz"
# Marks are written by hand; what they claim may be rounded only where a binary float would differ too.
_RELATIVE = Fraction(1, 10**9)

_OPENERS = re.compile(
    r"^(?:(?:so|then|thus|therefore|hence|and|now|next|finally|this means|that means|means|that|there(?:fore)?|in total"
    r"|since|because)\b[\s,:]*)+",
    re.I,
)
_TRAILERS = re.compile(r"is|are|was|were|because|for|of|a|an|the|and|to|cost|costs|in|on|per|by|with|at|from", re.I)


@dataclass(frozen=True, slots=True)
class Step:
    """One mark: its expression as tokens, its exact value, and a few words on what it is."""

    tokens: tuple[str, ...]
    value: Fraction
    phrase: str


def program_of(rationale: str, answer: str, question: str) -> str | None:
    """The program, or None where the marks don't reproduce the answer."""
    steps = steps_of(rationale)
    wanted = _number(answer)
    if not steps or wanted is None or len(steps) > len(_NAMES) or steps[-1].value != wanted:
        return None
    names = _Names(frozenset(_number(match) for match in _IN_TEXT.findall(question)))
    lines: list[str] = []
    for i, step in enumerate(steps):
        expression = "".join(names.written(token) for token in step.tokens)
        last = i == len(steps) - 1
        lines.append(f"# Step {i + 1}: {step.phrase}")
        lines.append(expression if last else f"{_NAMES[i]} = {expression}")
        names.add(step.value, _NAMES[i])
    return "\n".join(lines)


class _Names:
    """Which results have a name, and which of them nothing has used yet."""

    def __init__(self, given: frozenset[Fraction | None]) -> None:
        self._given = given
        self._named: dict[Fraction, str] = {}
        self._unused: set[str] = set()

    def add(self, value: Fraction, name: str) -> None:
        self._named[value] = name
        self._unused.add(name)

    def written(self, token: str) -> str:
        if not token[0].isdigit():
            return token
        value = Fraction(token)
        name = self._named.get(value)
        # A number of the question that is also an unused result is nearly always meant as the result.
        if name is None or (value in self._given and name not in self._unused):
            return token
        self._unused.discard(name)
        return name


def steps_of(rationale: str) -> list[Step] | None:
    """The marks in order; None if one is malformed, or claims what its arithmetic doesn't give."""
    steps: list[Step] = []
    for line in rationale.splitlines():
        for mark in _MARK.finditer(line):
            expression, equals, claimed = mark[1].rpartition("=")
            tokens = _tokens(expression) if equals else None
            if tokens is None or "=" in expression:
                return None
            value, claim = evaluate(tokens), _number(claimed)
            if value is None or claim is None or abs(value - claim) > _RELATIVE * max(abs(value), abs(claim)):
                return None
            if len(tokens) > 1:  # <<5=5>> computes nothing
                steps.append(Step(tokens, value, _phrase(line, mark)))
    return steps


# ---------------------------------------------------------------- arithmetic


def evaluate(tokens: tuple[str, ...]) -> Fraction | None:
    """The exact value by recursive descent; None for what is not an expression, or divides by zero."""
    try:
        value, rest = _sum(tokens, 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return None
    return value if rest == len(tokens) else None


def _sum(tokens: tuple[str, ...], i: int) -> tuple[Fraction, int]:
    value, i = _product(tokens, i)
    while i < len(tokens) and tokens[i] in "+-":
        right, j = _product(tokens, i + 1)
        value, i = (value + right if tokens[i] == "+" else value - right), j
    return value, i


def _product(tokens: tuple[str, ...], i: int) -> tuple[Fraction, int]:
    value, i = _factor(tokens, i)
    while i < len(tokens) and tokens[i] in "*/":
        right, j = _factor(tokens, i + 1)
        value, i = (value * right if tokens[i] == "*" else value / right), j
    return value, i


def _factor(tokens: tuple[str, ...], i: int) -> tuple[Fraction, int]:
    if i >= len(tokens):
        raise ValueError("an operand is missing")
    if tokens[i] in "+-":
        value, j = _factor(tokens, i + 1)
        return (-value if tokens[i] == "-" else value), j
    if tokens[i] == "(":
        value, j = _sum(tokens, i + 1)
        if j >= len(tokens) or tokens[j] != ")":
            raise ValueError("a bracket is open")
        i = j + 1
    else:
        value, i = Fraction(tokens[i]), i + 1
    return value, i


def _tokens(expression: str) -> tuple[str, ...] | None:
    """Numbers without commas, operators; `20%` as `20/100` in brackets. None if anything else stands there."""
    tokens: list[str] = []
    position = 0
    expression = expression.strip().replace("\u00d7", "*").replace("\u2212", "-")
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            return None
        position = match.end()
        if match[1]:
            tokens.append(_plain(match[1]))
        elif match[2] == "%":
            if not tokens or not tokens[-1][0].isdigit():
                return None
            tokens[-1:] = ["(", tokens[-1], "/", "100", ")"]
        else:
            tokens.append(match[2])
    return tuple(tokens) or None


def _plain(number: str) -> str:
    """Python's spelling: no commas, a digit on both sides of the point, no leading zeros."""
    whole, point, places = number.replace(",", "").partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{places}" if point and places.strip("0") else whole


def _number(text: str) -> Fraction | None:
    text = text.strip().removeprefix("$").replace(",", "")
    if not re.fullmatch(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)%?", text):
        return None
    value = Fraction(text.rstrip("%").rstrip(".") or "0")
    return value / 100 if text.endswith("%") else value


# ---------------------------------------------------------------- words


def _phrase(line: str, mark: re.Match[str]) -> str:
    """A few words on a step: what follows the result (`24 clips in May`), else what leads up to it."""
    after = re.sub(r"^[\s$]*[-+]?[\d.,/]*%?", "", line[mark.end() :])
    words = _clean(re.split(r"[.;!?](?:\s|$)|,\s|<<|\d|=|\bbecause\b|\bsince\b", after)[0])
    if len(words) < 2:
        before = _MARK.sub(" ", line[: mark.start()])
        before = re.split(r"[.;!?]\s", before)[-1]
        lead = _clean(re.split(r"[\d=]", before)[0])
        words = lead if len(lead) > len(words) else words
    return " ".join(words) or "compute"


def _clean(text: str) -> list[str]:
    text = _OPENERS.sub("", " ".join(re.sub(r"[^\w\s'%-]", " ", text).split()).strip("- "))
    words = text.split()[:_MAX_WORDS]
    while words and _TRAILERS.fullmatch(words[-1]) and len(words) > 1:
        words.pop()
    return words
