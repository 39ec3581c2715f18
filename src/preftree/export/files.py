"""Rows into files as they come: JSONL or Parquet, whole or absent.

In:  plain dicts, one at a time. Out: a file, given its name only when it is finished.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

# Rows of one Parquet row group: what is held in memory.
_GROUP = 5000
# Made once: `json.dumps` makes an encoder a call.
_encode = json.JSONEncoder(ensure_ascii=False).encode


class RowWriter(Protocol):
    def write(self, row: dict[str, Any]) -> None: ...

    def finish(self) -> None: ...


@contextmanager
def row_writer(path: Path) -> Iterator[RowWriter]:
    """A writer for this file, by its ending; left before `finish`, nothing is kept."""
    partial = path.with_name(path.name + ".partial")
    writer: _Jsonl | _Parquet = _Parquet(path, partial) if path.suffix == ".parquet" else _Jsonl(path, partial)
    try:
        yield writer
    finally:
        writer.close()
        partial.unlink(missing_ok=True)


class _Jsonl:
    def __init__(self, path: Path, partial: Path) -> None:
        self._path, self._partial = path, partial
        self._file = partial.open("w", encoding="utf-8", errors="surrogatepass")

    def write(self, row: dict[str, Any]) -> None:
        self._file.write(_encode(row) + "\n")

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self._path)

    def close(self) -> None:
        self._file.close()


class _Parquet:
    def __init__(self, path: Path, partial: Path) -> None:
        self._path, self._partial = path, partial
        self._held: list[dict[str, Any]] = []
        self._writer: Any = None

    def write(self, row: dict[str, Any]) -> None:
        self._held.append(row)
        if len(self._held) == _GROUP:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._writer.close()
        self._partial.replace(self._path)

    def close(self) -> None:
        if self._writer is not None and self._writer.is_open:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(self._held, schema=None if self._writer is None else self._writer.schema)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._partial, table.schema)
        if self._held:
            self._writer.write_table(table)
        self._held = []
