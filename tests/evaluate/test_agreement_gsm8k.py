"""GSM8K's verdicts beside those of lm-evaluation-harness and math-verify, which `benchmarks.agreement gsm8k` keeps."""

import json
from pathlib import Path

import pytest
from math_bench import grades, real_items

from preftree.evaluate.benchmark import Form

VERDICTS = Path(__file__).parent / "verdicts" / "gsm8k.jsonl"
ROWS = [json.loads(line) for line in VERDICTS.read_text("utf-8").splitlines()]
MOST = 0.005

# The rows (by number in the file, from 0) where ours differs, each with the reason.
DIFFERENCES: dict[str, dict[int, str]] = {
    "strict_match": {},
    "flexible_extract": {},
    "hash_match": {},
    "math_verify": {},
}


@pytest.fixture(scope="module")
def ours(data_dir, tmp_path_factory):
    items = {item.id: item for item in real_items("gsm8k", data_dir)}
    asked = [(items[row["id"]], Form("standard"), row["response"]) for row in ROWS]
    found = grades("gsm8k", asked, tmp_path_factory.mktemp("forest"))
    return [{**grade.scores, "math_verify": float(grade.verdict.correct)} for grade in found]


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
