"""Which answers are one: by the verifier between samples, and for programs by what they give, in the jail."""

import asyncio
import random

import pytest

from preftree.engine import Engine
from preftree.engine.code import judge_code
from preftree.environment import EnvironmentSettings, Interpreter, Limits
from preftree.evaluate.classes import answer_classes
from preftree.evaluate.outputs import recording, told
from preftree.forest import Forest
from preftree.problems import SourceSettings, load
from preftree.records import Case, Problem, Reference, TestRun, Tests
from preftree.verify import Judge

_DOUBLE = Tests(code="assert double(4) == 8\nassert double(0) == 0\nassert double(2.5) == 5.0", names=("double",))
_CHECK = """def check(candidate):
    assert candidate(4) == 8
    for i in range(3):
        assert candidate(i) == 2 * i
"""
_SUM = Tests(cases=(Case("1 2\n", ("3",)), Case("5 6\n", ("11",))))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    loop = asyncio.new_event_loop()
    settings = EnvironmentSettings(workers=1, preload=(), limits=Limits(cpu_s=1))
    with Forest(tmp_path_factory.mktemp("forest")) as forest:
        interpreter, judge = Interpreter(settings), Judge(workers=1)
        yield loop, Engine(forest, interpreter, judge)
        loop.run_until_complete(interpreter.close())
        loop.run_until_complete(judge.close())
    loop.close()


def classes(world, answers, tests=None, verifier="code", instruction="Do it.", rule=""):
    loop, engine = world
    problem = Problem("p", "d", "Coding", instruction, (Reference("7"),), verifier=verifier, tests=tests)
    return loop.run_until_complete(answer_classes(engine, problem, answers, rule))


@pytest.mark.parametrize(
    ("verifier", "answers", "expected"),
    [
        pytest.param("math", ["1/2", "\\frac{1}{2}", "0.5", "2"], [0, 0, 0, 1], id="math"),
        pytest.param("math", ["(x+1)^2", "x^2+2x+1", "x^2+1"], [0, 0, 1], id="math-in-the-judge's-process"),
        pytest.param("number", ["1,000", "1000", " 1000 ", "10"], [0, 0, 0, 1], id="number"),
        pytest.param("choice", ["(A)", "a", "B"], [0, 0, 1], id="choice"),
        pytest.param("math", [None, "3", "", "3"], [None, 0, None, 0], id="no-answer"),
        pytest.param("judge", ["yes ", "yes", "Yes"], [0, 0, 1], id="a-model's-rule-is-by-text"),
        # The reference is 7: whether one of them is right says nothing of their being equal.
        pytest.param("number", ["8", "9", "7"], [0, 1, 2], id="never-against-the-reference"),
    ],
)
def test_by_verifier(world, verifier, answers, expected):
    assert classes(world, answers, verifier=verifier) == expected


def test_another_rule_than_the_problem_s(world):
    assert classes(world, ["1/2", "0.5"], verifier="exact") == [0, 1]
    assert classes(world, ["1/2", "0.5"], verifier="exact", rule="math") == [0, 0]


def test_equality_through_others_in_any_order(world):
    """Within a tolerance a equals b and b equals c, and a does not equal c: one class, whatever comes first."""
    chain = ["100.0", "100.009", "100.018", "3"]
    assert classes(world, chain[:1] + chain[2:3], verifier="number") == [0, 1]
    for seed in range(6):
        mixed = random.Random(seed).sample(chain, 4)
        found = dict(zip(mixed, classes(world, mixed, verifier="number"), strict=True))
        assert len({found[text] for text in chain[:3]}) == 1
        assert found["3"] != found["100.0"]


@pytest.mark.parametrize(
    ("tests", "programs", "expected"),
    [
        pytest.param(
            _DOUBLE,
            [
                "def double(x): return 2 * x",
                "def double(n):\n    # in other words\n    return n + n",
                "def double(x): return x",
                "def double(y): return y * 1",
            ],
            [0, 0, 1, 1],
            id="the-same-behaviour-in-other-words",
        ),
        pytest.param(
            _DOUBLE,
            [
                "def double(x): raise ValueError",
                "def double(x) return",
                "def twice(x): return 2 * x",
                "import os; os._exit(0)",
                "def double(x):\n    while True: pass",
                "def double(x): return 2 * x",
            ],
            [None, None, None, None, None, 0],
            id="a-crash-is-no-vote",
        ),
        pytest.param(
            _DOUBLE,
            ["def double(x): return 2 * x", "def double(x):\n    if x == 0: raise ValueError\n    return 2 * x"],
            [0, 1],
            id="an-exception-on-one-input-is-another-answer",
        ),
        pytest.param(
            _DOUBLE,
            ["def double(x): return x * 2 + 1e-9", "def double(x): return x * 2.0", "def double(x): return x * 2.01"],
            [0, 0, 1],
            id="floats-to-six-digits-and-eight-places",
        ),
        pytest.param(
            Tests(code=f"{_CHECK}\ncheck(double)", names=("double",)),
            ["def double(x): return 2 * x", "def double(x): return x + x", "def double(x): return 2 * x if x else 1"],
            [0, 0, 1],
            id="humaneval's-check-with-a-loop",
        ),
        pytest.param(
            Tests(code="s = Solution()\nassert s.go(*[[1, 2], 3]) == [4, 5]", names=("Solution",)),
            [
                "class Solution:\n    def go(self, xs, y): return [x + y for x in xs]",
                "class Solution:\n    def go(self, xs, y): return list(map(y.__add__, xs))",
                "class Solution:\n    def go(self, xs, y): return xs",
                "class Solution:\n    def go(self, xs, y): return 1 / 0",
                "class Solution:\n    pass",
            ],
            [0, 0, 1, None, None],
            id="leetcode's-methods",
        ),
        pytest.param(
            _SUM,
            [
                "print(sum(map(int, input().split())))",
                "a, b = input().split()\nprint(int(a) + int(b), end='')",
                "print(3)",
                "print(undefined)",
            ],
            [0, 0, 1, None],
            id="from-standard-input",
        ),
    ],
)
def test_by_execution(world, tests, programs, expected):
    assert classes(world, programs, tests) == expected


def test_the_examples_where_the_tests_hold_no_call(world):
    tests = Tests(code="assert all(double(x) == 2 * x for x in range(4))", names=("double",))
    programs = ["def double(x): return 2 * x", "def double(x): return x + x", "def double(x): return 0"]
    assert classes(world, programs, tests, instruction="Twice.\n    >>> double(3)\n    6") == [0, 0, 1]
    # With nothing to run, they are one answer if they are one text.
    assert classes(world, [*programs, programs[0]], tests) == [0, 1, 2, 0]


def test_what_is_kept_does_not_hang_on_what_was_expected():
    """The same calls with other expected values: the same program."""
    written = [
        recording(
            Tests(code=f"assert f(1) == {a} and f(2) == {b}\nif f(3) != {a}:\n    raise ValueError\n", names=("f",))
        )
        for a, b in ((1, 2), (3, 4))
    ]
    assert written[0] == written[1]
    assert written[0].code.count("_kept_output(lambda") == 3


def test_a_program_runs_once(world, monkeypatch):
    _, engine = world
    programs = ["def double(x): return 3 * x", "def double(x): return x * 3"]
    first = classes(world, programs, _DOUBLE)

    async def never(*given):
        raise AssertionError("run again")

    monkeypatch.setattr(engine.interpreter, "test", never)
    assert classes(world, programs, _DOUBLE) == first == [0, 0]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(
            TestRun("failed", f"x\nAssertionError: outputs {'0' * 32}, 2 plain, 0 raised"), "0" * 32, id="given"
        ),
        pytest.param(
            TestRun("failed", f"AssertionError: outputs {'0' * 32}, 0 plain, 2 raised"), None, id="all-raised"
        ),
        pytest.param(TestRun("time", "too long"), None, id="no-end"),
        pytest.param(TestRun("failed", "AssertionError: another"), None, id="another-assertion"),
    ],
)
def test_what_a_run_tells(run, expected):
    assert told(run) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_real_tests_put_no_right_and_no_wrong_program_together(tmp_path, data_dir, name):
    """Reference programs and mutants of them: a class has one verdict, and what is right has a vote."""
    file = {"humaneval": "HumanEval.jsonl.gz", "mbpp": "new_mbpp.json"}[name]
    problems = load(SourceSettings(name=name, path=str(data_dir / name / file))).problems[:40]

    async def one(engine, problem):
        gold = problem.references[0].program
        programs = [gold, f"# in other words\n{gold}\n"]
        for old, new in (("+", "-"), ("<", ">"), ("True", "False"), ("1", "2"), ("return ", "return not ")):
            before, found, after = gold.rpartition(old)
            programs += [before + new + after] if found else []
        given = await answer_classes(engine, problem, programs)
        return given, [(await judge_code(engine, problem, program))[1].outcome for program in programs]

    async def work():
        with Forest(tmp_path / "forest") as forest:
            async with Interpreter(EnvironmentSettings()) as interpreter, Judge() as judge:
                engine = Engine(forest, interpreter, judge)
                return await asyncio.gather(*(one(engine, problem) for problem in problems))

    mutants = 0
    for given, verdicts in asyncio.run(work()):
        assert given[0] == given[1] == 0
        judged = set(zip(given, verdicts, strict=True))
        assert (None, "correct") not in judged
        assert len([pair for pair in judged if pair[0] is not None]) == len(set(given) - {None})
        mutants += verdicts.count("wrong")
    assert mutants > 40
