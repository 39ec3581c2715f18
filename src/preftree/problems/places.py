"""Where rows lie, and the raw values there, one at a time.

In:  a `Place`: a .jsonl, .json or .parquet file, the first two also as .gz, a directory of them, a folder that the
     `datasets` library saved, or a hub id.
Out: values, each with its file and its number in it (from 1; of lines, the line's own), or with why it is broken.
Always true: a path that exists is never taken for a hub id; memory does not grow with a file's length, except for a
JSON list, which is one value. A blank line is no value.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from preftree.errors import InputError

_ENDINGS = (".jsonl", ".json", ".parquet", ".jsonl.gz", ".json.gz")
# The branch on which the hub keeps every data set as Parquet, whatever its own files are.
_HUB_BRANCH = "refs/convert/parquet"
_ROWS_AT_ONCE = 1000
# Where a caller names columns, rows are large: CodeContests has some of several megabytes.
_LARGE_ROWS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Place:
    """`split` and `config` choose among those of a hub id; `split` also among those of a saved DatasetDict."""

    path: str
    split: str = "train"
    config: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """`broken` says why there is no content."""

    file: str
    number: int
    content: Any
    broken: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was set aside. `row` counts from 1."""

    file: str
    row: int
    field: str
    reason: str


def values(place: Place, columns: Sequence[str] = ()) -> Iterator[Value]:
    """All values of a place, in the order of its files; of Parquet files only these columns, where any are named."""
    for file in place_files(place):
        yield from file_values(file, columns)


def file_values(file: Path, columns: Sequence[str] = ()) -> Iterator[Value]:
    """The values of one file."""
    for number, content, broken in _contents(file, columns):
        yield Value(file.name, number, content, broken)


def read_json(file: Path) -> Any:
    """The one value that a .json or .json.gz file holds."""
    with opened(file) as stream:
        try:
            return json.loads(stream.read())
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: not JSON ({error})") from error


@contextmanager
def opened(file: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked where its name ends in .gz; InputError where they can't be read."""
    try:
        with cast("IO[bytes]", gzip.open(file, "rb")) if file.suffix == ".gz" else file.open("rb") as stream:
            yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{file}: broken gzip ({error})") from error
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror})") from error


def place_files(place: Place) -> list[Path]:
    """The files of a place, in order; those of a hub id are fetched into the hub's own cache."""
    path = Path(place.path)
    if path.is_dir():
        return _directory(path, place)
    if path.is_file():
        if not path.name.endswith((*_ENDINGS, ".arrow")):
            raise InputError(f"{path}: expected {', '.join(_ENDINGS)}")
        return [path]
    if place.path.count("/") == 1 and not place.path.startswith((".", "/", "~")) and not path.suffix:
        return _hub(place)
    raise InputError(f"{path}: no {', '.join(_ENDINGS)} file there")


def place_fingerprint(place: Place) -> list[str]:
    """Of what stands there: one digest a file."""
    found = []
    for file in place_files(place):
        state = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(1 << 22):
                state.update(block)
        found.append(state.hexdigest())
    return found


def _directory(path: Path, place: Place) -> list[Path]:
    if (path / "dataset_dict.json").is_file():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        if place.split not in splits:
            raise InputError(f'{path}: no split "{place.split}"; it has {", ".join(splits)}')
        path = path / place.split
    if (path / "state.json").is_file():
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        return [path / entry["filename"] for entry in state["_data_files"]]
    files = sorted(file for file in path.iterdir() if file.name.endswith(_ENDINGS) and file.is_file())
    if not files:
        raise InputError(f"{path}: no {', '.join(_ENDINGS)} file there")
    return files


def _hub(place: Place) -> list[Path]:
    """A data set's Parquet files: `<config>/<split>/*.parquet`."""
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    # The root of the errors of the hub's HTTP library, which is another one from version to version.
    unreachable = cast("type[Exception]", HfHubHTTPError.__mro__[1])
    try:
        names = HfApi().list_repo_files(place.path, repo_type="dataset", revision=_HUB_BRANCH)
        parts = [name.split("/") for name in names if name.endswith(".parquet") and name.count("/") == 2]
        configs = sorted({config for config, _, _ in parts})
        config = place.config or (configs[0] if len(configs) == 1 else "default" if "default" in configs else "")
        if config not in configs:
            raise InputError(f"{place.path}: choose a config of it: {', '.join(configs)}")
        splits = sorted({split for name, split, _ in parts if name == config})
        if place.split not in splits:
            raise InputError(f'{place.path}: no split "{place.split}"; it has {", ".join(splits)}')
        chosen = ["/".join(part) for part in parts if part[:2] == [config, place.split]]
        return [
            Path(hf_hub_download(place.path, name, repo_type="dataset", revision=_HUB_BRANCH))
            for name in sorted(chosen)
        ]
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, unreachable, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{place.path}: neither a file, nor a data set that the hub gives ({reason})") from error


def _contents(file: Path, columns: Sequence[str]) -> Iterator[tuple[int, Any, str]]:
    """Each value of a file with its number, or why it is broken."""
    if file.suffix == ".parquet":
        found = _parquet(file, columns)
    elif file.suffix == ".arrow":
        found = _arrow(file)
    elif file.name.endswith((".json", ".json.gz")) and not _holds_lines(file):
        found = iter(_list(file))
    else:
        yield from _lines(file)
        return
    for number, content in enumerate(found, start=1):
        yield number, content, ""


def _parquet(file: Path, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file) as parquet:
            there = [name for name in parquet.schema_arrow.names if name in columns]
            at_once = _LARGE_ROWS_AT_ONCE if columns else _ROWS_AT_ONCE
            for batch in parquet.iter_batches(at_once, columns=there or None):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{file}: not a Parquet file that can be read ({error})") from error


def _arrow(file: Path) -> Iterator[Any]:
    """As `Dataset.save_to_disk` writes it: a stream of record batches."""
    import pyarrow

    try:
        with pyarrow.memory_map(str(file)) as source, pyarrow.ipc.open_stream(source) as stream:
            for batch in stream:
                for at in range(0, batch.num_rows, _ROWS_AT_ONCE):
                    yield from batch.slice(at, _ROWS_AT_ONCE).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{file}: not an Arrow stream that can be read ({error})") from error


def _holds_lines(file: Path) -> bool:
    """Whether a .json file is JSON Lines under another name (NumGLUE's, say): its first line is a whole object."""
    with opened(file) as stream:
        first = stream.readline(1 << 24)
        try:
            return isinstance(json.loads(first), dict) and stream.readline() != b""
        except (ValueError, RecursionError):
            return False


def _list(file: Path) -> list[Any]:
    content = read_json(file)
    if not isinstance(content, list):
        raise InputError(f"{file}: expected a list of rows")
    return content


def _lines(file: Path) -> Iterator[tuple[int, Any, str]]:
    with opened(file) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line), ""
            except UnicodeDecodeError as error:
                yield number, None, f"not UTF-8 text (byte {error.start} of the line)"
            except (ValueError, RecursionError) as error:
                yield number, None, f"not JSON ({error})"
