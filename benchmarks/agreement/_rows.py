"""What the agreement modules share: items of the data at hand, and rows of responses in a file.

In:  the name of a benchmark. Out: its items; `tests/evaluate/verdicts/<name>.jsonl`, a row a response.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VERDICTS = Path(__file__).parents[2] / "tests" / "evaluate" / "verdicts"
DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def items_of(name: str) -> list[Any]:
    """All items of a benchmark in the folder of data sets."""
    from preftree.evaluate.items import read_from
    from preftree.evaluate.registry import find_benchmark

    return list(read_from(find_benchmark(name), str(DATA)).items)


def write(name: str, rows: Iterable[dict[str, Any]]) -> None:
    VERDICTS.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (VERDICTS / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{name}: {len(lines)} responses")


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VERDICTS / f"{name}.jsonl").read_text("utf-8").split("\n") if line]
