"""Where rows lie, and the raw values there, one at a time.

In:  a `Place`: a .jsonl, .jsonl.gz, .json or .parquet file, a directory of them, a folder that the `datasets` library
     saved, or a hub id.
Out: values, each with its file and its number in it (from 1), or with why it is broken.
Always true: a path that exists is never taken for a hub id; memory does not grow with a file's length, except for
.json, which is one value.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.errors import InputError

_ENDINGS = (".jsonl", ".json", ".parquet", ".jsonl.gz")
# The branch on which the hub keeps every data set as Parquet, whatever its own files are.
_HUB_BRANCH = "refs/convert/parquet"
_ROWS_AT_ONCE = 1000


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


def values(place: Place) -> Iterator[Value]:
    """All values of a place, in the order of its files."""
    for file in place_files(place):
        for number, (content, broken) in enumerate(_contents(file), start=1):
            yield Value(file.name, number, content, broken)


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
    import httpx
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

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
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{place.path}: neither a file, nor a data set that the hub gives ({reason})") from error


def _contents(file: Path) -> Iterator[tuple[Any, str]]:
    """Each value of a file, or why it is broken."""
    if file.suffix == ".parquet":
        yield from ((content, "") for content in _parquet(file))
    elif file.suffix == ".arrow":
        yield from ((content, "") for content in _arrow(file))
    elif file.suffix == ".json":
        yield from ((content, "") for content in _json(file))
    else:
        yield from _lines(file)


def _parquet(file: Path) -> Iterator[Any]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(_ROWS_AT_ONCE):
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


def _json(file: Path) -> list[Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON ({error})") from error
    if not isinstance(content, list):
        raise InputError(f"{file}: expected a list of rows")
    return content


def _lines(file: Path) -> Iterator[tuple[Any, str]]:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as lines:
            for line in lines:
                try:
                    yield json.loads(line), ""
                except (ValueError, RecursionError) as error:
                    yield None, f"not JSON ({error})"
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{file}: broken gzip ({error})") from error
