"""Programs under test: judge and candidate apart, plain data between them, tools over the same line."""

from __future__ import annotations

import asyncio
import collections
import datetime
import decimal
import fractions
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.environment import EnvironmentSettings, Interpreter, Past
from preftree.environment.inside import wire
from preftree.records import Tests, ToolCall

_SOLUTION = """
class Node:
    kind = "node"
    def __init__(self, value, left=None):
        self.value, self.left = value, left
    def __eq__(self, other): return True
    def depth(self): return 1 + (self.left.depth() if self.left else 0)
def total(items): return sum(items)
def order(items, target=None, operation=None): items.sort(); return target
def grow(table, extra): table.setdefault("new", []).append(extra); table["rows"][0].append(extra)
def naturals():
    number = 0
    while True:
        yield number
        number += 1
def refuse(): raise ValueError("no")
def identity(value): return value
def anything(): return Node(1)
"""
_NAMES = ("Node", "total", "order", "grow", "naturals", "refuse", "identity", "anything", "missing")
_CASES = [
    ("assert total([1, 2]) == 3", "passed"),
    ("assert total([1, 2]) == 4", "failed"),
    ("items = [3, 1]\nassert order(items, target=5, operation=2) == 5\nassert items == [1, 3]", "passed"),
    (
        "row = [1]\ntable = {'rows': [row]}\ngrow(table, 2)\nassert table == {'rows': [[1, 2]], 'new': [2]}\n"
        "assert row == [1, 2]",
        "passed",
    ),
    ("root = Node(1, Node(2))\nassert root.depth() == 2\nroot.value = 7\nassert root.value == 7", "passed"),
    ("assert Node.kind == 'node'\nassert isinstance(Node(1), Node)\nassert not isinstance(3, Node)", "passed"),
    ("import itertools\nassert list(itertools.islice(naturals(), 3)) == [0, 1, 2]", "passed"),
    ("try:\n    refuse()\n    assert False\nexcept ValueError as error:\n    assert str(error) == 'no'", "passed"),
    ("refuse()", "error"),
    ("missing()", "error"),
    ("assert anything() == 3", "failed"),
    ("assert anything() == anything()", "failed"),
    ("assert anything()", "passed"),
    ("assert not anything()", "failed"),
    ("assert anything().left", "failed"),
    ("assert (anything() == 3) or (anything() == 4)", "failed"),
    ("try:\n    assert sorted([anything(), anything()])\nexcept BaseException:\n    pass", "unsupported"),
    ("assert sorted([anything(), anything()])", "unsupported"),
    ("assert identity(lambda: 3)", "unsupported"),
    ("import copy\ncopy.deepcopy(anything())", "unsupported"),
    ("assert identity((1, [2.5, {'a': {3}}])) == (1, [2.5, {'a': {3}}])", "passed"),
    ("import numpy\nassert (identity(numpy.arange(6).reshape(2, 3)) == numpy.arange(6).reshape(2, 3)).all()", "passed"),
    ("while True:\n    pass", "broken"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[asyncio.AbstractEventLoop, Interpreter]]:
    loop = asyncio.new_event_loop()
    interpreter = Interpreter(EnvironmentSettings(workers=1))
    yield loop, interpreter
    loop.run_until_complete(interpreter.close())
    loop.close()


@pytest.mark.parametrize(("test", "expected"), _CASES)
def test_a_test_sees_plain_data(world: Any, test: str, expected: str) -> None:
    loop, interpreter = world
    seen = loop.run_until_complete(interpreter.test(_SOLUTION, Tests(code=test, names=_NAMES), cpu_s=1))
    assert (seen.status, bool(seen.why)) == (expected, expected != "passed"), seen


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def total(items): return 3", "passed"),
        ("def total(items", "syntax"),
        ("1 / 0", "error"),
        ("def total(items):\n    while True: pass", "time"),
        ("def total(items): return [0] * 10**10", "memory"),
        ("import os\ndef total(items): os._exit(0)", "killed"),
        ("import os\nos._exit(0)", "killed"),
        ("def total(items): raise SystemExit(0)", "error"),
        ("def total(items): print('passed'); return 4", "failed"),
        ("def total(items): raise AssertionError", "failed"),
    ],
)
def test_a_program_under_test_ends_as_it_ends(world: Any, program: str, expected: str) -> None:
    loop, interpreter = world
    tests = Tests(code="assert total([1, 2]) == 3", names=("total",))
    assert loop.run_until_complete(interpreter.test(program, tests, cpu_s=1)).status == expected


def test_a_prelude_is_the_tests_own(world: Any) -> None:
    """A name that the prompt defines is not taken from the candidate."""
    loop, interpreter = world
    tests = Tests(
        prelude="import math\ndef helper(x): return x + 1", code="assert f(1) == helper(1) == 2", names=("f",)
    )
    program = "def helper(x): return 9\ndef f(x): return 9"
    assert loop.run_until_complete(interpreter.test(program, tests)).status == "failed"


@pytest.mark.parametrize(
    ("program", "stdin", "status", "output"),
    [
        ("print(int(input()) + 1)", "4\n", "ok", "5\n"),
        ("import sys\nprint('x', file=sys.stderr)\nprint('y')\n3 + 4", "", "ok", "y\n"),
        ("if __name__ == '__main__':\n    print('main')", "", "ok", "main\n"),
        ("print(1)\nexit()", "", "ok", "1\n"),
        ("print(1)\nexit(3)", "", "error", "1\n"),
        ("input()", "", "error", ""),
        ("print('\\x00\\x1b[31m')", "", "ok", "\x00\x1b[31m\n"),
    ],
)
def test_a_program_runs_on_its_input(world: Any, program: str, stdin: str, status: str, output: str) -> None:
    loop, interpreter = world
    seen = loop.run_until_complete(interpreter.run_program(program, stdin))
    assert (seen.status, seen.output) == (status, output)


def test_an_earlier_call_of_a_tool_is_not_made_again(world: Any) -> None:
    """Replayed from the record, in order; a call that the record lacks is an error of that cell only."""
    loop, interpreter = world
    told = ToolCall("wikipedia_search", '[["Berlin"], {}]', "a city")
    past = Past("found = wikipedia_search('Berlin')", "ok", (told,))
    seen = loop.run_until_complete(interpreter.run("found", [past], tools=("wikipedia_search",)))
    assert (seen.value, seen.tool_calls) == ("'a city'", ())
    other = Past(
        "try:\n    wikipedia_search('Paris')\nexcept RuntimeError as fault:\n    said = str(fault)", "ok", (told,)
    )
    seen = loop.run_until_complete(interpreter.run("said", [other], tools=("wikipedia_search",)))
    assert "the record of this session has no answer" in str(seen.value)


def test_a_tool_that_was_not_given_is_not_there(world: Any) -> None:
    loop, interpreter = world
    assert "NameError" in loop.run_until_complete(interpreter.run("wikipedia_search('x')")).output


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.complex_numbers(allow_nan=False)
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.dates()
    | st.timedeltas()
)
_keys = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.tuples(st.integers(), st.text(max_size=3))
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(collections.deque)
        | st.sets(_keys, max_size=4)
        | st.frozensets(_keys, max_size=4)
        | st.dictionaries(_keys, inner, max_size=4)
        | st.dictionaries(_keys, inner, max_size=4).map(collections.OrderedDict)
        | st.dictionaries(_keys, inner, max_size=4).map(lambda pairs: collections.defaultdict(list, pairs))
    ),
    max_leaves=12,
)


@given(_values)
def test_plain_data_survives(value: Any) -> None:
    again = wire.loads(wire.dumps(value, wire.refuse), wire.refuse)
    assert type(again) is type(value)
    assert again == value


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        range(1, 9, 2),
        slice(1, None),
        collections.Counter("abca"),
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
        datetime.time(1, 2),
        bytearray(b"x"),
        int,
        10**4000,
    ],
)
def test_other_plain_data_survives(value: Any) -> None:
    again = wire.loads(wire.dumps(value, wire.refuse), wire.refuse)
    assert again == value or math.isnan(value)


class _Liar(list[int]):
    def __eq__(self, other: object) -> bool:
        return True


@pytest.mark.parametrize("value", [_Liar([1]), print, object(), [_Liar()], {"a": _Liar}, math])
def test_what_is_no_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(wire.NotPlainError):
        wire.dumps(value, wire.refuse)


def test_what_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(wire.NotPlainError):
        wire.dumps(ring, wire.refuse)


@pytest.mark.parametrize("text", ["", "{}", "[]", '["list"]', '["nothing", 1]', '["bytes", "x"]', "[[[[", '["range"]'])
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (JSON's own error is one, with its own words)
        wire.loads(text, wire.refuse)


def test_time_begins_at_the_same_moment_and_goes_on(world: Any) -> None:
    """So that a session that is replayed, tomorrow or on another machine, holds the same dates."""
    loop, interpreter = world
    code = "import datetime, time\nbegan = time.time()\ntoday = str(datetime.date.today())\ntime.sleep(0.01)"
    past = Past(code, "ok")
    last = "(today, 0.01 < time.time() - began < 9, time.strftime('%Y'), time.monotonic() > 0)"
    seen = loop.run_until_complete(interpreter.run(last, [past]))
    assert seen.value == "('2024-04-02', True, '2024', True)"
