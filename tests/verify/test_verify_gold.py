"""Published reference answers against themselves, and against each other."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
from pathlib import Path

import pytest

from preftree.verify import find_answer, verify
from preftree.verify.answers import last_boxed
from preftree.verify.dress import normalise
from preftree.verify.mathematics import quick_mathematics

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def rows(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not here: set PREFTREE_DATA to the folder of published data")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_gsm8k_golds():
    golds = [find_answer(row["answer"], "Math_CoT") for row in rows("gsm8k_train/train.jsonl.gz")]
    for kind in ("math", "number"):
        assert all(verify(kind, gold, gold).correct for gold in golds)
    for gold, other in itertools.pairwise(golds):
        same = int(gold.replace(",", "")) == int(other.replace(",", ""))
        assert verify("number", gold, other).correct == same
        assert verify("math", gold, other).correct == same


def test_math_golds():
    from preftree.verify.symbolic import judge_symbolic

    golds = sorted({last_boxed(row["solution"]) for row in rows("math/test.jsonl.gz")})
    assert all(verify("math", gold, gold).correct for gold in golds)
    formulas = [gold for gold in golds if quick_mathematics(gold, "x+91") is None]
    sample = random.Random(0).sample(formulas, 250)
    # Past the quick path: each is read, and equal to itself by value.
    assert [g for g in sample if judge_symbolic(normalise(g), normalise(g))[0] != "correct"] == []
    assert [(a, b) for a, b in itertools.pairwise(sample) if verify("math", a, b).outcome != "wrong"] == []
