"""Files of problems: MATH, one's own JSONL, and what happens to rows that are broken."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from preftree.errors import InputError
from preftree.problems import SourceSettings, disjoint, load, normalise_question
from preftree.problems.math import last_box
from preftree.records import from_json, to_json

DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))
MATH = DATA / "math" / "test.jsonl.gz"


def write(path, *rows):
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return str(path)


def test_rows_of_ones_own(tmp_path):
    path = write(
        tmp_path / "mine.jsonl",
        {"problem": "What is 1+1?", "answer": 2},
        {"question": "Is 2 even?", "reference": True, "verifier": "boolean", "task": "Logic", "id": "even", "x": 1},
        {"problem": "In words: 3", "answer": ["three", "drei"], "verifier": "exact", "task": "Math_CoT"},
        {"problem": "2*3", "answer": "6", "program": "2*3", "rationale": "twice three", "tools": ["python", "wiki"]},
    )
    a, b, c, d = load(SourceSettings("jsonl", path=path)).problems
    assert (a.answer, a.verifier, a.task, a.tools, a.dataset) == ("2", "math", "Math_PoT", ("python",), "mine")
    assert (b.answer, b.id, b.verifier, b.group) == ("yes", "even", "boolean", "even")
    assert ([r.answer for r in c.references], c.tools) == (["three", "drei"], ())
    assert (d.references[0].program, d.references[0].rationale, d.tools) == ("2*3", "twice three", ("python", "wiki"))
    assert all(from_json(type(p), to_json(p)) == p for p in (a, b, c, d))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        pytest.param({"problem": "p"}, 'mine.jsonl row 2, field "answer": missing', id="missing"),
        pytest.param({"problem": "p", "answer": " "}, 'mine.jsonl row 2, field "answer": empty', id="empty"),
        pytest.param({"answer": "5"}, 'mine.jsonl row 2, field "problem": missing', id="no-problem"),
        pytest.param(
            {"problem": "p", "answer": {"x": 1}},
            'mine.jsonl row 2, field "answer": expected text, got dict',
            id="object",
        ),
        pytest.param(
            {"problem": "p", "answer": []}, 'mine.jsonl row 2, field "answer": an empty list', id="no-answers"
        ),
        pytest.param(
            {"problem": "p", "answer": "1", "task": "Maths"}, 'row 2, field "task": expected one of', id="task"
        ),
        pytest.param({"problem": "p", "answer": "1", "tools": "python"}, "expected a list of names", id="tools"),
        pytest.param('{"problem": ', "mine.jsonl row 2: not JSON", id="no-json"),
        pytest.param('["p", "1"]', "mine.jsonl row 2: expected a JSON object, got list", id="list"),
        pytest.param({"problem": "GOOD", "answer": "1"}, "the same problem as an earlier row", id="twice"),
    ],
)
def test_a_broken_row_is_set_aside_and_the_rest_goes_on(tmp_path, row, told):
    good = {"problem": "good", "answer": "1"}
    path = write(tmp_path / "mine.jsonl", good, row, "", {"problem": "other", "answer": "2"})
    loaded = load(SourceSettings("jsonl", path=path))
    assert [p.instruction for p in loaded.problems] == ["good", "other"]
    (bad,) = loaded.set_aside
    assert told in str(bad)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b'{"problem": "p"}\n', 'mine.jsonl row 1, field "answer": missing', id="no-good-row"),
        pytest.param(b"", "no row can be used", id="empty"),
        pytest.param(b'{"problem": "\xff"}', "not UTF-8", id="not-utf8"),
        pytest.param(None, "no .jsonl", id="missing"),
    ],
)
def test_a_file_that_gives_nothing_is_refused(tmp_path, content, told):
    path = tmp_path / "mine.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=told):
        load(SourceSettings("jsonl", path=str(path)))


def test_a_cut_archive_is_refused(tmp_path):
    path = tmp_path / "mine.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"problem": "p", "answer": "1"}\n' * 1000)[:40])
    with pytest.raises(InputError, match="broken gzip"):
        load(SourceSettings("jsonl", path=str(path)))


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        pytest.param(r"so $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}", id="nested"),
        pytest.param(r"\boxed{1} then \boxed{2}", "2", id="last"),
        pytest.param(r"\fbox{3}", "3", id="fbox"),
        pytest.param(r"$\boxed 5$.", "5", id="bare"),
        pytest.param(r"\boxed{\{1,2\}}", r"\{1,2\}", id="escaped"),
        pytest.param(r"\boxed{1", None, id="open"),
        pytest.param("five", None, id="none"),
    ],
)
def test_last_box(solution, answer):
    assert last_box(solution) == answer


@pytest.mark.skipif(not MATH.exists(), reason=f"{MATH} is not here: set PREFTREE_DATA")
def test_all_published_math_rows():
    loaded = load(SourceSettings("math", path=str(MATH), split="test"))
    # Every row gives a problem, or is named as the repeat of another.
    assert len(loaded.problems) + len(loaded.set_aside) == 3500
    assert all("the same problem" in bad.why for bad in loaded.set_aside)
    assert len(loaded.set_aside) <= 5


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("What is 1 + 1?", "what is  1 + 1", True),
        ("What is 1 + 1?", "What is 1 - 1?", False),
        ("Pay $1,000.", "Pay $1000", True),
        ("1.5 apples", "15 apples", False),
        ('the letter "a"', "the letter 'a'", True),
        ("2 \u2212 1", "2 - 1", True),
        ("gcd of 12, 3", "gcd of 123", False),
    ],
)
def test_normalise_question(a, b, same):
    assert (normalise_question(a) == normalise_question(b)) == same


def test_disjoint(tmp_path):
    rows = [{"problem": f"What is {i}?", "answer": "1"} for i in range(5)]
    path = write(tmp_path / "a.jsonl", *rows)
    other = write(tmp_path / "b.jsonl", {"problem": "what is 3", "answer": "1"}, {"problem": "new", "answer": "1"})
    training, held_out = (load(SourceSettings("jsonl", path=p)).problems for p in (path, other))
    result = disjoint(held_out, training)
    assert [p.instruction for p in result.kept] == ["new"]
    assert result.dropped == (held_out[0].id,)
