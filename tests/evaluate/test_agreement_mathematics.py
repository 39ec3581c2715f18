"""GSM8K and MATH: our figures beside lm-evaluation-harness's and math-verify's of the same responses.

Their side is data (`benchmarks.agreement gsm8k`, `math`, which also compare the prompts). At most 0.5% of the verdicts
of a figure differ, and each that does stands here with its reason.
"""

import asyncio
import json
from pathlib import Path

import pytest

from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given
from preftree.evaluate.grading.harness import dollar_answer, minerva_answer, same_string
from preftree.evaluate.items import locate
from preftree.evaluate.registry import find_benchmark
from preftree.evaluate.scoring import open_bench
from preftree.verify import find_answer

FIGURES = {
    "gsm8k": ("strict_match", "flexible_extract", "hash_match", "math_verify"),
    "math": ("exact_match", "string_match", "hendrycks", "math_verify"),
}
# (benchmark, figure, place of the row from 0): why ours differs.
DIFFER: dict[tuple[str, str, int], str] = {}


def rows_of(name):
    text = (Path(__file__).parent / "verdicts" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def ours(data_dir, tmp_path_factory):
    """Our figures of each row, by benchmark; those of items that the data here lack are None."""

    async def one(bench, name, row, items):
        item = items.get(row["id"])
        if item is None:
            return None
        grade = await grade_given(find_benchmark(name), bench, item, Form("standard"), (row["response"],))
        found = (minerva_answer(row["response"]) if name == "math" else None) or find_answer(
            row["response"], "Math_CoT"
        )
        equal = found is not None and (await bench.engine.verdict("math", found, item.problem.answer)).correct
        figures = {figure: bool(value) for figure, value in grade.scores.items()}
        hendrycks = same_string(dollar_answer(row["response"]), item.problem.answer)
        return figures | {"math_verify": equal, "hendrycks": hendrycks}

    async def work():
        found = {}
        async with open_bench(tmp_path_factory.mktemp("grading")) as bench:
            for name in FIGURES:
                benchmark = find_benchmark(name)
                path = locate(name, benchmark.published, str(data_dir))
                items = {item.id: item for item in benchmark.read(path, benchmark.published).items}
                found[name] = await asyncio.gather(*(one(bench, name, row, items) for row in rows_of(name)))
        return found

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("name", "figure"), [(name, figure) for name, figures in FIGURES.items() for figure in figures]
)
def test_verdict_by_verdict(ours, name, figure):
    rows = rows_of(name)
    differ = {
        place
        for place, (row, mine) in enumerate(zip(rows, ours[name], strict=True))
        if mine is not None and mine[figure] != row["verdict"][figure]
    }
    assert differ == {place for of, which, place in DIFFER if (of, which) == (name, figure)}
    assert len(differ) <= 0.005 * len(rows)


@pytest.mark.parametrize("name", FIGURES)
def test_the_responses_are_right_and_wrong(name):
    rows = rows_of(name)
    assert sum(row["from"].startswith("SmolLM2") for row in rows) >= 100
    for figure in FIGURES[name]:
        share = sum(row["verdict"][figure] for row in rows) / len(rows)
        assert 0.02 < share < 0.9, figure
