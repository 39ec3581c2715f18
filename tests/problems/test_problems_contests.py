"""CodeContests and TACO: tests and references of made rows, run in the jail; what the two share.

Neither data set is here with its tests: all rows below are made for these tests, in the hub's columns. TACO's
statements are real where they are.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from preftree.environment import EnvironmentSettings, Interpreter
from preftree.errors import InputError
from preftree.problems import SourceSettings, load
from preftree.problems.overlap import shared_problems, sketch
from preftree.problems.places import Place, values
from preftree.problems.programs import (
    MOST_CASES,
    MOST_CHARS,
    MOST_REFERENCES,
    bounded_cases,
    group_of_url,
    references_of,
)
from preftree.records import Case, Problem, Tests
from preftree.verify.code import judge_output, judge_test

CONTEST: dict[str, Any] = {
    "name": "9999_A. Made", "description": "Read an integer n and print n + 1.\n\nInput\n\nOne integer.",
    "public_tests": {"input": ["1\n"], "output": ["2\n"]}, "private_tests": {"input": ["41\n"], "output": ["42\n"]},
    "generated_tests": {"input": ["1\n", "7\n"], "output": ["2\n", "8\n"]}, "source": 2,
    "solutions": {"language": [1, 3, 2, 3], "solution": ["print input()+1", "print(int(input()) + 1)\n", "int main(){}",
                                                         "n = int(input())\nprint(n + 1)"]},
    "incorrect_solutions": {"language": [3], "solution": ["print(int(input()))\n"]},
    "cf_contest_id": 9999, "cf_index": "A", "input_file": "", "output_file": "",
}  # fmt: skip


def taco(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "question": "Read two words and print them in order.",
        "solutions": ["import sys\n\nprint(*sorted(sys.stdin.read().split()))"],
        "starter_code": "",
        "input_output": {"inputs": ["b a\n", ["c", "d"]], "outputs": ["a b\n", "c d"]},
        "url": "https://example.invalid/1",
    } | changes
    return {key: json.dumps(value) if key in ("solutions", "input_output") else value for key, value in row.items()}


FUNCTION = taco(
    question="Return the sum of a list.",
    solutions=["def total(xs):\n    return sum(xs)", "total = sum"],
    starter_code="def total(xs):\n\t",
    input_output={"fn_name": "total", "inputs": [[[1, 2]], [[]], [[0.5, 0.25]]], "outputs": [[3], 0, [0.75]]},
)
METHOD = taco(
    question="Reverse a list.",
    solutions=["class Solution:\n    def flip(self, xs: List[int]) -> List[int]:\n        return tuple(xs[::-1])"],
    starter_code="class Solution:\n    def flip(self, xs: List[int]) -> List[int]:\n        ",
    input_output={"fn_name": "flip", "inputs": [[[1, 2]], [[3]]], "outputs": [[[2, 1]], [3]]},
)


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def one(tmp_path, source, row):
    (problem,) = load(SourceSettings(source, path=write(tmp_path / "rows.jsonl", row))).problems
    return problem


# ---------------------------------------------------------------- rows to problems


def test_a_row_of_codecontests(tmp_path):
    problem = one(tmp_path, "codecontests", CONTEST)
    assert problem.tests == Tests(cases=tuple(Case(f"{n}\n", (f"{n + 1}\n",)) for n in (1, 41, 7)))
    programs = [reference.program for reference in problem.references]
    assert programs == ["print(int(input()) + 1)", "n = int(input())\nprint(n + 1)"]
    assert (problem.task, problem.verifier, problem.group) == ("Coding", "code", "codeforces/9999/A")


def test_a_row_of_another_site_is_its_own_group(tmp_path):
    problem = one(tmp_path, "codecontests", {**CONTEST, "cf_contest_id": 0, "cf_index": ""})
    assert problem.group == problem.id
    without = one(tmp_path, "codecontests", {**CONTEST, "solutions": {"language": [2], "solution": ["int main(){}"]}})
    assert without.references == ()


def test_rows_of_taco(tmp_path):
    printed = one(tmp_path, "taco", taco())
    assert printed.tests == Tests(cases=(Case("b a\n", ("a b\n",)), Case("c\nd", ("c d",))))
    function = one(tmp_path, "taco", FUNCTION)
    assert function.tests is not None
    assert function.tests.names == ("total",)
    assert function.tests.code == (
        "assert same(total([1, 2]), [3], 3)\nassert same(total([]), 0)\nassert same(total([0.5, 0.25]), [0.75], 0.75)"
    )
    assert function.instruction == "Return the sum of a list.\n\nBegin with:\ndef total(xs):"
    assert len(function.references) == 2
    method = one(tmp_path, "taco", METHOD)
    assert method.tests is not None
    assert method.tests.names == ("Solution",)
    assert method.tests.code.startswith("assert same(Solution().flip([1, 2]), [[2, 1]], [2, 1])")
    assert "Begin with:\nfrom typing import List\n\nclass Solution:" in method.instruction
    assert method.references[0].program.startswith("from typing import List\n")
    unnamed = one(tmp_path, "taco", json.loads(json.dumps(FUNCTION)) | {"starter_code": ""})
    assert unnamed.instruction.endswith("Name the function `total`.")


def test_tests_that_have_yet_to_be_written(tmp_path):
    problem = one(tmp_path, "taco", taco(input_output={}))
    assert problem.tests == Tests()
    assert problem.references
    assert one(tmp_path, "taco", taco() | {"input_output": ""}).tests == Tests()


BROKEN = [
    ("codecontests", {**CONTEST, "description": ""}, 'field "description": empty'),
    ("codecontests", {**CONTEST, "input_file": "in.txt"}, "expected standard input and output, got the file in.txt"),
    ("codecontests", {**CONTEST, "public_tests": {"input": ["1"], "output": []}}, "lists input and output of one"),
    ("codecontests", {**CONTEST, "public_tests": [1]}, 'field "public_tests": expected lists input and output'),
    ("codecontests", {**CONTEST, "solutions": {"language": [3], "solution": [4]}}, 'field "solutions": expected texts'),
    (
        "codecontests",
        {**CONTEST, **{f"{kind}_tests": None for kind in ("public", "private", "generated")}},
        "no test, or none that is small enough",
    ),
    ("taco", taco(question=""), 'field "question": empty'),
    ("taco", taco() | {"solutions": "[1"}, 'field "solutions": no JSON'),
    ("taco", taco(solutions={"a": 1}), 'field "solutions": expected a JSON list of texts'),
    ("taco", taco() | {"input_output": "{"}, 'field "input_output": no JSON'),
    ("taco", taco(input_output=[1]), "expected a JSON object, got list"),
    ("taco", taco(input_output={"inputs": ["1"], "outputs": []}), "expected lists inputs and outputs of one length"),
    ("taco", taco(input_output={}, solutions=[]), "no test, and no solution in Python 3"),
    ("taco", taco(input_output={}, solutions=["print 1"]), "no test, and no solution in Python 3"),
    ("taco", taco(input_output={"fn_name": "f", "inputs": [], "outputs": []}), "no test for the function f"),
    ("taco", taco(input_output={"fn_name": "f(", "inputs": [[1]], "outputs": [1]}), "expected the name of a function"),
    ("taco", taco(input_output={"fn_name": "f", "inputs": ["1"], "outputs": [1]}), "a list of arguments of f, got str"),
    ("taco", taco(input_output={"fn_name": "f", "inputs": [[float("inf")]], "outputs": [1]}), "none of plain values"),
    ("taco", taco(solutions=["def f(n):\n    return n"]), "inputs for standard input, which no solution reads"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "row", "told"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_row_is_set_aside(tmp_path, source, row, told):
    good = CONTEST | {"description": "another"} if source == "codecontests" else taco(question="another")
    loaded = load(SourceSettings(source, path=write(tmp_path / "rows.jsonl", row, good)))
    assert len(loaded.problems) == 1
    (bad,) = loaded.set_aside
    assert str(bad).startswith("rows.jsonl row 1, field ")
    assert told in str(bad)


def test_rows_with_a_judge_of_their_own_are_set_aside(tmp_path):
    write(tmp_path / "rows.jsonl", *(taco(question=f"{n}") for n in range(3)))
    write(tmp_path / "output_spj.jsonl", *({"idx": n, "special_judge": n == 1, "case": n} for n in range(3)))
    loaded = load(SourceSettings("taco", path=str(tmp_path)))
    assert sorted(problem.instruction for problem in loaded.problems) == ["0", "2"]
    assert [str(bad) for bad in loaded.set_aside] == [
        "rows.jsonl row 2: output_spj.jsonl says that its output needs a judge of its own"
    ]


def test_bounds():
    many = [(str(n), "x") for n in range(MOST_CASES + 9)]
    assert [case.input for case in bounded_cases(many)] == [str(n) for n in range(MOST_CASES)]
    large = "9" * (MOST_CHARS - 10)
    pairs = [("1", "2"), (large, "1"), (large, "1" * 20), ("1", "3"), ("4", "5"), ("six", "too large")]
    assert [case.input for case in bounded_cases(pairs)] == ["1", large, "4"]
    programs = [f"print({n})" for n in range(MOST_REFERENCES + 3)]
    assert len(references_of([*programs[:1], *programs])) == MOST_REFERENCES


# ---------------------------------------------------------------- gold programs in the jail


def test_gold_programs_pass_and_wrong_ones_do_not(tmp_path):
    """Every reference against the tests of its problem, and one wrong program each."""
    rows = (
        ("codecontests", CONTEST, "print(int(input()) + 2)"),
        ("taco", taco(), "print(input())"),
        ("taco", FUNCTION, "def total(xs):\n    return len(xs)"),
        ("taco", METHOD, "class Solution:\n    def flip(self, xs):\n        return xs"),
    )

    async def outcomes():
        async with Interpreter(EnvironmentSettings()) as interpreter:
            for source, row, wrong in rows:
                problem = one(tmp_path, source, row)
                for program in [reference.program for reference in problem.references]:
                    assert await judged(interpreter, problem, program) == "correct", program
                assert await judged(interpreter, problem, wrong) == "wrong", wrong

    asyncio.run(outcomes())


async def judged(interpreter, problem, program):
    if problem.tests.code:
        return judge_test(await interpreter.test(program, problem.tests))[0]
    for case in problem.tests.cases:
        outcome = judge_output(await interpreter.run_program(program, case.input), case.outputs)[0]
        if outcome != "correct":
            return outcome
    return "correct"


# ---------------------------------------------------------------- limits, files


def test_a_limit_draws_the_same_rows_in_any_order(tmp_path):
    rows = [CONTEST | {"description": f"Problem {n}."} for n in range(30)]

    def drawn(name, rows, **more):
        path = write(tmp_path / name, *rows)
        return [problem.id for problem in load(SourceSettings("codecontests", path=path, **more)).problems]

    ten = drawn("a.jsonl", rows, limit=10)
    assert drawn("b.jsonl", rows[::-1], limit=10) == ten
    assert drawn("a.jsonl", rows, limit=5) == ten[:5]
    assert drawn("a.jsonl", rows, limit=5, offset=5) == ten[5:]
    assert drawn("a.jsonl", rows, limit=10, seed=1) != ten
    assert len(drawn("a.jsonl", rows)) == 30


def test_what_is_not_needed_of_a_large_row_is_not_read(tmp_path):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([CONTEST, CONTEST | {"description": "another"}]), path)
    (first, _) = values(Place(str(path)), columns=("description", "solutions", "no such column"))
    assert first.content.keys() == {"description", "solutions"}
    loaded = load(SourceSettings("codecontests", path=str(path)))
    assert len(loaded.problems) == 2
    assert all(len(problem.references) == 2 for problem in loaded.problems)


# ---------------------------------------------------------------- the overlap of the two


def problem(identity, text, group=""):
    return Problem(identity, identity.split("/")[0], "Coding", text, (), verifier="code", group=group)


WORDS = "You are given {} stones of weights between one and {} and a scale that breaks under more than {} pounds"
LONG = ". ".join(WORDS.format(n, n * n, n + 7) for n in range(2, 9))
OTHER = LONG.replace("scale", "bridge").replace("stones", "carts").replace("one", "two")


@pytest.mark.parametrize(
    ("one", "two", "why"),
    [
        pytest.param(("Print  n.", ""), ("print 'n'", ""), "the same statement", id="normalised"),
        pytest.param(("Print n.", "codeforces/1/A"), ("Say n.", "codeforces/1/A"), "codeforces/1/A", id="named"),
        pytest.param((LONG, ""), (LONG.replace("and", "$and$") + " Print.", ""), "half of its 8-grams", id="near"),
        pytest.param((LONG, "codeforces/1/A"), (LONG + " Print it.", ""), "half of its 8-grams", id="near-one-named"),
        pytest.param((LONG, "codeforces/1/A"), (LONG + " Print it.", "codeforces/1/B"), None, id="near-but-another"),
        pytest.param((LONG, "codeforces/1/A"), (LONG, "codeforces/2/C"), "the same statement", id="in-two-contests"),
        pytest.param((LONG, ""), (OTHER, ""), None, id="far"),
        pytest.param(("Print n times the word.", ""), ("Print n times the words.", ""), None, id="short"),
    ],
)  # fmt: skip
def test_shared_problems(one, two, why):
    found = shared_problems([sketch(problem("codecontests/1", *one))], [sketch(problem("taco/1", *two))])
    assert [(shared.id, shared.first, shared.why) for shared in found] == (
        [("taco/1", "codecontests/1", why)] if why else []
    )


@pytest.mark.parametrize(
    ("url", "group"),
    [
        ("https://codeforces.com/problemset/problem/1101/A", "codeforces/1101/A"),
        ("http://www.codeforces.com/contest/1101/problem/a1", "codeforces/1101/A1"),
        ("https://codeforces.com/contest/1101", None),
        ("https://atcoder.jp/contests/abc001/tasks/abc001_a", None),
        ("", None),
    ],
)
def test_addresses_of_codeforces(url, group):
    assert group_of_url(url) == group


def test_shared_problems_among_real_statements(data_dir):
    """A thousand of TACO's statements, in plain signs and other headings: all are found, hardly any other is."""
    path = data_dir / "taco" / "taco_generation_example.json.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not here (set PREFTREE_DATA)")
    rows = json.loads(gzip.decompress(path.read_bytes()))
    texts = [row["prompt"].partition("QUESTION:\n")[2].partition("\nUse ")[0] for row in rows]
    plain = [re.sub(r"-----(\w+)-----", r"\1", re.sub(r"\\\w+", "", text.replace("$", ""))) for text in texts]
    ours = [sketch(problem(f"taco/{n}", text)) for n, text in enumerate(texts)]
    theirs = [sketch(problem(f"codecontests/{n}", text)) for n, text in enumerate(plain)]
    assert len(shared_problems(theirs, ours)) >= 990
    # Five pairs among the thousand are alike: two the same, three of a series.
    assert len(shared_problems(ours[:500], ours[500:])) <= 5


def test_a_source_that_gives_nothing_names_the_first_reason(tmp_path):
    with pytest.raises(InputError, match=r'no row can be used, for one rows.jsonl row 1, field "question": missing'):
        load(SourceSettings("taco", path=write(tmp_path / "rows.jsonl", {"prompt": "p"})))
