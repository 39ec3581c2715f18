"""Whether a critique gives the right answer away.

In:  a critique, what only the critic knew (answers, programs, outputs of tests), what the conversation said before.
Out: true or false.
Always true: pure and linear in the texts; numbers are compared by value, whatever they are written as; a value that
the conversation had before is no leak, unless the critique states it as the answer.

It errs towards marking: a critique marked by mistake is asked for again, one that slips through teaches to copy.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from preftree.records import Problem
from preftree.verify.dress import normalise
from preftree.verify.reading import Number, read_number, same_number
from preftree.verify.registry import verify_quickly
from preftree.verify.wording import number_in_words

# "The right answer is", "you should have got", "choose": what follows is stated as the answer.
_LEAD = re.compile(
    r"""\b(?:
      (?:right|correct|true|actual|expected|final)\s+(?:final\s+)?(?:answer|result|solution|output|value|option|choice)
        \s*(?:here\s+|then\s+)?(?:is|are|was|were|should\s+be|must\s+be|would\s+be|equals|=|:|,)?
    | (?:answer|result|solution|output|option|choice)\s*
        (?:is|are|was|were|should\s+be|should\s+have\s+been|must\s+be|would\s+be|will\s+be|equals|=|:)
    | (?:should|must|would|ought\s+to|to)\s+(?:have\s+)?
        (?:be|been|equal|get|got|gotten|give|given|obtain|obtained|print|return|find|found|reach|conclude|answer
          |come\s+(?:out\s+)?(?:to|at)|arrive\s+at)
    | (?:choose|chosen|select|selected|pick|picked|go\s+with)
    )(?:\b|(?<=\W))\s*(?:(?:actually|really|instead|simply|just|in\s+fact|option|choice|answer|the\s+(?:right|correct)\s+answer)
    \s*[:,]?\s*)*[\s(:="'`*$]*""",
    re.IGNORECASE | re.VERBOSE,
)
_NUMBER = re.compile(
    r"(?<![\w.\\])[-+]?(?:\d*\\frac\{-?\d+\}\{\d+\}|\d+ \d+/\d+|\d+(?:\.\d+)?(?:/\d+)?|\.\d+)%?"
    r"(?=(?:cm|mm|km|kg|ml|m|g|h|s)?(?!\w|\.\d|/\d))"
)
# Numbers of answers with several, such as pairs and complex numbers: 6 in "-4-6i" is negative.
_PART = re.compile(r"[-+]?\s?\d+(?:\.\d+)?(?:/\d+)?")
# What may stand between them: brackets, separators, an imaginary unit, "x =".
_BETWEEN = re.compile(r"(?:[\s.,;()\[\]{}*|+-]|\band\b|\b[a-z]\s?=|\b[ij]\b(?!\s?=))*", re.IGNORECASE)
# Numbers that name places: of the conversation, not of the problem.
_PLACES = re.compile(
    r"\b(?:steps?|lines?|parts?|cases?|tests?|turns?|cells?|equations?|rows?|columns?|examples?|attempts?)\s*#?\(?\d+"
    r"(?:\s*(?:,|and|or|to|-)\s*\d+)*|(?m:^\s*\d+[.)](?=\s))",
    re.IGNORECASE,
)
# Bounded, so that an opening without its end costs little.
_SPAN = re.compile(
    r"\$([^$]{1,200})\$|\\\((.{1,200}?)\\\)|\\\[(.{1,200}?)\\\]|\\boxed\{((?:[^{}]|\{[^{}]*\}){1,200})\}|`([^`]{1,200})`",
    re.DOTALL,
)
_CALCULATES_ON = re.compile(r"\s*(?:[-+*/^]|\\cdot|\\times)\s*[\d(\\]")
_NEGATIVE = re.compile(r"\b(?:negative|minus) (?=\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LETTER = re.compile(r"\(?([A-Z])\)?\.?")
_ORDINAL = re.compile(r"\b(?:first|second|third|\w+th)\b", re.IGNORECASE)
_TRUTHS = {"yes": "yes|true", "true": "yes|true", "no": "no|false", "false": "no|false"}
_TAIL = 100  # characters after a lead that may state the answer
_APART = 30  # characters between the parts of an answer with several
# Shorter ones stand in any program, shorter outputs in any sentence.
_LEAST_LINE, _LEAST_OUTPUT = 24, 4


def gives_away(critique: str, problem: Problem, said: Sequence[str]) -> bool:
    """Whether a critique states an answer of the problem, a line of its solution, or what a test expects."""
    if any(leaks(critique, reference.answer, said, problem.verifier) for reference in problem.references):
        return True
    hidden = [line for reference in problem.references for line in _telling_lines(reference.program or "")]
    told, before = _compact(critique), _compact("\n".join(said))
    if any(line in told and line not in before for line in hidden):
        return True
    cases = problem.tests.cases if problem.tests is not None else ()
    return any(_has_words(output, critique, said) for case in cases for output in case.outputs)


def leaks(critique: str, answer: str, said: Sequence[str], verifier: str = "math") -> bool:
    """Whether a critique states this answer, where the conversation before did not or where it states it as such."""
    bare = normalise(answer)
    if not bare:
        return False
    told = _NEGATIVE.sub("-", _THOUSANDS.sub("", normalise(critique)))
    before = [_THOUSANDS.sub("", normalise(text)) for text in said]
    tails = [told[lead.end() : lead.end() + _TAIL] for lead in _LEAD.finditer(told)]
    if bare.lower() in _TRUTHS:
        return _states_truth(tails, bare.lower())
    letter = _LETTER.fullmatch(bare)
    if letter and (verifier == "choice" or bare != letter[1] or verifier == "math"):
        return _states_letter(told, tails, letter[1], said)
    number = _read(bare)
    if number is not None:
        return _states_number(told, before, tails, number)
    parts = [part.strip() for part in bare.split("|")]
    if verifier == "table" and len(parts) > 1:
        return any(all(part.lower() in tail.lower() for part in parts) for tail in tails)
    values = _parts(bare)
    if len(values) > 1 and _BETWEEN.fullmatch(_PART.sub(" ", bare)):
        return _states_several(told, before, tails, values)
    return _states_text(told, before, tails, bare, said)


# ---------------------------------------------------------------- by the answer's kind


def _states_truth(tails: list[str], answer: str) -> bool:
    pattern = re.compile(rf"(?:{_TRUTHS[answer]})(?=\W*(?:$|[.,;:!\"')*`]|because|since|as\b|, ))", re.IGNORECASE)
    return any(pattern.match(tail) for tail in tails)


def _states_letter(told: str, tails: list[str], letter: str, said: Sequence[str]) -> bool:
    if any(re.match(rf"\(?{letter}(?![\w'])", tail) for tail in tails):
        return True
    after = rf"(?<![\w']){letter}\)?\s+(?:is|was|would\s+be|must\s+be)\s+(?:the\s+)?(?:right|correct|best|answer|only)"
    if re.search(after, told):
        return True
    option = re.search(rf"(?m)(?:^|\s)\(?{letter}[).:]\s*([^\n]+)", said[0]) if said else None
    text = normalise(option[1]).lower() if option else ""
    return bool(text) and any(tail.lower().startswith(text) for tail in tails)


def _states_number(told: str, before: list[str], tails: list[str], number: Number) -> bool:
    for tail in tails:
        found = _NUMBER.match(tail)
        if found and _equal(found[0], number) and not _CALCULATES_ON.match(tail, found.end()):
            return True
        words = re.match(r"[A-Za-z]+(?:[- ][A-Za-z]+){0,6}", tail)
        if words and any(_equal_words(some, number) for some in _prefixes(words[0])):
            return True
    if not any(_equal(found[0], number) for found in _NUMBER.finditer(_PLACES.sub(" ", told))):
        return False
    return not any(_equal(found[0], number) for text in before for found in _NUMBER.finditer(text))


def _states_several(told: str, before: list[str], tails: list[str], values: list[Fraction]) -> bool:
    if any(_in_a_row(tail, values) for tail in tails):
        return True
    return _in_a_row(told, values) and not any(_in_a_row(text, values) for text in before)


def _states_text(told: str, before: list[str], tails: list[str], answer: str, said: Sequence[str]) -> bool:
    if any(re.match(rf"{re.escape(answer)}(?!\w)", tail, re.IGNORECASE) for tail in tails):
        return True
    if _has_words(answer, told, before, least=1):
        return True
    spans, known = set(_spans(told)), {span for text in before for span in _spans(text)}
    return any(_same(span, answer) for span in spans - known) and not any(_same(span, answer) for span in known)


# ---------------------------------------------------------------- reading


def _read(text: str) -> Number | None:
    """The number that a text is, units aside: "5 apples" is 5."""
    number = read_number(text)
    if number is None:
        found = re.fullmatch(r"\$?([-+]?[\d.,/]+%?)\s*(?:\\text\{)?\s*[A-Za-z ]{1,30}\}?", text)
        number = read_number(found[1]) if found else None
    return number


def _equal(token: str, number: Number) -> bool:
    """By value, or rounded to two places or more."""
    found = read_number(token)
    if found is None:
        return False
    places = found.decimals or 0
    return same_number(found, number) or (places >= 2 and round(number.value, places) == found.value)


def _equal_words(words: str, number: Number) -> bool:
    """Small numbers and simple fractions in words."""
    simple = {"half": Fraction(1, 2), "third": Fraction(1, 3), "quarter": Fraction(1, 4)}
    share = re.fullmatch(r"(?:a |one )?(half|third|quarter)", words, re.IGNORECASE)
    if share:
        return simple[share[1].lower()] == number.value
    if _ORDINAL.search(words):
        return False
    value = number_in_words(words)
    return value is not None and value == number.value


def _prefixes(words: str) -> Iterator[str]:
    ends = [found.end() for found in re.finditer(r"[A-Za-z]+", words)]
    yield from (words[:end] for end in ends)


def _parts(text: str) -> list[Fraction]:
    numbers = (read_number(found[0].replace(" ", "")) for found in _PART.finditer(text))
    return [number.value for number in numbers if number is not None]


def _in_a_row(text: str, values: list[Fraction]) -> bool:
    """Whether the numbers stand one after another, close together."""
    found = [(read_number(part[0].replace(" ", "")), part.start(), part.end()) for part in _PART.finditer(text)]
    for first in range(len(found) - len(values) + 1):
        some = found[first : first + len(values)]
        close = all(later[1] - earlier[2] <= _APART for earlier, later in itertools.pairwise(some))
        if close and [number.value if number else None for number, _, _ in some] == values:
            return True
    return False


def _spans(text: str) -> Iterator[str]:
    for found in _SPAN.finditer(text):
        span = next(group for group in found.groups() if group is not None).strip()
        yield span
        if "=" in span:
            yield span.rpartition("=")[2].strip()


def _same(span: str, answer: str) -> bool:
    verdict = verify_quickly("math", span, answer)
    return (verdict is not None and verdict.correct) or _compact(span) == _compact(answer)


def _has_words(text: str, told: str, said: Sequence[str], least: int = _LEAST_OUTPUT) -> bool:
    """Whether these words stand in a text, not inside longer ones, and not in what was said before."""
    text = " ".join(text.split())
    if len(text) < least:
        return False
    pattern = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)
    return bool(pattern.search(" ".join(told.split()))) and not any(
        pattern.search(" ".join(before.split())) for before in said
    )


def _telling_lines(program: str) -> list[str]:
    lines = (_compact(line.partition("#")[0]) for line in program.splitlines())
    return [line for line in lines if len(line) >= _LEAST_LINE]


def _compact(text: str) -> str:
    return "".join(text.split())
