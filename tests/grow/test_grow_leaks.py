"""Critiques that give the answer away: a table of both kinds, programs, outputs of tests, a published row."""

import csv
import json
from pathlib import Path

import pytest

from preftree.grow.leaks import gives_away, leaks
from preftree.records import Case, Problem, Reference, Tests


def _table():
    with (Path(__file__).parent / "leaks.tsv").open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


@pytest.mark.parametrize("row", list(_table()), ids=lambda row: row["id"])
def test_leaks(row):
    said = [row["said"].replace("\\n", "\n")] if row["said"] else []
    assert leaks(row["critique"], row["answer"], said, row["verifier"]) is (row["leaked"] == "yes")


_PROGRAM = "def solve(values):\n    return sorted(values)[-1] - sorted(values)[0]  # the span\n\nprint(solve([1, 2]))"


@pytest.mark.parametrize(
    ("critique", "said", "leaked"),
    [
        pytest.param("Write return sorted(values)[-1] - sorted(values)[0] here.", "", True, id="a-line"),
        pytest.param("Use `return sorted(values)[-1]-sorted(values)[0]`.", "", True, id="a-line-with-other-blanks"),
        pytest.param(
            "Your return sorted(values)[-1] - sorted(values)[0] is fine.",
            "return sorted(values)[-1] - sorted(values)[0]",
            False,
            id="a-line-that-the-actor-wrote",
        ),
        pytest.param("Take the last less the first of the sorted values.", "", False, id="in-words"),
        pytest.param("For that input it prints 48213.", "", True, id="an-output"),
        pytest.param("For that input it prints 48213.", "Example: 48213", False, id="an-output-that-the-task-shows"),
        pytest.param("It should print 7 lines.", "", False, id="a-short-output"),
    ],
)
def test_of_code_the_solution_and_the_outputs_are_hidden(critique, said, leaked):
    tests = Tests(cases=(Case("1", ("48213\n",)), Case("2", ("7",))))
    problem = Problem("p", "d", "Coding", "Do it.", (Reference("", program=_PROGRAM),), verifier="code", tests=tests)
    assert gives_away(critique, problem, [said]) is leaked


def test_every_reference_counts():
    problem = Problem("p", "d", "Math_CoT", "Find x.", (Reference("3"), Reference("-3")), tools=())
    assert gives_away("It is -3.", problem, ["Find x."])


def test_a_published_critique_that_gives_the_answer_away(data_dir):
    """FACTS section 1: the second critique of this row says "right answer -4 and -6j"; the first one is innocent."""
    row = json.loads((data_dir / "ultrainteract" / "readme_examples_pair.jsonl").read_text("utf-8").splitlines()[0])
    values = [message["value"] for message in row["trajectory"]]
    found = []
    for at in (2, 4):
        shown, critique = values[at].split("Your answer is wrong.\n")
        found.append(leaks(critique, "-4-6i", [*values[:at], shown]))
    assert found == [False, True]
