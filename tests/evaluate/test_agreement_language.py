"""BBH, MMLU and IFEval: our verdicts beside lm-evaluation-harness's on the same responses.

Their side is data (`benchmarks.agreement bbh`, `mmlu`, `ifeval`). At most 0.5% of the verdicts differ, and each that
does stands here with its reason.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given, likeliest
from preftree.evaluate.items import locate
from preftree.evaluate.registry import find_benchmark
from preftree.records import Sample
from preftree.verify.instructions import followed

# (benchmark, place of the row from 0, what of it): why ours differs.
_NO_LETTER = (
    "six exclamation marks are asked for; the harness draws a random letter in the place of one that is no letter"
)
DIFFER: dict[tuple[str, int, str], str] = {
    ("ifeval", 115, "strict 0"): _NO_LETTER,
    ("ifeval", 115, "loose 0"): _NO_LETTER,
}


def rows_of(name):
    text = (Path(__file__).parent / "verdicts" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


@pytest.fixture(scope="module")
def grading(data_dir, tmp_path_factory):
    """The verdicts of some work over the items of a benchmark that the data here have."""

    def run(name, one):
        benchmark = find_benchmark(name)
        path = locate(name, benchmark.published, str(data_dir))
        items = {item.id: item for item in benchmark.read(path, benchmark.published).items}

        async def work():
            async with open_bench(tmp_path_factory.mktemp("grading")) as bench:
                rows = enumerate(rows_of(name))
                asked = [(place, row, items[row["id"]]) for place, row in rows if row["id"] in items]
                found = await asyncio.gather(*(one(benchmark, bench, item, row) for _, row, item in asked))
                return {place: verdict for (place, _, _), verdict in zip(asked, found, strict=True)}

        return asyncio.run(work())

    return run


def check(name, ours, theirs):
    """`ours` and `theirs`: (place, what) to a verdict."""
    differ = {(name, *key) for key in ours if ours[key] != theirs[key]}
    assert differ == {key for key in DIFFER if key[0] == name}
    assert len(differ) <= 0.005 * len(ours)
    assert 0.05 < sum(theirs.values()) / len(theirs) < 0.95  # both verdicts are there


def test_bbh(grading):
    async def one(benchmark, bench, item, row):
        return (await grade_given(benchmark, bench, item, Form("standard"), (row["response"],))).verdict.correct

    ours = {(place, ""): verdict for place, verdict in grading("bbh", one).items()}
    check("bbh", ours, {(place, ""): row["verdict"] for place, row in enumerate(rows_of("bbh"))})


def test_mmlu(grading):
    async def one(benchmark, bench, item, row):
        form = Form("standard", row["mode"])
        response = row["response"]
        if row["mode"] == "choice":
            scored = [Sample(i, text, 0, 0, logprobs=(sum_,)) for i, (text, sum_) in enumerate(response.items())]
            response, _ = likeliest(scored)
        return (await grade_given(benchmark, bench, item, form, (response,))).verdict.correct

    rows = rows_of("mmlu")
    ours = {(place, rows[place]["mode"]): verdict for place, verdict in grading("mmlu", one).items()}
    check("mmlu", ours, {(place, row["mode"]): row["verdict"] for place, row in enumerate(rows)})
    assert {row["mode"] for row in rows} == {"text", "choice"}


def test_ifeval(grading):
    async def one(benchmark, bench, item, row):
        rulings = {}
        for kind in ("strict", "loose"):
            verdict = await bench.engine.verdict(f"ifeval-{kind}", row["response"], item.problem.answer)
            rulings[kind] = followed(verdict.why) or [False] * len(row["verdict"][kind])
        return rulings

    rows = rows_of("ifeval")
    ours, theirs = {}, {}
    for place, rulings in grading("ifeval", one).items():
        for kind, flags in rulings.items():
            for at, (mine, other) in enumerate(zip(flags, rows[place]["verdict"][kind], strict=True)):
                ours[place, f"{kind} {at}"], theirs[place, f"{kind} {at}"] = mine, other
    check("ifeval", ours, theirs)


@pytest.mark.parametrize("name", ["bbh", "mmlu", "ifeval"])
def test_the_responses_are_of_all_kinds(name):
    kinds = Counter(row["from"] for row in rows_of(name))
    assert kinds["SmolLM2-135M-Instruct"] >= 50
    assert sum(kinds.values()) - kinds["SmolLM2-135M-Instruct"] >= 150
