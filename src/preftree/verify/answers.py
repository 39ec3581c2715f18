"""Where the answer stands: in free text, or in what a program gave.

In:  a response, or an observation. Out: the answer as text, or None where none is given.
Always true: only an explicit mark makes an answer (`find_answer`); text that merely mentions the right value does
not count. `last_number` is a rule of its own for protocols that name it, never a fallback. Linear time.
"""

from __future__ import annotations

import re

from preftree.records import Observation
from preftree.verify.literals import read_literal

# Free text is read from its end; an answer never stands a megabyte before it.
_MAX_TEXT = 200_000
_MAX_VALUE = 20_000

# The mark may be bold or a heading: **Answer:** 5, ### Answer: 5, Final answer: 5.
_ANSWER_LINE = re.compile(r"^[ \t>#*_-]*(?:the[ \t]+)?(?:final[ \t]+)?answer[ \t*_]*:[ \t*_]*([^\n]*)$", re.I | re.M)
_ANSWER_IS = re.compile(r"\banswer(?:[ \t]+to[^.\n]{0,80}?)?[ \t]+is[ \t]*:?[ \t*_]*([^\n]+)", re.I)
_GSM8K_MARK = re.compile(r"^####[ \t]*([^\n]+)$", re.M)
_OUT = re.compile(r"^Out(?:\[\d+\])?:[ \t]*([^\n]*)$", re.M)
_NUMBER = re.compile(r"(?<![\w.])[+-]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:/\d+)?%?(?!\w)", re.ASCII)

_NUMPY_SCALAR = re.compile(r"\bnp\.(?:u?int\d*|float\d*|bool_?|str_)\(((?:'[^'\\]*')|[^()',]*)\)")
_FRACTION = re.compile(r"\bFraction\((-?\d+), (\d+)\)")
_DECIMAL_OR_MPF = re.compile(r"\b(?:Decimal|mpf)\('([^'\\()]*)'\)")


def find_answer(text: str, task: str) -> str | None:
    """The answer that a response states, by its last explicit mark.

    Marks in order of trust: `<solution>…</solution>`, `\\boxed{…}`, a line `Answer: …`, a line `#### …`,
    `the answer is …`, a line `Out: …` (what an interpreter showed); of one kind the last counts, since writers correct
    themselves. Coding has no answer in text.
    """
    if task == "Coding":
        return None
    text = text[-_MAX_TEXT:]
    tagged = solution_of(text)
    if tagged is not None:
        return _tidy(last_boxed(tagged) or tagged)
    boxed = last_boxed(text)
    if boxed is not None:
        return _tidy(boxed)
    for mark in (_ANSWER_LINE, _GSM8K_MARK):
        line = _last(mark, text)
        if line is not None and line.strip():
            return _tidy(_unstated(line))
    stated = _last(_ANSWER_IS, text)
    if stated is not None:
        return _tidy(_first_sentence(stated))
    shown = _last(_OUT, text)
    return None if shown is None else _plain_value(shown.strip()) or None


def solution_of(text: str) -> str | None:
    """What stands in the last complete `<solution>` tag: an answer, or an expression of the session that gives it."""
    # Searched from the end: a pattern would take quadratic time on open tags.
    lowered = text.lower() if len(text.lower()) == len(text) else text
    end = lowered.rfind("</solution>")
    start = lowered.rfind("<solution>", 0, max(end, 0))
    return None if start < 0 else text[start + len("<solution>") : end].strip()


def last_boxed(text: str) -> str | None:
    """What the last complete `\\boxed{…}` (or `\\fbox{…}`) holds, braces matched; `\\boxed 5` holds one token."""
    for start in sorted((m.end() for m in re.finditer(r"\\f?boxed\b|\\fbox\b", text)), reverse=True)[:20]:
        rest = text[start:].lstrip(" ")
        if rest.startswith("{"):
            inside = _braced(rest)
            if inside is not None:
                return inside
        elif match := re.match(r"(-?[\w.]+)", rest):
            return match[1]
    return None


def last_number(text: str) -> str | None:
    """The last number in the text, whatever it stands for: lenient on purpose, and never used unless named."""
    found = None
    for match in _NUMBER.finditer(text[-_MAX_TEXT:]):
        found = match[0]
    return None if found is None else found.replace("$", "")


def answer_of_observation(observation: Observation) -> str | None:
    """What a program answered: the value of its last expression, else the last line it printed that is not blank.

    None unless it ran to its end. A value is a repr: a string loses its quotes, numpy and Fraction scalars become
    plain numbers, containers stay as Python writes them.
    """
    if observation.status != "ok":
        return None
    if observation.value is not None and observation.value != "None":
        return _plain_value(observation.value.strip()) or None
    for line in reversed(observation.output[-_MAX_TEXT:].splitlines()):
        if line.strip():
            shown = _OUT.fullmatch(line)
            return (_plain_value(shown[1].strip()) or None) if shown else line.strip()
    return None


def _plain_value(value: str) -> str:
    if len(value) > _MAX_VALUE:
        return value
    if value[:1] in "'\"":
        text = _string_literal(value)
        return value if text is None else text.strip()
    value = _NUMPY_SCALAR.sub(r"\1", value)
    value = _FRACTION.sub(lambda m: m[1] if m[2] == "1" else f"{m[1]}/{m[2]}", value)
    value = _DECIMAL_OR_MPF.sub(r"\1", value)
    if value[:1] in "'\"":  # np.str_('…')
        text = _string_literal(value)
        return value if text is None else text.strip()
    return value


def _string_literal(value: str) -> str | None:
    text = read_literal(value)
    return text if isinstance(text, str) else None


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = None
    for match in pattern.finditer(text):
        found = match[1]
    return found


def _braced(text: str) -> str | None:
    depth = 0
    escaped = False
    for i, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return text[1:i]
    return None


def _unstated(line: str) -> str:
    """`The answer is 5` after `Answer:` states it twice."""
    match = _ANSWER_IS.search(line)
    return match[1] if match else line


def _first_sentence(text: str) -> str:
    """Up to the stop that ends the sentence: a full stop before white space or the end, not a decimal point."""
    return re.split(r"[.!](?:\s|$)", text, maxsplit=1)[0]


def _tidy(text: str) -> str | None:
    text = text.strip().strip("*_").strip()
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip()
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"), ("`", "`")):
        if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
            inside = text[len(opening) : -len(closing)]
            if opening not in inside:
                text = inside.strip()
    return text or None
