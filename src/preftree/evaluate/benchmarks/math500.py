"""MATH-500: the 500 problems of MATH that PRM800K keeps for testing (Lightman et al., 2023; MIT).

In:  the published rows, by their `unique_id`. Out: accuracy, also by level and subject; asked and graded as MATH.
"""

from __future__ import annotations

from preftree.evaluate.benchmark import Benchmark, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import ACCURACY_AND_STRINGS, MODES, ask_competition, graded, strings
from preftree.evaluate.benchmarks.math import competition_item, competition_reference
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.rows import Row, text_field


def _item(row: Row, place: int) -> Item:
    return competition_item(row, text_field(row, "unique_id"), "math500")


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


MATH500 = Benchmark(
    name="math500",
    published=Published(
        "HuggingFaceH4/MATH-500",
        "test",
        folders=("math500", "math", "MATH-500"),
        files=("math500_test.jsonl", "math500_test.jsonl.gz", "math_500.jsonl"),
    ),
    read=_read,
    rows=500,
    ask=ask_competition,
    grade=graded(strings),
    reference=competition_reference,
    modes=MODES,
    shots={"standard": 4},
    metrics=ACCURACY_AND_STRINGS,
    groups=("level", "subject"),
)
