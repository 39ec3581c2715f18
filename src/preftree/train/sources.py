"""Which rows a run trains on and which it holds out.

In:  settings. Out: rows and what was set aside, one after another; a fingerprint of what stands on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from preftree.train.directory import sha256
from preftree.train.rows import BadRow, Row, read_rows, row_files
from preftree.train.settings import TrainSettings


def training_rows(settings: TrainSettings) -> Iterator[Row | BadRow]:
    """All rows, less what is held out."""
    found = read_rows(settings.rows, paired=settings.objective != "sft")
    yield from found.rows
    yield from found.set_aside


def held_out_rows(settings: TrainSettings) -> Iterator[Row | BadRow]:
    """What is evaluated on."""
    found = read_rows(settings.eval_rows, paired=settings.objective != "sft")
    yield from found.rows
    yield from found.set_aside


def rows_fingerprint(settings: TrainSettings) -> list[Any]:
    return [sha256(file) for file in row_files(settings.rows)]
