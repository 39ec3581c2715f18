"""Rows: conversations with answers to be learnt, read from any place in any known form.

In:  a place (docs/training.md), a form or "auto", what the objective wants. Out: `Row`s, and a `BadRow` for each one
that is set aside.
Always true: rows come in the order of the files by name and of the values in them, one at a time; a bad row never
stops a run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from preftree.errors import PreftreeError
from preftree.problems.places import BadRow, Place, values
from preftree.records import Message, digest

Kind = Literal["single", "pair", "label"]
"""What an objective reads: single answers, chosen and rejected, or (KTO) either pairs or answers with a label."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A prompt of messages and what follows it; every assistant message of the completion is learnt."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt and its completion without a chat template.

    `cut` says that the prompt is what two answers happen to begin with.
    """

    prompt: str
    completion: str
    cut: bool = field(default=False, compare=False)


Answer = Conversation | Text


@dataclass(frozen=True, slots=True)
class Row:
    """One answer (with a label for KTO), or chosen and rejected. Rows of one `group` answer the same problem.

    `source` is "tree" for pairs of preference trees; `margin` is how far chosen should lead (reward models).
    """

    place: str
    group: str
    source: str
    answers: tuple[Answer, ...]
    label: bool | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a form makes of one value: `group` and `source` may be left to the reader."""

    answers: tuple[Answer, ...]
    group: str = ""
    source: str = ""
    label: bool | None = None
    margin: float | None = None


class FieldError(PreftreeError):
    """A field can't be read: caught where the row is counted."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f'field "{field}": {reason}')
        self.field, self.reason = field, reason


def iter_rows(place: Place, kind: Kind, *, form: str = "auto", name: str = "", seed: int = 0) -> Iterator[Row | BadRow]:
    """One after another. `name` stands in for the form's own label of the source."""
    from preftree.train.forms import form_of

    for value in values(place):
        try:
            if value.broken:
                raise FieldError("", value.broken)
            if not isinstance(value.content, dict):
                raise FieldError("", f"expected an object, got {type(value.content).__name__}")
            found = form_of(form, value.content, kind)
            draw = random.Random(f"{seed}:{value.file}:{value.number}")
            where = f"{value.file} row {value.number}"
            yield from [_row(parsed, where, name) for parsed in found.parse(value.content, kind, draw)]
        except FieldError as fault:
            yield BadRow(value.file, value.number, fault.field, fault.reason)
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as fault:
            # Whatever stands in a row, one row is what it may cost.
            reason = f"not as its form has it ({type(fault).__name__}: {str(fault)[:80]})"
            yield BadRow(value.file, value.number, "", reason)


def _row(parsed: Parsed, place: str, name: str) -> Row:
    answers = parsed.answers
    if len(answers) == 2 and answers[0].prompt != answers[1].prompt:
        raise FieldError("rejected", "does not answer the prompt of chosen")
    for answer in answers:
        _check_characters(answer)
    group = parsed.group or digest(answers[0].prompt)
    return Row(place, group, name or parsed.source or "other", answers, parsed.label, parsed.margin)


def _check_characters(answer: Answer) -> None:
    """Half of a surrogate pair, which JSON may hold, is no character: tokenizers refuse it."""
    if isinstance(answer, Text):
        texts = [answer.prompt, answer.completion]
    else:
        texts = [message.content for message in (*answer.prompt, *answer.completion)]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as fault:
        raise FieldError("", "holds half of a character (a lone surrogate)") from fault
