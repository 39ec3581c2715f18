"""The generated families: every program computes its answer, sizes and repeats are as said."""

from __future__ import annotations

import re

import pytest

from preftree.errors import InputError
from preftree.problems import SourceSettings, disjoint, families, load, normalise_question
from preftree.problems.generated import FAMILIES, Family, chain_sum


def run(program: str) -> object:
    """The value of the last expression; the programs are ours, so plain exec serves."""
    *lines, last = program.split("\n")
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    return eval(last, names)


def drawn(family, **settings):
    return load(SourceSettings("reasoning_gym", families=(family,), **settings)).problems


@pytest.mark.parametrize("family", families())
def test_programs_compute_their_answers(family):
    from preftree.records import Observation
    from preftree.verify import answer_of_observation, verify

    problems = drawn(family, limit=150)
    assert len(problems) == 150
    for problem in problems:
        (reference,) = problem.references
        given = answer_of_observation(Observation("ok", value=repr(run(reference.program))))
        assert verify(problem.verifier, given, reference.answer).correct, problem
        assert re.search(r"^# Step 1: ", reference.program, re.M)
        # It computes: the answer stands in no line of it alone.
        assert reference.answer not in [line.strip("'\"") for line in reference.program.split("\n")]
        # A letter and a sign or two are a token: about 80 tokens at most.
        assert len(reference.program) < 260
        assert problem.dataset == family
        assert problem.group == problem.id


@pytest.mark.parametrize("family", families())
def test_questions_are_distinct_and_the_same_each_time(family):
    problems = drawn(family, limit=60, seed=3)
    assert len({normalise_question(p.instruction) for p in problems}) == 60
    assert len({p.id for p in problems}) == 60
    assert problems == drawn(family, limit=60, seed=3)
    assert problems[20:] == drawn(family, limit=40, offset=20, seed=3)
    assert problems != drawn(family, limit=60, seed=4)
    assert problems != drawn(family, limit=60, seed=3, split="test")


def test_neighbouring_seeds_share_hardly_a_row():
    a, b = (drawn("gcd", limit=100, seed=seed) for seed in (0, 1))
    assert len(disjoint(a, b).kept) > 95


def test_a_family_that_runs_dry_gives_what_it_has(monkeypatch):
    tiny = Family(chain_sum, config={"min_terms": 2, "max_terms": 2, "max_digits": 1})
    monkeypatch.setitem(FAMILIES, "chain_sum", tiny)
    # Two digits and a sign: 200 questions at most.
    assert 100 < len(drawn("chain_sum", limit=500)) <= 200


def test_all_families_together():
    problems = load(SourceSettings("reasoning_gym", limit=2)).problems
    assert [p.dataset for p in problems[::2]] == list(families())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            SourceSettings("reasoning_gym", families=("gdc",)), 'no family "gdc"; there are basic', id="family"
        ),
        pytest.param(SourceSettings("reasoning_gym", path="x"), "it generates its problems", id="path"),
        pytest.param(SourceSettings("gsm"), 'no source is named "gsm"; there are codecontests, ', id="source"),
        pytest.param(SourceSettings("gsm8k", limit=0), "limit: expected 1 or more, got 0", id="limit"),
        pytest.param(SourceSettings("gsm8k", offset=-1), "offset: expected 0 or more", id="offset"),
        pytest.param(SourceSettings("gsm8k", families=("gcd",)), "has no families", id="no-families"),
        pytest.param(SourceSettings("reclor"), "path: expected train.json, which its owners give", id="no-path"),
    ],
)
def test_wrong_settings_are_told(settings, message):
    with pytest.raises(InputError, match=re.escape(message)):
        load(settings)
