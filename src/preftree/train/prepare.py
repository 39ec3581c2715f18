"""Rows to examples: rendered and tokenised a few hundred at a time, written to a store as they come.

In:  rows (and what was set aside before), a tokenizer, the length limit.
Out: a `Store` and the rows that could not be rendered, with their reasons.
Always true: examples stand in the order of the rows; nothing is cut; memory does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.problems.places import BadRow
from preftree.progress import Progress
from preftree.train.rows import Answer, Row, Text
from preftree.train.store import Example, Store, StoreWriter
from preftree.tries.render import Chat, Plain, SetAsideError, check_template, render_all
from preftree.tries.segments import Segments

_ROWS_AT_ONCE = 512


def prepare(
    rows: Iterable[Row | BadRow], tokenizer: Any, folder: Path, *, max_length: int, where: str, bar: Progress
) -> tuple[Store, list[BadRow]]:
    """Write the store of these rows. Raises InputError if none is left."""
    bad: list[BadRow] = []
    segments = Segments(tokenizer)
    with StoreWriter(folder) as writer:
        for some in _batched(rows, _ROWS_AT_ONCE):
            for example in render_rows(some, tokenizer, max_length=max_length, segments=segments):
                if isinstance(example, BadRow):
                    bad.append(example)
                else:
                    writer.add(example)
            bar.advance(len(some), f"{len(bad)} set aside" if bad else "")
        if not len(writer):
            reason = f"; the first was set aside because: {bad[0].reason}" if bad else ""
            raise InputError(f"{where}: no row is left{reason}")
        return writer.close(), bad


def render_rows(
    rows: Sequence[Row | BadRow], tokenizer: Any, *, max_length: int, segments: Segments | None = None
) -> Iterator[Example | BadRow]:
    """These rows as examples, or as rows set aside with the reason; what was set aside before passes through."""
    items = [_item(answer) for row in rows if isinstance(row, Row) for answer in row.answers]
    if any(isinstance(item, Chat) for item in items):
        check_template(tokenizer, "train.model")
    rendered = iter(render_all(tokenizer, items, max_length=max_length, segments=segments))
    for row in rows:
        if isinstance(row, BadRow):
            yield row
            continue
        sequences = [next(rendered) for _ in row.answers]
        fault = next((s for s in sequences if isinstance(s, SetAsideError)), None)
        if fault is not None:
            file, _, number = row.place.rpartition(" row ")
            yield BadRow(file, int(number), "", str(fault))
            continue
        kept = tuple(s for s in sequences if not isinstance(s, SetAsideError))
        yield Example(row.group, row.source, kept, None, row.label, row.margin or 0.0)


def _item(answer: Answer) -> Chat | Plain:
    if isinstance(answer, Text):
        return Plain(answer.prompt, answer.completion)
    messages = (*answer.prompt, *answer.completion)
    scored = (i for i in range(len(answer.prompt), len(messages)) if messages[i].role == "assistant")
    return Chat(messages, tuple(scored))


def _batched(rows: Iterable[Row | BadRow], size: int) -> Iterator[list[Row | BadRow]]:
    source = iter(rows)
    while some := list(islice(source, size)):
        yield some
