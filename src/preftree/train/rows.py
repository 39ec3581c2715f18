"""Rows on disk to conversations with answers to be learnt.

In:  JSONL, JSON or Parquet, a file or a directory of files, in UltraInteract's columns or in TRL's forms.
Out: `Rows`: what could be read, and what was set aside, each with file, row, field and reason.
Always true: the order is that of the files by name and of the rows in them; a bad row never stops a run, no row
at all does.

SFT:   instruction, response | messages | prompt, completion | text
Pairs: trajectory, chosen, rejected | prompt, chosen, rejected | chosen, rejected with a common beginning
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import InputError, PreftreeError
from preftree.records import Message, Role, digest

_ROLES: dict[str, Role] = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system",
}  # fmt: skip
_ENDINGS = (".jsonl", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A prompt of messages and what follows it; every assistant message of the completion is learnt."""

    prompt: tuple[Message, ...]
    completion: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt and its completion without a chat template."""

    prompt: str
    completion: str


Answer = Conversation | Text


@dataclass(frozen=True, slots=True)
class Row:
    """One answer (SFT), or chosen and rejected. Rows of one `group` answer the same problem."""

    place: str
    group: str
    source: str
    answers: tuple[Answer, ...]
    label: bool | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was set aside. `row` counts from 1."""

    file: str
    row: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rows:
    rows: tuple[Row, ...]
    set_aside: tuple[BadRow, ...]


class _FieldError(PreftreeError):
    """A field can't be read: caught where the row is counted."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f'field "{field}": {reason}')
        self.field, self.reason = field, reason


def read_rows(path: str, *, paired: bool) -> Rows:
    """All rows under `path` as pairs, or as single answers."""
    rows: list[Row] = []
    bad: list[BadRow] = []
    for file in row_files(path):
        for number, (value, broken) in enumerate(_values(file), start=1):
            try:
                if broken:
                    raise _FieldError("", broken)
                rows.append(_row(value, f"{file.name} row {number}", paired))
            except _FieldError as error:
                bad.append(BadRow(file.name, number, error.field, error.reason))
    if not rows:
        first = f'; {bad[0].file} row {bad[0].row}, field "{bad[0].field}": {bad[0].reason}' if bad else ""
        raise InputError(f"{path}: no row that {'pairs' if paired else 'SFT'} can be read from{first}")
    return Rows(tuple(rows), tuple(bad))


def row_files(path: str) -> list[Path]:
    """The files that a path names, in order."""
    place = Path(path)
    if place.is_dir():
        files = sorted(file for file in place.iterdir() if file.suffix in _ENDINGS)
    else:
        files = [place] if place.is_file() else []
    if not files:
        raise InputError(f"{path}: no {', '.join(_ENDINGS)} file there")
    if files[0].suffix not in _ENDINGS:
        raise InputError(f"{path}: expected {', '.join(_ENDINGS)}")
    return files


def _values(file: Path) -> Iterator[tuple[Any, str]]:
    """Each value of a file, or why it is broken."""
    if file.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches():
                    for value in batch.to_pylist():
                        yield value, ""
        except pyarrow.ArrowInvalid as error:
            raise InputError(f"{file}: not a Parquet file ({error})") from error
    elif file.suffix == ".json":
        try:
            values = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{file}: not JSON ({error})") from error
        if not isinstance(values, list):
            raise InputError(f"{file}: expected a list of rows")
        for value in values:
            yield value, ""
    else:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    yield json.loads(line), ""
                except ValueError as error:
                    yield None, f"not JSON ({error})"


def _row(value: Any, place: str, paired: bool) -> Row:
    if not isinstance(value, dict):
        raise _FieldError("", f"expected an object, got {type(value).__name__}")
    answers = _pair(value) if paired else (_single(value),)
    if len(answers) == 2 and answers[0].prompt != answers[1].prompt:
        raise _FieldError("rejected", "does not answer the prompt of chosen")
    prompt = answers[0].prompt
    group = value.get("parent_id") or digest(prompt)
    source = value.get("source") or ("tree" if "trajectory" in value else "other")
    label = value.get("label") if isinstance(value.get("label"), bool) and not paired else None
    return Row(place, str(group), str(source), answers, label)


# ---------------------------------------------------------------- forms


def _single(value: dict[str, Any]) -> Answer:
    if value.get("instruction") is not None:
        prompt = (Message("user", _text(value, "instruction")),)
        return Conversation(prompt, (Message("assistant", _text(value, "response")),))
    if value.get("messages") is not None:
        return _split(_messages(value, "messages"), "messages")
    if value.get("prompt") is not None:
        return _answer(value, "completion")
    if value.get("text") is not None:
        return Text("", _text(value, "text"))
    raise _FieldError("messages", "missing (nor instruction and response, prompt and completion, or text)")


def _pair(value: dict[str, Any]) -> tuple[Answer, ...]:
    if value.get("trajectory") is not None:
        prompt = _messages(value, "trajectory")
        return tuple(
            Conversation(prompt, (Message("assistant", _text(value, field)),)) for field in ("chosen", "rejected")
        )
    chosen, rejected = value.get("chosen"), value.get("rejected")
    if isinstance(chosen, list) and isinstance(rejected, list) and not isinstance(value.get("prompt"), list):
        # An implicit prompt: what both conversations begin with (a prompt as text repeats it).
        left, right = _messages(value, "chosen"), _messages(value, "rejected")
        shared = 0
        while shared < min(len(left), len(right)) - 1 and left[shared] == right[shared]:
            shared += 1
        return (
            Conversation(left[:shared], _answered(left[shared:], "chosen")),
            Conversation(right[:shared], _answered(right[shared:], "rejected")),
        )
    if value.get("prompt") is None:
        raise _FieldError("trajectory", "missing (nor prompt)")
    return (_answer(value, "chosen"), _answer(value, "rejected"))


def _answer(value: dict[str, Any], field: str) -> Answer:
    if not isinstance(value["prompt"], list):
        return Text(_text(value, "prompt"), _text(value, field))
    prompt = _messages(value, "prompt")
    if isinstance(value.get(field), list):
        return Conversation(prompt, _answered(_messages(value, field), field))
    return Conversation(prompt, (Message("assistant", _text(value, field)),))


def _split(messages: tuple[Message, ...], field: str) -> Conversation:
    """A whole conversation: everything from the first assistant message on is the completion."""
    first = next((i for i, message in enumerate(messages) if message.role == "assistant"), None)
    if first is None:
        raise _FieldError(field, "no assistant message")
    return Conversation(messages[:first], messages[first:])


def _answered(messages: tuple[Message, ...], field: str) -> tuple[Message, ...]:
    if not messages or messages[-1].role != "assistant":
        raise _FieldError(field, "the last message is not the assistant's")
    return messages


def _messages(value: dict[str, Any], field: str) -> tuple[Message, ...]:
    """TRL's {role, content} or UltraInteract's and ShareGPT's {from, value}."""
    entries = value[field]
    if not isinstance(entries, list) or not entries:
        raise _FieldError(field, "expected a list of messages")
    return tuple(_message(entry, f"{field}[{i}]") for i, entry in enumerate(entries))


def _message(entry: Any, where: str) -> Message:
    if not isinstance(entry, dict):
        raise _FieldError(where, "expected an object")
    role, content = entry.get("role", entry.get("from")), entry.get("content", entry.get("value"))
    if role not in _ROLES:
        raise _FieldError(where, f"expected a role of {', '.join(_ROLES)}, got {role!r}")
    if not isinstance(content, str):
        raise _FieldError(where, "expected text")
    return Message(_ROLES[role], content)


def _text(value: dict[str, Any], field: str) -> str:
    text = value.get(field)
    if text is None:
        raise _FieldError(field, "missing")
    if not isinstance(text, str):
        raise _FieldError(field, f"expected text, got {type(text).__name__}")
    if not text.strip():
        raise _FieldError(field, "empty")
    return text
