"""A copy of a file of rows without some of them, in the same format.

In:  a .jsonl, .jsonl.gz, .json or .parquet file, the numbers (from 1) of the rows to leave out, a path.
Out: the file there, whole or absent. Always true: the rows that stay are as they were, and in their order; memory does
not grow with a file's length, except for .json, which is one value.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Container
from pathlib import Path
from typing import IO, Any

from preftree.errors import InputError


def copy_without(source: Path, out: Path, left_out: Container[int]) -> None:
    """InputError for a file of another format."""
    partial = out.with_name(out.name + ".partial")
    if source.suffix == ".parquet":
        _parquet(source, partial, left_out)
    elif source.suffix == ".json":
        rows = json.loads(source.read_text("utf-8"))
        kept = [row for number, row in enumerate(rows, start=1) if number not in left_out]
        partial.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    elif source.name.endswith((".jsonl", ".jsonl.gz")):
        with _opened(source, "rb") as lines, _opened(source, "wb", partial) as copy:
            for number, line in enumerate(lines, start=1):
                if number not in left_out:
                    copy.write(line)
    else:
        raise InputError(f"{source}: expected .jsonl, .jsonl.gz, .json or .parquet")
    partial.replace(out)


def _opened(source: Path, mode: str, path: Path | None = None) -> IO[bytes]:
    path = path or source
    if source.suffix != ".gz":
        return path.open(mode)
    # No time of making inside: equal rows, equal bytes.
    return gzip.GzipFile(path, mode, mtime=0)  # type: ignore[return-value]


def _parquet(source: Path, partial: Path, left_out: Container[int]) -> None:
    import pyarrow
    import pyarrow.parquet

    number = 0
    with pyarrow.parquet.ParquetFile(source) as file:
        schema: Any = file.schema_arrow
        with pyarrow.parquet.ParquetWriter(partial, schema) as writer:
            for batch in file.iter_batches():
                kept = [number + at + 1 not in left_out for at in range(batch.num_rows)]
                number += batch.num_rows
                writer.write_batch(batch.filter(pyarrow.array(kept, pyarrow.bool_())))
