"""NumGLUE: eight tasks of simple arithmetic in words (Mishra et al., 2022; ODC-By). Tasks 5, 6 and 7 are left out.

In:  rows as released (JSON Lines whose keys depend on the type: `question`, `answer`, `type`; task 3 has `option1`,
     `option2` and answers "Option 1"), or as MAmmoTH converted them (`type` is "Type_3", options stand in the question
     behind "Answer Choices:", the answer is a letter).
Out: problems whose answer is a number (a few ask for a day or a month), or for task 3 a letter. No rationales.
The paper drops reading comprehension (5, 6) and inference (7).
"""

from __future__ import annotations

import re

from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, PassedOverError, Row, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

_DROPPED = ("5", "6", "7")
_TYPE = re.compile(r"(?:type[_ ]?)?([1-8])", re.I)
_OPTION = re.compile(r"option ?([12])", re.I)
_LETTERS = ("A", "B")


def load_numglue(settings: SourceSettings) -> Loaded:
    rows = published(settings, None, expected="NumGLUE_train.json as released, or rows question, answer, type")
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    kind = _kind(row)
    question, answer = text_field(row, "question"), _answer(row)
    if kind == "3":
        question, answer = _choice(row, question, answer)
    identity = question_id("numglue", question)
    return Problem(
        id=identity,
        dataset="numglue",
        task="Math_PoT",
        instruction=question,
        references=(Reference(answer),),
        verifier="choice" if kind == "3" else "number" if re.search(r"\d", answer) else "short",
        group=identity,
        split=split,
    )


def _kind(row: Row) -> str:
    given = text_field(row, "type")
    match = _TYPE.fullmatch(given)
    if match is None:
        raise BadRowError("type", f"expected Type_1 to Type_8, got {given[:40]}")
    if match[1] in _DROPPED:
        raise PassedOverError("tasks 5, 6 and 7")
    return match[1]


def _answer(row: Row) -> str:
    answer = row.get("answer")
    # As DROP writes it: an object, of which a task that is kept fills the number.
    return text_field(answer, "number") if isinstance(answer, dict) else text_field(row, "answer")


def _choice(row: Row, question: str, answer: str) -> tuple[str, str]:
    """Question with its two options, and the letter of the right one."""
    if row.get("option1") is None:
        if answer not in _LETTERS:
            raise BadRowError("answer", f"expected A or B, got {answer[:40]}")
        return question, answer
    match = _OPTION.fullmatch(answer)
    if match is None:
        raise BadRowError("answer", f"expected Option 1 or Option 2, got {answer[:40]}")
    options = " ".join(f"({letter}) {text_field(row, f'option{n}')}" for n, letter in enumerate(_LETTERS, 1))
    return f"{question}\nAnswer Choices: {options}", _LETTERS[int(match[1]) - 1]
