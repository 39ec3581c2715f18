"""HumanEval, MBPP, LeetCode: how each protocol asks, what is run of an answer, and what can't be forged."""

import asyncio
import gzip
import json

import pytest

from preftree.errors import InputError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given
from preftree.evaluate.grading.code import code_in
from preftree.evaluate.items import locate
from preftree.evaluate.registry import find_benchmark

APRIL, SEPTEMBER, STANDARD = "eurus-2024-04", "eurus-2024-09", "standard"
ADD = {
    "task_id": "HumanEval/900",
    "prompt": 'import math\n\n\ndef add(x, y):\n    """Add two numbers."""\n',
    "entry_point": "add",
    "canonical_solution": "    return x + y\n",
    "test": "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n",
}
SQUARE = {
    "source_file": "made",
    "task_id": 901,
    "prompt": "Write a function to square a number. https://www.example.org/square",
    "code": "import math\n\ndef square(n):\n    return n * n\n",
    "test_imports": [],
    "test_list": ["assert square(3) == 9", "assert square(0) == 0"],
}
TWICE = {
    "task_id": "made-1",
    "meta": {"difficulty": "Easy"},
    "prompt": '"""\nDouble it.\n"""\nclass Solution:\n    def twice(self, n: int) -> int:\n        ',
    "prompt_sft": "Double it.\n```python\nclass Solution:\n    def twice(self, n: int) -> int:\n        \n```",
    "test": "my_solution = Solution()\n\nassert my_solution.twice(*[4]) == 8\n",
}
ROWS = {"humaneval": ADD, "mbpp": SQUARE, "leetcode": TWICE}
FILES = {"humaneval": "HumanEval.jsonl", "mbpp": "new_mbpp.json", "leetcode": "leetcode-test.jsonl"}


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """One made row of each set, read as its published file is."""
    found = {}
    for name, row in ROWS.items():
        path = tmp_path_factory.mktemp(name) / FILES[name]
        path.write_text(json.dumps([row] if name == "mbpp" else row) + "\n")
        benchmark = find_benchmark(name)
        (found[name],) = benchmark.read(str(path), benchmark.published).items
    return found


@pytest.fixture(scope="module")
def graded(items, tmp_path_factory):
    """Verdicts of (benchmark, protocol, response), all at once."""

    def grade(*asked):
        async def work():
            async with open_bench(tmp_path_factory.mktemp("grading")) as bench:
                grades = (
                    grade_given(find_benchmark(name), bench, items[name], Form(protocol), (response,))
                    for name, protocol, response in asked
                )
                return [grade.verdict.outcome for grade in await asyncio.gather(*grades)]

        return asyncio.run(work())

    return grade


# ---------------------------------------------------------------- asking


def test_ids_and_labels_are_those_of_the_published_rows(items):
    assert {name: item.id for name, item in items.items()} == {
        "humaneval": "HumanEval/900",
        "mbpp": "901",
        "leetcode": "made-1",
    }
    assert items["leetcode"].labels == {"difficulty": "Easy"}


@pytest.mark.parametrize(
    ("name", "protocol", "prefill", "max_tokens"),
    [
        pytest.param("humaneval", APRIL, f" ```python\n{ADD['prompt']}", 1024, id="humaneval: the whole prompt"),
        pytest.param("humaneval", SEPTEMBER, " ```python\ndef", 1024, id="humaneval: def"),
        pytest.param("mbpp", APRIL, "", 1024, id="mbpp: none"),
        pytest.param("mbpp", SEPTEMBER, "```python\ndef", 512, id="mbpp: def"),
        pytest.param("leetcode", SEPTEMBER, None, 1024, id="leetcode"),
        pytest.param("leetcode", APRIL, None, 2048, id="leetcode: with an outline"),
    ],
)
def test_prefills_and_lengths(items, name, protocol, prefill, max_tokens):
    """FACTS, "Two published protocols"."""
    sampling = find_benchmark(name).ask(items[name], Form(protocol)).sampling
    assert sampling.max_tokens == max_tokens
    assert sampling.temperature == 0.0
    if prefill is not None:
        assert sampling.prefill == prefill


def test_leetcode_asks_for_an_outline_first(items):
    leetcode = find_benchmark("leetcode")
    april, september = (
        leetcode.ask(items["leetcode"], Form(protocol)).messages[-1].content for protocol in (APRIL, SEPTEMBER)
    )
    assert "outline" in april
    assert "outline" not in september
    assert TWICE["prompt_sft"] in september


def test_mbpp_shows_the_signature_of_the_reference_and_the_first_assertion(items):
    for protocol in (APRIL, SEPTEMBER):
        said = find_benchmark("mbpp").ask(items["mbpp"], Form(protocol)).messages[-1].content
        assert "square(n)" in said
        assert SQUARE["test_list"][0] in said
        assert SQUARE["test_list"][1] not in said
        assert "example.org" not in said


# ---------------------------------------------------------------- what is run of an answer


@pytest.mark.parametrize(
    ("response", "names", "code"),
    [
        pytest.param("def f(): pass", (), "def f(): pass", id="code alone"),
        pytest.param("Look:\n```python\nx = 1\n```\nDone.", (), "x = 1\n", id="a block"),
        pytest.param("```\nx = 1\n```\n```python\ny = 2\n```", (), "y = 2\n", id="the one that is marked"),
        pytest.param("```python\nx = 1\n```\n```python\ndef f(): pass\n```", ("f",), "def f(): pass\n", id="by name"),
        pytest.param("```python\nx = 1", (), "x = 1", id="a fence that nothing closes"),
    ],
)
def test_the_code_of_an_answer(response, names, code):
    assert code_in(response, names=names) == code


def test_a_body_that_goes_on_from_a_prompt_ends_at_a_fence():
    body = "    return 1\n```\nThat is all:\n```python\nx = 1\n```"
    assert code_in(body, stem="def f():\n") == "    return 1\n"


RIGHT, WRONG = "correct", "wrong"
FORGED = {
    "an early exit": "import os\nos._exit(0)",
    "always equal": "return type('Yes', (), {'__eq__': lambda self, other: True})()",
    "a patched assert": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\nreturn None",
    "a verdict that is printed": "print('passed')\nraise SystemExit(0)",
}


def _function(signature, body):
    return f"```python\ndef {signature}:\n" + "".join(f"    {line}\n" for line in body.split("\n")) + "```"


def test_verdicts_in_each_protocol(graded):
    asked, expected = [], []
    for protocol in (APRIL, SEPTEMBER, STANDARD):
        for name, right, wrong in (
            ("humaneval", "    return x + y\n", "    return x - y\n"),
            ("humaneval", _function("add(x, y)", "return x + y"), _function("add(x, y)", "return x")),
            ("mbpp", _function("square(n)", "return n * n"), _function("square(n)", "return n + n")),
            (
                "leetcode",
                "```python\nclass Solution:\n    def twice(self, n):\n        return 2 * n\n```",
                "```python\nclass Solution:\n    def twice(self, n):\n        return n\n```",
            ),
        ):
            asked += [(name, protocol, right), (name, protocol, wrong), (name, protocol, "")]
            expected += [RIGHT, WRONG, WRONG]
    assert graded(*asked) == expected


def test_mbpp_drops_lines_that_are_no_part_of_a_definition(graded):
    """FACTS: unindented lines that do not start with `def` are dropped, imports included (Eurus's protocols)."""
    program = "```python\nimport fractions\ndef square(n):\n    return int(fractions.Fraction(n) ** 2)\n```"
    after = "```python\ndef square(n):\n    return n * n\nraise SystemExit(1)\n```"
    asked = [("mbpp", protocol, text) for text in (program, after) for protocol in (APRIL, SEPTEMBER, STANDARD)]
    assert graded(*asked) == [WRONG, WRONG, RIGHT, RIGHT, RIGHT, WRONG]


def test_a_verdict_can_not_be_forged(graded):
    asked = [("humaneval", STANDARD, _function("add(x, y)", body)) for body in FORGED.values()]
    asked += [
        ("mbpp", protocol, _function("square(n)", body)) for protocol in (APRIL, STANDARD) for body in FORGED.values()
    ]
    assert graded(*asked) == [WRONG] * len(asked)


# ---------------------------------------------------------------- files


def test_the_published_files_are_read_whole(data_dir):
    for name, local in (("humaneval", 164), ("mbpp", 279), ("leetcode", 180)):
        benchmark = find_benchmark(name)
        read = benchmark.read(locate(name, benchmark.published, str(data_dir)), benchmark.published)
        assert (len(read.items), read.set_aside) == (local, ())
    assert [find_benchmark(name).rows for name in ROWS] == [164, 399, 180]
    levels = {item.labels["difficulty"] for item in read.items}
    assert levels == {"Easy", "Medium", "Hard"}


def test_a_broken_row_is_set_aside_and_no_row_is_a_sentence(tmp_path):
    benchmark = find_benchmark("humaneval")
    path = tmp_path / "HumanEval.jsonl.gz"
    broken = {key: value for key, value in ADD.items() if key != "test"}
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, (ADD, broken, ADD))).encode()))
    read = benchmark.read(str(path), benchmark.published)
    assert len(read.items) == 1
    assert [where.split(":")[0] for where in read.set_aside] == [
        'HumanEval.jsonl.gz row 2, field "test"',
        "HumanEval.jsonl.gz row 3",
    ]
    path.write_bytes(gzip.compress(json.dumps(broken).encode()))
    with pytest.raises(InputError, match="no row can be used"):
        benchmark.read(str(path), benchmark.published)
