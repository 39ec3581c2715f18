"""The paper's rules of growing (UltraInteract, section 2 of arXiv 2404.02078), each with the test that holds it.

`rules.tsv`: a rule a line, as restated in our own words, the file and the name of its test.
"""

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _table():
    with (Path(__file__).parent / "rules.tsv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("row", _table(), ids=lambda row: row["id"])
def test_every_rule_names_a_test_that_there_is(row):
    text = (ROOT / row["file"]).read_text("utf-8")
    assert re.search(rf"^def {row['test']}\(", text, re.MULTILINE), row["test"]


def test_every_rule_stands_once():
    names = [row["id"] for row in _table()]
    assert len(names) == len(set(names))
