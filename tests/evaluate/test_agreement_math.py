"""MATH's verdicts beside those of lm-evaluation-harness and math-verify, which `benchmarks.agreement math` keeps."""

import json
from pathlib import Path

import pytest
from math_bench import grades, real_items

from preftree.evaluate.benchmark import Form
from preftree.evaluate.grading.harness import dollar_answer, same_string

VERDICTS = Path(__file__).parent / "verdicts" / "math.jsonl"
ROWS = [json.loads(line) for line in VERDICTS.read_text("utf-8").splitlines()]
MOST = 0.005

# The rows (by number in the file, from 0) where ours differs, each with the reason.
DIFFERENCES: dict[str, dict[int, str]] = {
    "exact_match": {},
    "hendrycks": {},
    "string_match": {},
    "math_verify": {},
}


@pytest.fixture(scope="module")
def ours(data_dir, tmp_path_factory):
    items = {item.id: item for item in real_items("math", data_dir)}
    asked = [(items[row["id"]], Form("standard"), row["response"]) for row in ROWS]
    found = grades("math", asked, tmp_path_factory.mktemp("forest"))
    return [
        {
            **grade.scores,
            "math_verify": float(grade.verdict.correct),
            "hendrycks": float(same_string(dollar_answer(text), item.problem.answer)),
        }
        for grade, (item, _, text) in zip(found, asked, strict=True)
    ]


def test_there_are_real_answers_and_edited_ones():
    real = [row for row in ROWS if row["from"].startswith("SmolLM2")]
    assert len(real) >= 100
    assert len(ROWS) - len(real) >= 150


@pytest.mark.parametrize("name", DIFFERENCES)
def test_verdicts_agree(name, ours):
    theirs = [bool(row["verdict"][name]) for row in ROWS]
    assert 20 <= sum(theirs) <= len(theirs) - 20, "verdicts that are all alike would agree with anything"
    differ = {at for at, (a, b) in enumerate(zip(ours, theirs, strict=True)) if bool(a[name]) != b}
    assert differ == set(DIFFERENCES[name])
    assert len(differ) <= MOST * len(ROWS)
