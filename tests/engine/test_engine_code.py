"""Problems with tests: from an action's text to a verdict, through two jails and the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from preftree.engine import Engine, opening
from preftree.engine.turn import past_of, settle
from preftree.environment import EnvironmentSettings, Interpreter, Limits, Past
from preftree.environment.tools import ToolSettings
from preftree.forest import Forest
from preftree.records import Action, Case, Problem, Reference, Tests
from preftree.verify import Judge

_DOUBLE = Tests(code="assert double(4) == 8\nassert double(0) == 0", names=("double",))
_SUM = Tests(cases=(Case("1 2\n", ("3",)), Case("5 6\n", ("11",))))
_ANY_DIVISOR = Tests(
    cases=(Case("12\n", ("2",)),),
    checker="def check(input, output, expected):\n    return int(input) % int(output) == 0 and int(output) > 1",
)
_SLOW_DOUBLE = "def double(x):\n    total = 0\n    for _ in range(10**7): total += 1\n    return 2 * x"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.AbstractEventLoop, Engine]]:
    loop = asyncio.new_event_loop()
    corpus = tmp_path_factory.mktemp("corpus") / "pages.jsonl"
    corpus.write_text('{"title": "Berlin", "text": "Berlin is the capital of Germany."}\n')
    settings = EnvironmentSettings(
        workers=1, preload=(), limits=Limits(cpu_s=1), tools=ToolSettings(wikipedia_corpus=str(corpus))
    )
    with Forest(tmp_path_factory.mktemp("forest")) as forest:
        interpreter, judge = Interpreter(settings), Judge(workers=1)
        yield loop, Engine(forest, interpreter, judge)
        loop.run_until_complete(interpreter.close())
        loop.run_until_complete(judge.close())
    loop.close()


def _settle(world: Any, text: str, tests: Tests, program: str | None = None) -> Action:
    loop, engine = world
    problem = Problem("p", "d", "Coding", "Do it.", (Reference("", program=program),), verifier="code", tests=tests)
    settled: Action = loop.run_until_complete(settle(engine, problem, Action(text, "a", "sample", 0), []))
    return settled


@pytest.mark.parametrize(
    ("text", "tests", "outcome", "shown", "why"),
    [
        ("```python\ndef double(x): return 2 * x\n```", _DOUBLE, "correct", "The tests passed.", "the tests passed"),
        ("def double(x): return 2 * x", _DOUBLE, "correct", "The tests passed.", "the tests passed"),
        ("```python\ndef double(x): return 8\n```", _DOUBLE, "wrong", "A test failed: the program's", "failed: "),
        ("```python\ndef double(x): 1 / 0\n```", _DOUBLE, "wrong", "ZeroDivisionError: division by", "error: "),
        ("```python\ndef double(x):\n    while 1: pass\n```", _DOUBLE, "wrong", "Stopped: the program", "time: "),
        ("I can't.", _DOUBLE, "wrong", "SyntaxError", "syntax: "),
        ("```python\nprint(sum(map(int, input().split())))\n```", _SUM, "correct", "The tests passed.", "the tests"),
        ("```python\nprint(3)\n```", _SUM, "wrong", "The program fails test 2: its output", "case 2 of 2: printed '3'"),
        ("```python\nprint(int(input()))\n```", _SUM, "wrong", "it ended with: error.", "case 1 of 2: error"),
        ("```python\nprint(6)\n```", _ANY_DIVISOR, "correct", "The tests passed.", "the tests passed"),
        ("```python\nprint(5)\n```", _ANY_DIVISOR, "wrong", "its output is wrong", "the checker refuses it"),
        ("```python\nprint('x')\n```", _ANY_DIVISOR, "undecided", "its output is wrong", "the checker failed"),
    ],
)
def test_a_program_is_judged_by_its_tests(
    world: Any, text: str, tests: Tests, outcome: str, shown: str, why: str
) -> None:
    settled = _settle(world, text, tests)
    assert settled.verdict is not None
    assert settled.observation is not None
    assert settled.verdict.outcome == outcome, settled
    assert shown in settled.observation.output
    assert why in settled.verdict.why
    assert "== 8" not in settled.observation.output  # what the test expects is not shown


def test_what_needs_more_than_plain_data_is_undecided(world: Any) -> None:
    settled = _settle(
        world,
        "class E: pass\ndef double(x): return E()",
        Tests(code="assert sorted([double(4), double(5)])", names=("double",)),
    )
    assert settled.verdict is not None
    assert settled.verdict.outcome == "undecided"
    assert "to order an object of type E" in settled.verdict.why


def test_the_limit_follows_the_reference(world: Any) -> None:
    """Three times as slow as a reference that needs a good part of the limit is still in time."""
    tests = Tests(code="assert double(4) == 8", names=("double",))
    slow = _SLOW_DOUBLE.replace("10**7", "6 * 10**7")
    without, with_reference = _settle(world, slow, tests), _settle(world, slow + "\n", tests, program=_SLOW_DOUBLE)
    assert without.verdict is not None
    assert without.verdict.why.startswith("time")
    assert with_reference.verdict is not None
    assert with_reference.verdict.correct


def test_a_program_is_tested_once(world: Any) -> None:
    _, engine = world
    first = _settle(world, "```python\ndef double(x): return x + x\n```", _DOUBLE)
    kept, engine.interpreter = engine.interpreter, None  # nothing left to run with: it must come from the forest
    try:
        assert _settle(world, "```python\ndef double(x): return x + x\n```", _DOUBLE) == first
    finally:
        engine.interpreter = kept


def test_a_session_remembers_what_its_tools_said(world: Any) -> None:
    loop, engine = world
    problem = Problem(
        "q", "d", "Logic", "Which country?", (Reference("Germany"),), "exact", ("python", "wikipedia_search")
    )
    text = "```python\npage = wikipedia_search('Berlin')\nlen(page) > 0\n```"
    first = loop.run_until_complete(settle(engine, problem, Action(text, "a", "sample", 0), []))
    assert first.observation.value == "True"
    (call,) = first.observation.tool_calls
    assert "capital of Germany" in call.answer
    again = Action("```python\n'Germany' if 'Germany' in page else 'unknown'\n```", "a", "sample", 0)
    second = loop.run_until_complete(settle(engine, problem, again, past_of([first])))
    assert second.verdict.correct
    assert second.observation.tool_calls == ()  # replayed from the record


def test_a_problem_tells_of_its_tools() -> None:
    problem = Problem("q", "d", "Logic", "Which?", (Reference("x"),), "exact", ("python", "wikipedia_search"))
    text = opening(problem)[0].content
    assert text.startswith("Tool available:\n[1] Python interpreter\n")
    assert "\n[2] wikipedia_search(query: str)" in text
    assert text.endswith("\nWhich?")


@pytest.mark.parametrize(
    ("text", "outcome", "answer"),
    [
        ("<execute>\nx = 6 * 7\n</execute>\n<solution>x</solution>", "correct", "42"),
        ("<execute>\nx = 6 * 7\n</execute>\n<solution>42</solution>", "correct", "42"),
        ("<execute>\nx = 6 * 7\nx\n</execute>\n<solution>41</solution>", "wrong", "41"),
        ("<execute>\nx = 6 * 7\n</execute>\n<solution>y</solution>", "wrong", "y"),
        ("<solution>earlier + 1</solution>", "correct", "42"),
        ("<solution>the answer</solution>", "wrong", "the answer"),
        ("<solution>earlier.__class__</solution>", "wrong", "<class 'int'>"),
    ],
)
def test_a_solution_may_be_an_expression_of_the_session(world: Any, text: str, outcome: str, answer: str) -> None:
    loop, engine = world
    problem = Problem("s", "d", "Math_PoT", "What?", (Reference("42"),))
    settled = loop.run_until_complete(
        settle(engine, problem, Action(text, "a", "sample", 0), [Past("earlier = 41", "ok")])
    )
    assert (settled.verdict.outcome, settled.verdict.answer) == (outcome, answer)
