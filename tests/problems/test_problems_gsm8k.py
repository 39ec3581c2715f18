"""GSM8K: published rows, the calculator marks as programs, the packaged slice."""

from __future__ import annotations

import gzip
import json
import os
import textwrap
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest

from preftree.problems import SourceSettings, load
from preftree.problems.calculator import evaluate, program_of
from preftree.problems.gsm8k import problem_of
from preftree.problems.slice import choose
from preftree.verify import verify

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRAIN = DATA / "gsm8k_train" / "train.jsonl.gz"
needs_train = pytest.mark.skipif(not TRAIN.exists(), reason=f"{TRAIN} is not here: set PREFTREE_DATA")

CLIPS = "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nNatalia sold 48+24 = <<48+24=72>>72 clips altogether."

# The question gives a 5, and the first step makes one: each stands once.
GIVEN_AND_RESULT = "# Step 1: x y\na = 2+3\n# Step 2: x y\na*5"


def train_rows():
    with gzip.open(TRAIN, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run(program: str) -> object:
    *lines, last = program.split("\n")
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    return eval(last, names)


def test_a_rationale_becomes_a_program():
    question = "Natalia sold clips to 48 of her friends in April, and half as many in May. How many in all?"
    assert program_of(CLIPS, "72", question) == textwrap.dedent("""\
        # Step 1: clips in May
        a = 48/2
        # Step 2: clips altogether
        48+a""")


@pytest.mark.parametrize(
    ("rationale", "answer", "question", "program"),
    [
        pytest.param("<<48/2=25>>25", "25", "", None, id="false-mark"),
        pytest.param("<<48/2=24>>24", "25", "", None, id="another-answer"),
        pytest.param("no marks", "5", "", None, id="no-marks"),
        pytest.param("<<2**9=512>>", "512", "", None, id="power"),
        pytest.param("<<__import__('os')=1>>", "1", "", None, id="code"),
        pytest.param("<<1/0=1>>", "1", "", None, id="zero"),
        pytest.param("<<1/3=0.33>>0.33 each", "0.33", "", None, id="rounded"),
        pytest.param("It is <<20%*50=10>>10 apples", "10", "", "# Step 1: apples\n(20/100)*50", id="percent"),
        pytest.param("= $<<1,000+.5=1000.50>> pay now", "1000.5", "", "# Step 1: pay now\n1000+0.5", id="spelling"),
        pytest.param("<<+3+4=7>>7 red pens. <<7=7>>", "7", "", "# Step 1: red pens\n+3+4", id="plain-number-mark"),
        pytest.param("<<2+3=5>>5 x y\n<<5*5=25>>25 x y", "25", "by 5", GIVEN_AND_RESULT, id="given-and-result"),
    ],
)  # fmt: skip
def test_marks(rationale, answer, question, program):
    assert program_of(rationale, answer, question) == program


@pytest.mark.parametrize(
    ("tokens", "value"),
    [
        ("2 + 3 * 4", 14),
        ("( 2 + 3 ) * 4", 20),
        ("8 - 3 - 2", 3),
        ("8 / 4 / 2", 1),
        ("- 3 + 5", 2),
        ("1 / 3", Fraction(1, 3)),
        ("2 +", None),
        ("( 2", None),
        ("2 3", None),
        ("1 / 0", None),
    ],
)
def test_evaluate(tokens, value):
    assert evaluate(tuple(tokens.split())) == value


def test_the_packaged_slice():
    loaded = load(SourceSettings("gsm8k"))
    assert len(loaded.problems) == loaded.with_program == 400
    assert not loaded.set_aside
    for problem in loaded.problems:
        (reference,) = problem.references
        assert verify(problem.verifier, repr(run(reference.program)), reference.answer).correct
        assert reference.rationale
        assert len(problem.instruction) <= 220
        assert reference.program.count("# Step") <= 4
    files = resources.files("preftree.problems") / "data"
    assert len((files / "gsm8k_slice.jsonl").read_bytes()) < 300_000
    assert "MIT License" in (files / "LICENSE-gsm8k.md").read_text("utf-8")


def test_draws_with_one_seed_do_not_overlap():
    def draw(**settings):
        return {p.id for p in load(SourceSettings("gsm8k", limit=100, **settings)).problems}

    assert draw() == draw()
    assert len(draw()) == 100
    assert not draw() & draw(offset=100)
    assert draw() != draw(seed=1)


@needs_train
def test_the_slice_is_made_again_from_the_published_rows():
    packaged = (resources.files("preftree.problems") / "data" / "gsm8k_slice.jsonl").read_text("utf-8")
    assert [json.loads(line) for line in packaged.splitlines()] == choose(train_rows())


@needs_train
def test_all_published_rows():
    problems = [problem_of(row, "train") for row in train_rows()]
    programs = [(p.references[0].program, p.answer) for p in problems if p.references[0].program]
    assert len({p.id for p in problems}) == len(problems) == 7473
    assert len(programs) == 6876
    for program, answer in programs:
        assert verify("number", repr(run(program)), answer).correct
