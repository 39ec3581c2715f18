"""Every rule on a table of answers, equal and unequal, made by hand: `pairs.tsv`, read its head first."""

from __future__ import annotations

from pathlib import Path

import pytest

from preftree.verify import VERIFIERS, verify
from preftree.verify.registry import verify_quickly

LINES = (Path(__file__).parent / "pairs.tsv").read_text("utf-8").split("\n")
ROWS = [
    (number, *(field.replace("␤", "\n") for field in line.split("\t")))
    for number, line in enumerate(LINES, start=1)
    if line and not line.startswith("#")
]
PAIRS = [pytest.param(*row[1:5], id=f"line-{row[0]}") for row in ROWS]


@pytest.mark.parametrize(("kind", "answer", "reference", "outcome"), PAIRS)
def test_pair(kind, answer, reference, outcome):
    verdict = verify(kind, answer, reference)
    assert (verdict.outcome, verdict.answer) == (outcome, answer), verdict.why
    assert verdict.why


@pytest.mark.parametrize(("kind", "answer", "reference", "outcome"), PAIRS)
def test_the_quick_part_never_contradicts(kind, answer, reference, outcome):
    quick = verify_quickly(kind, answer, reference)
    assert quick is None or quick.outcome == outcome


def test_the_table_is_whole():
    assert all(len(row) == 6 and row[5] for row in ROWS)
    assert len({row[1:4] for row in ROWS}) == len(ROWS)
    assert {row[1] for row in ROWS} == set(VERIFIERS) - {"code"}
    assert {row[4] for row in ROWS} == {"correct", "wrong", "undecided"}
    for kind in set(VERIFIERS) - {"code"}:
        assert {"correct", "wrong"} <= {row[4] for row in ROWS if row[1] == kind}


@pytest.mark.parametrize("reference", sorted({row[3] for row in ROWS if row[1] == "math" and row[4] == "correct"}))
def test_a_reference_equals_itself_past_the_quick_part(reference):
    from preftree.verify.dress import normalise
    from preftree.verify.mathematics import quick_mathematics
    from preftree.verify.symbolic import judge_symbolic

    if quick_mathematics("x+91", reference) is None:
        assert judge_symbolic(normalise(reference), normalise(reference))[0] == "correct"
