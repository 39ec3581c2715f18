"""What an action is shown and what it gives, in a real jail: notebook semantics, replayed state, limits."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Callable, Iterator

import pytest

from preftree.environment import EnvironmentSettings, Interpreter, Limits, Past
from preftree.errors import InputError, JailError
from preftree.records import Observation

Run = Callable[..., Observation]
PEEK = Past("import sys\nagain = sys.stdin.read()", "ok")


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs code in one warm jail with the default modules."""
    loop = asyncio.new_event_loop()
    interpreter = Interpreter(EnvironmentSettings(workers=1, limits=Limits(cpu_s=1, wall_s=30, output_chars=1000)))
    yield lambda code, history=(), stdin="": loop.run_until_complete(interpreter.run(code, history, stdin))
    loop.run_until_complete(interpreter.close())
    loop.close()


@pytest.mark.parametrize(
    ("code", "status", "value", "output"),
    [
        pytest.param("(-2+2j)", "ok", "(-2+2j)", "Out: (-2+2j)", id="the-papers-value"),
        pytest.param("print('a')\nprint('b')", "ok", None, "a\nb", id="prints"),
        pytest.param("print('a', end='')\n1 + 1", "ok", "2", "a\nOut: 2", id="prints-and-value"),
        pytest.param("x = 3", "ok", None, "[Executed Successfully with No Output]", id="nothing"),
        pytest.param("", "ok", None, "[Executed Successfully with No Output]", id="empty"),
        pytest.param("None", "ok", None, "[Executed Successfully with No Output]", id="none-is-no-value"),
        pytest.param("'text'", "ok", "'text'", "Out: 'text'", id="repr-not-str"),
        pytest.param("    a = 2\n    a * 2", "ok", "4", "Out: 4", id="indented-throughout"),
        pytest.param("import sys\nsys.exit()", "ok", None, "[Executed Successfully with No Output]", id="exit"),
        pytest.param("import sys\nprint(1, file=sys.stderr)", "ok", None, "1", id="standard-error"),
        pytest.param("from sympy import *\nsqrt(8)", "ok", "2*sqrt(2)", "Out: 2*sqrt(2)", id="sympy"),
        pytest.param("import numpy as np\nnp.eye(2)[0]", "ok", "array([1., 0.])", "Out: array([1., 0.])", id="numpy"),
        pytest.param("len(str(3**20000))", "ok", "9543", "Out: 9543", id="large-integers"),
        pytest.param("__name__", "ok", "'__main__'", "Out: '__main__'", id="main"),
        pytest.param(
            "from multiprocessing import Pool\nwith Pool(2) as pool:\n    r = pool.map(abs, [-1, -2])\nr",
            "ok",
            "[1, 2]",
            "Out: [1, 2]",
            id="process-pool",
        ),
        pytest.param(
            "# Step 3\n(-3) - (-1) + (-2i) - (-4i)",
            "syntax",
            None,
            "Cell In[1], line 2\n    (-3) - (-1) + (-2i) - (-4i)\n                     ^\n"
            "SyntaxError: invalid decimal literal",
            id="the-papers-syntax-error",
        ),
        pytest.param("print(1)\nx = (", "syntax", None, None, id="syntax-errors-are-told-before-running"),
        pytest.param("x = '\0'", "syntax", None, None, id="nul-in-code"),
        pytest.param(
            "def f(x):\n    return 1 / x\nprint('first')\nf(0)",
            "error",
            None,
            "first\nTraceback (most recent call last):\n  Cell In[1], line 4\n    f(0)\n"
            "  Cell In[1], line 2, in f\n    return 1 / x\nZeroDivisionError: division by zero",
            id="own-frames",
        ),
        pytest.param(
            "import json\njson.loads('{')",
            "error",
            None,
            "Traceback (most recent call last):\n  Cell In[1], line 2\n    json.loads('{')\n"
            "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
            id="library-frames-are-left-out",
        ),
        pytest.param(
            "try:\n    int('a')\nexcept ValueError as e:\n    raise KeyError('b') from e",
            "error",
            None,
            "Traceback (most recent call last):\n  Cell In[1], line 2\n    int('a')\n"
            "ValueError: invalid literal for int() with base 10: 'a'\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            "Traceback (most recent call last):\n  Cell In[1], line 4\n    raise KeyError('b') from e\nKeyError: 'b'",
            id="causes",
        ),
        pytest.param("import sys\nsys.exit(3)", "error", None, None, id="exit-with-a-status"),
        pytest.param("raise KeyboardInterrupt", "error", None, None, id="base-exceptions"),
        pytest.param("import socket\nsocket.socket()", "error", None, None, id="no-network"),
    ],
)
def test_a_cell(run: Run, code: str, status: str, value: str | None, output: str | None) -> None:
    seen = run(code)
    assert (seen.status, seen.value) == (status, value), seen
    if output is not None and seen.output != output:
        # Versions of Python word the paper's error differently; the form is the same.
        assert (
            seen.output.replace("invalid syntax", "invalid decimal literal").split("\n")[-1] == output.split("\n")[-1]
        )
        assert seen.output.split("\n")[:2] == output.split("\n")[:2]


def test_the_state_of_earlier_cells_is_there(run: Run) -> None:
    history = [
        Past("x = 5\nprint('not shown again')", "ok"),
        Past("y = x + 1\nraise ValueError\nz = 1", "error"),
        Past("x = 'lost'\nwhile True: pass", "time"),
        Past("x = (", "syntax"),
        Past("import random\nr = random.random()", "ok"),
    ]
    seen = run("print('z' in globals())\nx, y", history)
    assert seen == Observation("ok", "False\nOut: (5, 6)", "(5, 6)", seen.cpu_s, seen.wall_s)
    assert run("r", history).value == run("r", history).value


def test_cells_are_numbered_by_turn(run: Run) -> None:
    history = [Past("def f():\n    return 1 / 0", "ok"), Past("(", "syntax")]
    assert run("f()", history).output.split("\n")[1:5] == [
        "  Cell In[3], line 1",
        "    f()",
        "  Cell In[1], line 2, in f",
        "    return 1 / 0",
    ]


def test_samples_of_a_turn_do_not_see_each_other(run: Run) -> None:
    history = [Past("box = []", "ok")]
    assert [run("box.append(1)\nbox", history).value for _ in range(3)] == ["[1]"] * 3


def test_a_limit_is_that_of_the_action_not_of_its_replay(run: Run) -> None:
    """Each earlier cell used most of its own limit; that takes nothing from the next one's."""
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
    history = [Past(burn.format(0.6), "ok")]
    assert run(burn.format(0.6) + "\n'through'", history).value == "'through'"
    stopped = run("while True: pass", history)
    assert stopped.status == "time"
    assert 1.5 < stopped.cpu_s < 2.0


def test_earlier_actions_that_can_no_longer_run_are_the_jails_failure(run: Run) -> None:
    """What the record calls `ok` but ends the process now says nothing of the new action."""
    seen = run("1", [Past("import os\nos._exit(0)", "ok")])
    assert seen.status == "broken"
    assert "could not be replayed" in seen.output


def test_standard_input_is_the_last_cells(run: Run) -> None:
    text = "3 4\n" + "x" * 200_000
    seen = run("a, b = map(int, input().split())\na * b, len(input()), again", [PEEK], text)
    assert seen.value == "(12, 200000, '')"


def test_long_output_is_cut_in_the_middle(run: Run) -> None:
    seen = run("print('a' * 3000)\n'the value'")
    assert seen.output.startswith("aaa")
    assert seen.output.endswith("Out: 'the value'")
    assert "characters left out" in seen.output
    assert len(seen.output) < 1100


@pytest.mark.parametrize(
    ("code", "status", "sentence"),
    [
        pytest.param("print('so far')\nwhile True: pass", "time", "limit of 1 s of CPU time", id="cpu"),
        pytest.param("print('so far')\nx = [0] * 10**10", "memory", "1024 MiB of memory", id="memory"),
        pytest.param("print('so far')\nimport os\nos._exit(3)", "killed", "exit status 3", id="exit"),
        pytest.param(
            "print('so far')\nimport os, time\n"
            "for _ in range(40):\n    if os.fork() == 0: time.sleep(9)\ntime.sleep(9)",
            "processes",
            "32 processes and threads",
            id="processes",
        ),
        pytest.param("while True: print('so far')", "output", "1024 KiB", id="output"),
    ],
)
def test_a_limit_is_told_in_a_sentence(run: Run, code: str, status: str, sentence: str) -> None:
    seen = run(code)
    assert seen.status == status
    assert seen.output.startswith("so far")
    assert seen.output.split("\n")[-1].startswith("Stopped: ")
    assert sentence in seen.output.split("\n")[-1]


def test_many_calls_share_the_pool() -> None:
    async def all_of_them() -> list[Observation]:
        async with Interpreter(EnvironmentSettings(workers=2, preload=())) as interpreter:
            return await asyncio.gather(*(interpreter.run(f"{number} * 2") for number in range(64)))

    assert [seen.value for seen in asyncio.run(all_of_them())] == [str(number * 2) for number in range(64)]


def test_a_cancelled_call_frees_its_place_and_its_jail() -> None:
    async def cancelled() -> str | None:
        async with Interpreter(EnvironmentSettings(workers=1, preload=())) as interpreter:
            await interpreter.run("1")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(interpreter.run("import time\ntime.sleep(60)"), 0.3)
            return (await interpreter.run("'next'")).value

    assert asyncio.run(cancelled()) == "'next'"


def test_a_missing_preload_is_one_clear_sentence() -> None:
    async def start() -> None:
        async with Interpreter(EnvironmentSettings(workers=1, preload=("no_such_module",))) as interpreter:
            await interpreter.run("1")

    with pytest.raises(JailError, match=r"no_such_module.*environment\.preload"):
        asyncio.run(start())


def test_no_isolation_is_never_silent() -> None:
    """It runs, with limits and a warning, and it is the caller's own word that asked for it."""

    async def unjailed() -> list[Observation]:
        async with Interpreter(EnvironmentSettings(workers=1, isolation="none", preload=())) as interpreter:
            return [await interpreter.run("1 + 1"), await interpreter.run("import os\nos.getuid()")]

    with pytest.warns(UserWarning, match="isolation=none"):
        seen = asyncio.run(unjailed())
    assert [one.value for one in seen] == ["2", str(os.getuid())]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        pytest.param(lambda: EnvironmentSettings(isolation="docker"), "environment.isolation", id="isolation"),
        pytest.param(lambda: EnvironmentSettings(workers=0), "environment.workers", id="workers"),
        pytest.param(lambda: Limits(cpu_s=0), "environment.limits.cpu_s", id="cpu"),
        pytest.param(lambda: Limits(memory_mb=-1), "environment.limits.memory_mb", id="memory"),
    ],
)
def test_wrong_settings_are_refused(make: Callable[[], object], names: str) -> None:
    with warnings.catch_warnings(), pytest.raises(InputError, match=names):
        make()
