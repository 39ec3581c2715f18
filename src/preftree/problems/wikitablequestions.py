"""WikiTableQuestions: questions about tables of Wikipedia (Pasupat and Liang, 2015; CC BY-SA 4.0).

In:  a folder as released: `data/*.tsv` (id, utterance, context, targetValue) and the tables, `csv/` or `csv.tar.gz`;
     or one of its .tsv files; both also as .gz. Or rows of the hub: question, answers, table {header, rows}.
Out: problems that carry their table as CSV, to be solved with code; the answer as the data set writes it: values
between `|`, with `\\n`, `\\\\` and `\\p` for line end, backslash and bar.
`split` names the file: train is training.tsv, test is pristine-unseen-tables.tsv, another split the file of its name.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from preftree.errors import InputError
from preftree.problems.places import Value, opened
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, list_field, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "stanfordnlp/wikitablequestions"
# The five random splits divide the same training rows into train and validation.
_CONFIG = "random-split-1"
_FILES = {"train": "training", "test": "pristine-unseen-tables"}
_COLUMNS = ["id", "utterance", "context", "targetValue"]
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "|": "\\p"})


def load_wikitablequestions(settings: SourceSettings) -> Loaded:
    released = _released(settings)
    if released is None:
        rows = published(settings, HUB, configs=(_CONFIG,))
        return load_rows(rows, settings, lambda row: _problem(_of_hub(row), settings.split))
    tables = _Tables(released.parent.parent)
    return load_rows(_values(released), settings, lambda row: _problem(_of_release(row, tables), settings.split))


def _released(settings: SourceSettings) -> Path | None:
    """The file of questions, where the path is that of a release."""
    path = Path(settings.path or "")
    if settings.path and path.is_file() and path.name.endswith((".tsv", ".tsv.gz")):
        return path
    if not settings.path or not (path / "data").is_dir():
        return None
    name = _FILES.get(settings.split, settings.split)
    for file in (path / "data" / f"{name}.tsv", path / "data" / f"{name}.tsv.gz"):
        if file.is_file():
            return file
    raise InputError(f'{path}: split "{settings.split}": expected the file data/{name}.tsv, or .gz of it')


def _values(file: Path) -> Iterator[Value]:
    with opened(file) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                cells = line.decode("utf-8").rstrip("\r\n").split("\t")
            except UnicodeDecodeError as error:
                yield Value(file.name, number, None, f"not UTF-8 text (byte {error.start} of the line)")
                continue
            if number == 1:
                if cells != _COLUMNS:
                    raise InputError(f"{file}: expected the columns {', '.join(_COLUMNS)}")
            elif len(cells) != len(_COLUMNS):
                yield Value(file.name, number, None, f"expected {len(_COLUMNS)} columns, got {len(cells)}")
            else:
                yield Value(file.name, number, dict(zip(_COLUMNS, cells, strict=True)))


class _Tables:
    """The tables of a release by their names, `csv/200-csv/0.csv`; from the folder, or the archive beside it."""

    def __init__(self, root: Path) -> None:
        self._texts: dict[str, bytes] = {}
        if (root / "csv").is_dir():
            # Listed, not opened by name: a row can't point at another file.
            self._files = {file.relative_to(root).as_posix(): file for file in (root / "csv").glob("*/*.csv")}
            return
        self._files = {}
        archive = root / "csv.tar.gz"
        try:
            with tarfile.open(archive) as members:
                for member in members:
                    if member.isfile() and (file := members.extractfile(member)) is not None:
                        self._texts[member.name.removeprefix("./")] = file.read()
        except (OSError, EOFError, tarfile.TarError) as error:
            raise InputError(f"{root}: expected the tables, csv/ or csv.tar.gz ({error})") from error

    def __getitem__(self, name: str) -> str:
        if name in self._files:
            self._texts[name] = self._files[name].read_bytes()
        if name not in self._texts:
            raise BadRowError("context", f"no table {name}")
        return self._texts[name].decode("utf-8", "replace")


def _of_release(row: Row, tables: _Tables) -> tuple[str, str, list[list[str]]]:
    question, answer = text_field(row, "utterance"), text_field(row, "targetValue")
    # A quotation mark within a cell stands behind a backslash, as a backslash does.
    reader = csv.reader(io.StringIO(tables[text_field(row, "context")]), doublequote=False, escapechar="\\")
    return question, answer, list(reader)


def _of_hub(row: Row) -> tuple[str, str, list[list[str]]]:
    answers = list_field(row, "answers")
    if not answers:
        raise BadRowError("answers", "missing")
    table = row.get("table")
    header, rows = (table.get("header"), table.get("rows")) if isinstance(table, dict) else (None, None)
    if not isinstance(header, list) or not isinstance(rows, list):
        raise BadRowError("table", "expected header and rows")
    return text_field(row, "question"), "|".join(a.translate(_ESCAPES) for a in answers), [header, *rows]


def _problem(read: tuple[str, str, list[list[str]]], split: str) -> Problem:
    question, answer, table = read
    if len(table) < 2:
        raise BadRowError("table", "expected a header and at least one row")
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([" ".join(str(cell).split()) for cell in cells] for cells in table)
    instruction = f"Answer the question about the table.\nQuestion: {question}\nTable (CSV):\n{text.getvalue().strip()}"
    identity = question_id("wikitablequestions", instruction)
    return Problem(
        id=identity,
        dataset="wikitablequestions",
        task="Coding",
        instruction=instruction,
        references=(Reference(answer),),
        verifier="table",
        group=identity,
        split=split,
    )
