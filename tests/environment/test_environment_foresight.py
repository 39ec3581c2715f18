"""What is told of test code before it runs: the calls that it makes for certain, and whether it leaves a trace."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.environment import EnvironmentSettings, Interpreter
from preftree.environment.foresight import foreseen_questions
from preftree.environment.statics import imports_only_standard, leaves_no_trace
from preftree.records import Tests


def calls(test, names=("f", "g")):
    """Name and arguments of each question."""
    found = []
    for question in foreseen_questions(test, names):
        tag, (operation, target, args, keywords) = json.loads(question)
        assert (tag, operation, target[0]) == ("tuple", "call", "object")
        found.append((target[1], args[1], keywords[1]))
    return found


CHECK = "def check(candidate):\n    {}\ncheck(f)"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("assert f(1) == 2\nassert f(2) == g(3)", [("f", [1]), ("f", [2]), ("g", [3])]),
        ("import math\nx = 3\nassert f(-1.5) == x", [("f", [-1.5])]),
        (CHECK.format("assert candidate(1)\n    assert not candidate('a')"), [("f", [1]), ("f", ["a"])]),
        ("assert f(1)\nfor i in range(3):\n    assert f(i)\nassert f(9)", [("f", [1])]),
        ("assert f(1)\nassert f(x) == 1\nassert f(9)", [("f", [1])]),
        ("assert f(1)\nassert g(f(2)) == 1", [("f", [1])]),
        ("assert f(1) == 1 or f(2) == 1", []),
        ("assert all(f(i) for i in range(3))", []),
        ("assert f(*[1]) == 1", []),
        ("assert f(**{'a': 1}) == 1", []),
        ("assert f({1, 2}) == 1", []),
        ("y = f(1)\nassert f(2) == y", []),
        ("def check(c):\n    assert c(1)\ncheck(lambda x: x)\nassert f(2)", []),
        ("def check(c):\n    assert c(1)\nassert check(f) is None", []),
        ("assert f is not None", []),
        ("assert (", []),
    ],
)
def test_the_calls_that_are_certain(test, expected):
    assert [(name, args) for name, args, _ in calls(test)] == expected


def test_keywords_are_foreseen_too():
    ((name, args, keywords),) = calls("assert f(1, key=[2]) == 1")
    assert (name, args, keywords) == ("f", [1], [["key", ["list", [2]]]])


@pytest.mark.parametrize(
    ("test", "traceless"),
    [
        ("import math\nassert math.isclose(f(1), 2)", True),
        ("def check(c):\n    assert c(1) == 2\ncheck(f)", True),
        ("import sys\nsys.setrecursionlimit(9)", False),
        ("import math\nmath.pi = 3", False),
        ("import numpy as np", False),
        ("from os import path", False),
        ("import datetime\nassert datetime.date.today()", False),
        ("open('x')", False),
        ("setattr(f, 'a', 1)", False),
        ("f.__class__", False),
        ("__builtins__", False),
        ("root = f(1)\nroot.left = f(2)", False),
        ("assert (", False),
    ],
)
def test_whether_a_test_leaves_a_trace(test, traceless):
    assert leaves_no_trace(test) is traceless


@pytest.mark.parametrize(
    ("code", "standard"),
    [
        ("import math, os.path\nfrom collections import abc", True),
        ("def f(x): return x", True),
        ("import numpy", False),
        ("def f():\n    from sympy import Symbol", False),
        ("__import__('numpy')", False),
        ("import importlib\nimportlib.import_module('numpy')", False),
        ("from . import x", False),
        ("def f(", False),
    ],
)
def test_whether_code_needs_more_than_python(code, standard):
    assert imports_only_standard(code) is standard


@pytest.fixture(scope="module")
def world():
    loop = asyncio.new_event_loop()
    interpreter = Interpreter(EnvironmentSettings(workers=1))
    yield lambda code, tests, cpu_s=None: loop.run_until_complete(interpreter.test(code, tests, cpu_s))
    loop.run_until_complete(interpreter.close())
    loop.close()


def test_a_judge_that_goes_on_keeps_nothing(world):
    """Neither names, nor random numbers, nor the harm that a program did to the test before."""
    first = Tests("import random\nseen = random.random()\nitems = f(1)\nitems.append(2)", ("f",))
    assert world("def f(x): return [x]", first).status == "passed"
    second = Tests(f"import random\nassert random.random() == {_first_random()!r}\nassert f(1) == [1]", ("f",))
    assert world("def f(x): return [x]", second).status == "passed"
    third = Tests("try:\n    seen\nexcept NameError:\n    pass\nelse:\n    assert False\nassert f(1) == [1]", ("f",))
    assert world("def f(x): return [x]", third).status == "passed"


def _first_random():
    import random

    return random.Random(0).random()


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("def f(x):\n    while True: yield 1", "time"),
        ("def f(x): return ['x' * 10**6] * 20", "memory"),
        ("import os\ndef f(x): os._exit(0)", "killed"),
    ],
)
def test_after_a_judge_was_lost_the_next_test_is_judged(world, program, status):
    tests = Tests("assert sum(f(1)) == 1", ("f",))
    assert world(program, tests, 1).status in (status, "error", "killed")
    assert world("def f(x): return [x]", tests).status == "passed"


def test_more_tests_than_one_judge_takes(world):
    tests = Tests("assert f(1) == [1]", ("f",))
    assert {world("def f(x): return [x]", tests).status for _ in range(210)} == {"passed"}
    assert world("def f(x): return [2]", tests).status == "failed"


def test_a_test_that_hands_over_too_much_is_undecided(world):
    tests = Tests("assert f('x' * 10**7) == 1", ("f",))
    seen = world("def f(x): return 1", tests)
    assert (seen.status, "longer than 8 MiB" in seen.why) == ("unsupported", True)


def test_a_loop_in_a_later_call_changes_no_earlier_failure(world):
    """Calls that are asked together are answered one by one."""
    tests = Tests("assert f(1) == 2\nassert f(2) == 3", ("f",))
    program = "def f(x):\n    if x == 1: return 5\n    while True: pass"
    assert world(program, tests, 1).status == "failed"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(0, 4).map(lambda n: f"assert f({n}) == {n}"),
            st.integers(0, 4).map(lambda n: f"assert f({n}) != [{n}]"),
            st.just("x = 2"),
            st.just("for i in range(2):\n    assert f(i) == i"),
            st.just("assert f(f(1)) == 1"),
            st.just("assert g() >= 0 or f(7)"),
            st.integers(0, 4).map(lambda n: f"assert g() == {n}"),
            st.just("assert list(f([1, 2])) == [1, 2]"),
        ),
        max_size=6,
    ),
    st.sampled_from(["x", "x if x != 3 else -1", "[x]", "abs(x)"]),
)
def test_verdicts_are_those_of_plain_exec(world, statements, result):
    """For a program with a state, whatever the order of certain and uncertain calls."""
    counter = "count = -1\ndef g():\n    global count\n    count += 1\n    return count"
    program = f"{counter}\ndef f(x):\n    g()\n    return {result}"
    test = "\n".join(statements)
    try:
        exec(f"{program}\n{test}", {})
        expected = True
    except Exception:  # noqa: BLE001 (any failure of the test)
        expected = False
    assert (world(program, Tests(test, ("f", "g"))).status == "passed") is expected
