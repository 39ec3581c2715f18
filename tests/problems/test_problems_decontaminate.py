"""Overlaps: planted ones are found, near misses stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.problems.decontaminate import ngram_overlaps, substring_overlaps

TEST = "A train leaves the station at noon and travels sixty miles an hour to the east."


@pytest.mark.parametrize(
    ("instruction", "found"),
    [
        pytest.param(TEST, True, id="whole"),
        pytest.param("Once, a TRAIN leaves the station -- at noon and! Then what?", True, id="eight-words"),
        pytest.param("A train leaves the station at noon or later.", False, id="seven-words"),
        pytest.param("The station leaves a train at noon.", False, id="other-order"),
        pytest.param("", False, id="empty"),
        pytest.param("What is two?", True, id="short-test-whole"),
        pytest.param("So tell me: what is two plus three and then some more?", False, id="short-test-inside"),
    ],
)
def test_ngrams(instruction, found):
    overlaps = ngram_overlaps(["nothing shared here", instruction], ["unrelated", TEST, "What is two", ""])
    assert [o.instruction for o in overlaps] == ([1] if found else [])


def test_evidence_names_the_test_and_the_words():
    (overlap,) = ngram_overlaps(["x y z " + TEST], ["unrelated", TEST])
    assert (overlap.test, overlap.evidence) == (1, "a train leaves the station at noon and")


def test_substrings():
    tests = ["def f(x):\n    return x", ""]
    found = substring_overlaps(["see def f(x): return x ok", "def f(y): return y", ""], tests)
    assert [(o.instruction, o.test) for o in found] == [(0, 0)]


words = st.lists(st.sampled_from("abc"), max_size=14).map(" ".join)


@given(st.lists(words, max_size=4), st.lists(words, max_size=4))
def test_agrees_with_a_plain_search(instructions, tests):
    def grams(text):
        split = text.split()
        return {tuple(split[i : i + 3]) for i in range(len(split) - 2)}

    expected = [
        i
        for i, text in enumerate(instructions)
        if any(grams(text) & grams(test) or (text and text == test) for test in tests)
    ]
    assert [o.instruction for o in ngram_overlaps(instructions, tests, n=3)] == expected
