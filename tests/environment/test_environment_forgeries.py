"""Programs that try to pass a test without solving it, one file each, against real judges and jails.

A file's header says what must be true: `Claim` in words, `Status` (one of several) where it is known, `Only` (the one
test that it is run against, where it takes its time). None may pass, whatever the test looks at; nor may one choose to
be undecided by breaking its judge; and after each the next program is judged as ever.
"""

from __future__ import annotations

import asyncio
import collections
import decimal
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preftree.environment import EnvironmentSettings, Interpreter, Limits
from preftree.environment.inside import tested
from preftree.records import TestRun, Tests

FORGERIES = sorted((Path(__file__).parent / "forgeries").glob("*.py"))
LIMITS = Limits(cpu_s=0.5, wall_s=1.5, memory_mb=256)
# name: (what the test looks at, a program that solves it)
TESTS = {
    "number": ("assert f(2, 3) == 5\nassert f(-1, 1) == 0", "def f(a, b): return a + b"),
    "list": ("assert f([3, 1, 2]) == [1, 2, 3]\nassert list(f([2, 1])) == [1, 2]", "def f(xs): return sorted(xs)"),
    "float": (
        "import math\nassert abs(f(2) - 1.41421356) < 1e-6\nassert math.isclose(f(9), 3)",
        "def f(x): return x**0.5",
    ),
    "truth": ("assert f(7) is True\nassert f(8) is False", "def f(n): return n % 2 == 1"),
    "members": ("found = f(4)\nassert 2 in found\nassert 4 not in found", "def f(n): return list(range(n))"),
    "length": ("assert len(f(4)) == 4\nassert sorted(f(2)) == [0, 1]", "def f(n): return range(n)"),
    "error": (
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False\nassert f(4) == 2",
        "def f(x):\n    if x < 0: raise ValueError\n    return round(x**0.5)",
    ),
    "array": (
        "import numpy as np\nnp.testing.assert_allclose(f([1, 2]), [2.0, 4.0])\nassert np.array_equal(f([3]), [6])",
        "import numpy as np\ndef f(xs): return np.array(xs) * 2",
    ),
    "check": (
        "def check(candidate):\n    xs = [1, 2]\n    assert candidate(xs) == {'sum': 3}\n    assert xs == [1, 2]\n"
        "check(f)",
        "def f(xs): return {'sum': sum(xs)}",
    ),
}


class World:
    """Two jails, the loop that they live on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.interpreter = Interpreter(EnvironmentSettings(workers=2, limits=LIMITS, preload=("numpy",)))

    def runs(self, programs: list[tuple[str, Tests]]) -> list[TestRun]:
        async def work() -> list[TestRun]:
            return await asyncio.gather(*(self.interpreter.test(code, tests) for code, tests in programs))

        return self.loop.run_until_complete(work())

    def close(self) -> None:
        self.loop.run_until_complete(self.interpreter.close())
        self.loop.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def test_the_tests_can_be_passed(world: World) -> None:
    runs = world.runs([(solution, Tests(code=test, names=("f",))) for test, solution in TESTS.values()])
    assert {name: run.status for name, run in zip(TESTS, runs, strict=True)} == dict.fromkeys(TESTS, "passed")


@pytest.mark.parametrize("path", FORGERIES, ids=lambda path: path.stem)
def test_forgery(path: Path, world: World) -> None:
    text = path.read_text("utf-8")
    told = dict(re.findall(r"^# (\w+): (.*)$", text, re.MULTILINE))
    names = [told["Only"]] if "Only" in told else list(TESTS)
    lost = world.interpreter.num_lost

    runs = world.runs([(text.replace("@NAME@", "f"), Tests(code=TESTS[name][0], names=("f",))) for name in names])

    seen = {name: (run.status, run.why[-200:]) for name, run in zip(names, runs, strict=True)}
    assert told["Claim"]
    for status, _ in seen.values():
        assert status not in ("passed", "broken"), seen
        assert status in told.get("Status", status).split(" | "), seen
    assert world.interpreter.num_lost == lost
    assert world.runs([(TESTS["number"][1], Tests(code=TESTS["number"][0], names=("f",)))])[0].status == "passed"


@pytest.mark.slow
def test_no_forgery_passes_a_published_test(world: World, data_dir: Path) -> None:
    """Each forgery against the first problems of HumanEval and MBPP, whose own solutions pass."""
    published = [*_humaneval(data_dir)[:15], *_mbpp(data_dir)[:15]]
    solved = world.runs([(solution, tests) for solution, tests in published])
    assert [run.status for run in solved] == ["passed"] * len(published)
    for path in FORGERIES:
        text = path.read_text("utf-8")
        if "# Only:" not in text:
            runs = world.runs([(text.replace("@NAME@", tests.names[0]), tests) for _, tests in published])
            assert not {"passed", "broken"} & {run.status for run in runs}, path


def _humaneval(folder: Path) -> list[tuple[str, Tests]]:
    return [
        (row["prompt"] + row["canonical_solution"], Tests(f"{row['test']}\ncheck({name})", (name,)))
        for row in _rows(folder / "humaneval" / "HumanEval.jsonl.gz")
        if (name := row["entry_point"])
    ]


def _mbpp(folder: Path) -> list[tuple[str, Tests]]:
    return [
        (row["code"], Tests("\n".join(row["test_list"]), (name,), row["test_setup_code"]))
        for row in _rows(folder / "mbpp" / "mbpp.jsonl")
        if (name := re.search(r"assert \(?(\w+)\(", row["test_list"][0])) and (name := name[1]) in row["code"]
    ]


def _rows(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.splitlines() if line.strip()]


# ---------------------------------------------------------------- whatever a reply is


class _Reply:
    """A line on which the candidate's whole reply is this text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def say(self, questions: str) -> None:
        assert len(json.loads(questions)) == 1

    def hear(self) -> str:
        return self.text


_TAGS = ("list", "tuple", "set", "dict", "Counter", "object", "array", "range", "Decimal", "type", "bytes", "gave")
_replies = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from([*_TAGS, "raised", "int", "<f8", "O"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(st.sampled_from(_TAGS), st.lists(inner, max_size=3)).map(list)
    ),
    max_leaves=10,
)
_PLAIN = (type(None), bool, int, float, str, list, tuple, set, dict, collections.Counter, bytes, range, type)


@settings(max_examples=200)
@given(
    st.text()
    | _replies.map(json.dumps)
    | st.tuples(st.sampled_from(["gave", "raised"]), _replies, _replies).map(
        lambda three: json.dumps(["tuple", [*three, None]])
    )
)
def test_whatever_a_reply_is_the_judge_holds_plain_data_or_a_handle(text: str) -> None:
    """Or the test ends, or meets an ordinary exception; nothing else can come of it."""
    judge = tested.Judge(cast("Any", _Reply(text)), on_answer=lambda: None)
    items: list[Any] = [1, [2]]
    try:
        held = judge.names(["f"])["f"](items, key={"a": 1})
    except tested.EndOfTest:
        assert judge.status in ("error", "memory")
    except Exception as error:  # noqa: BLE001 (any builtin one may be what the candidate raised)
        assert type(error).__module__ == "builtins"  # noqa: PT017
    else:
        assert _is_plain(held)
    assert _is_plain(items)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple, set)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    known = (*_PLAIN, tested.Remote, decimal.Decimal, numpy.ndarray, numpy.generic)
    return isinstance(value, known) and type(value).__module__ in ("builtins", "decimal", "numpy", tested.__name__)
