"""The files of a report, each whole or absent.

In:  a page, its Markdown, its results, its figures. Out: report.html, report.md, results.json, figures/NAME.svg, .csv.
Always true: results.json is written last and names the figures; those that it named before and that are no more are
removed, and nothing else is.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.report.charts import Figure
from preftree.report.standalone import document, table


@dataclass(frozen=True, slots=True)
class Written:
    results: Path
    page: Path
    markdown: Path
    figures: tuple[Path, ...]


def write_files(out: Path, results: Mapping[str, Any], page: str, markdown: str, figures: Sequence[Figure]) -> Written:
    before = _named(out / "results.json")
    folder = out / "figures"
    (folder if figures else out).mkdir(parents=True, exist_ok=True)
    drawn = []
    for figure in figures:
        drawn.append(write_whole(folder / f"{figure.file}.svg", document(figure)))
        write_whole(folder / f"{figure.file}.csv", table(figure))
    names = [figure.file for figure in figures]
    for name in before - set(names):
        for ending in (".svg", ".csv"):
            (folder / f"{name}{ending}").unlink(missing_ok=True)
    written_page, written_text = write_whole(out / "report.html", page), write_whole(out / "report.md", markdown)
    data = json.dumps(_finite({**results, "figures": names}), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return Written(write_whole(out / "results.json", data), written_page, written_text, tuple(drawn))


def _named(path: Path) -> set[str]:
    """The figures that a page in this place had, as far as their names are ours."""
    if not path.is_file():
        return set()
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError:
        return set()  # whatever it is, it is written anew
    names = found.get("figures") if isinstance(found, dict) else None
    return {str(name) for name in names or () if re.fullmatch(r"[a-z0-9_-]+", str(name))}


def write_whole(path: Path, content: str) -> Path:
    """Into a file beside it, which then takes its name: a reader, or a crash, sees the old one or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: what could not be computed is null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
