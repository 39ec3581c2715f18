"""Which rows a run trains on and which it holds out.

In:  settings. Out: rows and what was set aside, one after another; a fingerprint of what stands behind them.
Always true: a problem is on one side only, also where it was grown with a tool and without.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

from preftree.errors import InputError
from preftree.problems.places import BadRow, place_fingerprint
from preftree.problems.task_lines import without_task_lines
from preftree.train.mix import MixEntry, iter_mix
from preftree.train.rows import Kind, Row, Text
from preftree.train.settings import TrainSettings


def training_rows(settings: TrainSettings) -> Iterator[Row | BadRow]:
    """All rows, less what is held out."""
    for row in iter_mix(mix_of(settings), kind_of(settings)):
        if isinstance(row, BadRow) or not _held_out(row, settings):
            yield row


def held_out_rows(settings: TrainSettings) -> Iterator[Row | BadRow]:
    """What is evaluated on: rows of their own, or the held-out problems."""
    if settings.eval_rows:
        yield from iter_mix([MixEntry(settings.eval_rows)], kind_of(settings))
        return
    for row in iter_mix(mix_of(settings), kind_of(settings)):
        if isinstance(row, Row) and _held_out(row, settings):
            yield row


def rows_fingerprint(settings: TrainSettings) -> list[Any]:
    """Of what stands at every place, and how much of it is taken."""
    parts = (mix_of(settings), [MixEntry(settings.eval_rows)] if settings.eval_rows else [])
    return [
        [dataclasses.asdict(entry) | {"rows": place_fingerprint(entry.place)} for entry in entries] for entries in parts
    ]


def mix_of(settings: TrainSettings) -> list[MixEntry]:
    """The sources, checked."""
    if settings.rows:
        return [MixEntry(settings.rows)]
    known = [field.name for field in dataclasses.fields(MixEntry)]
    for entry in settings.mix:
        if not isinstance(entry, dict):
            raise InputError(f"train.mix: expected a list of objects such as {{rows: pairs.jsonl}}, got {entry!r}")
        wrong = [key for key in entry if key not in known]
        if wrong or "rows" not in entry:
            said = f'unknown setting "{wrong[0]}"' if wrong else 'setting "rows" is missing'
            raise InputError(f"train.mix: {said}; expected {', '.join(known)}")
    return [MixEntry(**entry) for entry in settings.mix]


def kind_of(settings: TrainSettings) -> Kind:
    """What the objective reads."""
    return "single" if settings.objective == "sft" else "label" if settings.objective == "kto" else "pair"


# ---------------------------------------------------------------- one problem, one side


def problem_key(row: Row) -> str:
    """The problem itself: the first question without its task prompt, in lower case, with single spaces."""
    answer = row.answers[0]
    if isinstance(answer, Text):
        asked = _before_the_cut(answer.prompt) if answer.cut else answer.prompt or answer.completion
    else:
        asked = next((message.content for message in answer.prompt if message.role == "user"), row.group)
    return " ".join(without_task_lines(asked).lower().split()) or row.group


def _before_the_cut(prompt: str) -> str:
    """Of a prompt that was cut where two answers begin to differ, the lines that are surely the question's: other pairs
    of the same question share other words of their answers."""
    whole, line, _ = prompt.rpartition("\n")
    if not line or not whole.strip():
        raise InputError(
            "train.eval_share: pairs of plain text without a prompt don't say where their question ends; give them a "
            "field prompt, or use eval_rows"
        )
    return whole


def _held_out(row: Row, settings: TrainSettings) -> bool:
    if not settings.eval_share:
        return False
    first = hashlib.sha256(f"held out {settings.seed}:{problem_key(row)}".encode()).digest()[:8]
    return int.from_bytes(first, "big") < settings.eval_share * 2**64
