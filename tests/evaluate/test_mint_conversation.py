"""MINT, what runs: conversations, sessions, verdicts, feedback, the journal; and MINT's own transcripts held again."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import mint_world
import pytest

from preftree.actors.scripted import ScriptedActor
from preftree.engine import run_all
from preftree.errors import RequestRefusedError
from preftree.evaluate.benchmark import Form
from preftree.evaluate.converse import grade_given, hold
from preftree.evaluate.items import read_from
from preftree.evaluate.mint import checkers
from preftree.evaluate.mint.prompts import invalid, told
from preftree.evaluate.mint.settings import MintSettings
from preftree.evaluate.registry import find_benchmark
from preftree.records import Message

TRANSCRIPTS = [
    pytest.param(row, id=f"{row['source']}-{row['id']}")
    for row in map(json.loads, (Path(__file__).parent / "mint_transcripts.jsonl").read_text().splitlines())
]


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="module")
def bench(loop, tmp_path_factory):
    """One engine for all tests of this file; what they ask has keys of its own by model and item."""
    ready: asyncio.Future = loop.create_future()
    done = asyncio.Event()

    async def work(bench):
        ready.set_result(bench)
        await done.wait()

    task = loop.create_task(mint_world.in_bench(tmp_path_factory.mktemp("forest"), work))
    yield loop.run_until_complete(asyncio.wait_for(asyncio.shield(ready), 60))
    done.set()
    loop.run_until_complete(task)


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return mint_world.items_of(mint_world.write_rows(tmp_path_factory.mktemp("rows")))


@pytest.fixture
def held(request, loop, bench, items):
    """The result of a conversation, and the messages before each of its turns."""

    def conversation(said, item="math/0", benchmark="mint", judge=None):
        seen: list[tuple[Message, ...]] = []

        def script(messages, index):
            seen.append(messages)
            return said[len(seen) - 1]

        model = ScriptedActor(script, name=request.node.name)
        world = replace(bench, judge=judge)
        found = items[item] if isinstance(item, str) else item
        return loop.run_until_complete(hold(mint_world.attempt(world, benchmark, found, model))), seen

    return conversation


SOLVE = "So it is <solution> 42 </solution>."


@pytest.mark.parametrize(
    ("said", "benchmark", "outcomes", "scores"),
    [
        pytest.param([SOLVE], "mint", "c", "11111", id="at-once"),
        pytest.param(["Hm.", SOLVE], "mint", "wc", "01111", id="an-invalid-action-uses-a-step"),
        pytest.param(["Hm."] * 4 + [SOLVE], "mint", "wwwwc", "00001", id="in-the-last-step"),
        pytest.param(["Hm."] * 5, "mint", "wwwww", "00000", id="never"),
        pytest.param(["<solution>1</solution>", "Hm.", SOLVE], "mint", "wwc", "00111", id="second-solution"),
        pytest.param(["<solution>1</solution>"] * 2, "mint", "ww", "00000", id="no-third-solution"),
        pytest.param(["<solution>"] * 2, "mint", "ww", "00000", id="an-empty-solution-is-one"),
        pytest.param(["<solution>1</solution>"], "mint:k=1", "w", "0", id="one-step-one-solution"),
        pytest.param(["Hm."] * 2, "mint:k=2", "ww", "00", id="two-steps"),
    ],
)
def test_a_conversation_ends_when_solved_or_spent(held, said, benchmark, outcomes, scores):
    result, seen = held(said, benchmark=benchmark)
    assert [outcome[0] for outcome in result.outcomes] == list(outcomes)
    assert list(result.metadata["scores"].values()) == [float(score) for score in scores]
    assert len(seen) == len(said) == len(result.responses)
    assert result.dataset == benchmark
    assert result.metadata["labels"] == {"task": "math", "group": "math"}


def test_success_at_k_is_not_success_after_k_turns(loop, bench, items):
    """FACTS: k stands in the prompt, so success at k is that of runs with k steps. A model that waits for the last step
    that it is told of solves at 1, 2 and 5, and in the run of 5 nothing after one turn or two."""

    def last_step(messages, index):
        told_left = re.findall(r"You have (\d+) (?:steps left|chances to interact)", messages[-1].content)
        return SOLVE if int(told_left[0]) == 1 else "Hm."

    def solved(name):
        model = ScriptedActor(last_step, name="waits")
        return loop.run_until_complete(hold(mint_world.attempt(bench, name, items["math/0"], model)))

    runs = {k: solved("mint" if k == 5 else f"mint:k={k}") for k in (1, 2, 5)}
    assert [runs[k].outcomes[-1] for k in runs] == ["correct"] * 3
    assert [runs[k].metadata["scores"][f"after_{k}"] for k in runs] == [1.0] * 3
    assert [runs[5].metadata["scores"][f"after_{turn}"] for turn in (1, 2, 5)] == [0.0, 0.0, 1.0]


def test_the_model_sees_its_turns_and_what_came_of_them(held):
    _, seen = held(["Hm.\nObservation: forged", "<execute>x = 6</execute>", "<execute>x * 7</execute>", SOLVE])
    last = seen[-1]
    assert [message.role for message in last] == ["user", "assistant"] * 3 + ["user"]
    assert last[1].content == "Assistant:\nHm.\n"  # what another was to say is cut off
    assert last[2].content == told(invalid(MintSettings()), 4, 2)
    assert last[4].content == told("[Executed Successfully with No Output]", 3, 2)
    assert last[6].content == told("Out[2]: 42", 2, 2)  # the session goes on


def test_a_wrong_solution_is_told(held):
    _, seen = held(["<solution>1</solution>", "Hm.", "Hm.", "Hm.", SOLVE])
    assert seen[1][-1].content == told("Your answer is wrong.", 4, 1)
    assert seen[4][-1].content.endswith(
        "You have 1 steps left and 1 chances to propose solution left.\n"
        "You should take the last step to propose a solution.\n"
    )


def test_fenced_code_is_read_where_that_is_the_tag(held):
    _, seen = held(["```python\nprint(6 * 7)\n```", SOLVE], benchmark="mint:tag=python")
    assert seen[1][-1].content == told("42", 4, 2)
    assert "```python" in seen[0][0].content


@pytest.mark.parametrize(
    ("item", "solution", "outcome"),
    [
        pytest.param("math/0", "44.0", "correct", id="within-5%"),
        pytest.param("math/0", "44.2", "wrong", id="beyond-5%"),
        pytest.param("math/0", "x = 42.0 apples", "correct", id="the-reference-as-a-substring"),
        pytest.param("math/0", "42 apples", "wrong", id="no-substring"),
        pytest.param("hotpotqa/0", "It was GEORGE Harrison.", "correct", id="in-any-case"),
        pytest.param("hotpotqa/0", "Harrison", "wrong", id="a-part"),
        pytest.param("gsm8k/0", "6.3", "correct", id="gsm8k"),
        pytest.param("mmlu/0", "C", "correct", id="mmlu"),
        pytest.param("theoremqa/1", "[5, 10/2 - 5]", "correct", id="theoremqa-evaluates-in-the-jail"),
        pytest.param("theoremqa/1", "[0, 5, __import__('os').getpid()]", "wrong", id="theoremqa-no-more"),
        pytest.param("theoremqa/1", "{0, 5}", "correct", id="theoremqa-set"),
        pytest.param("theoremqa/1", "np.array([0, 5])", "correct", id="theoremqa-numpy"),
        pytest.param("humaneval/0", "def double(x): return x + x", "correct", id="humaneval"),
        pytest.param("humaneval/0", "def double(x): return 8 if x else 1/0", "correct", id="humaneval-tests-alone"),
        pytest.param("humaneval/0", "    return 2 * x", "wrong", id="humaneval-needs-the-function"),
        pytest.param("mbpp/0", "def halve(x): return x / 2", "correct", id="mbpp-imports-of-its-own"),
        pytest.param("mbpp/0", "def halve(x): return x // 2", "wrong", id="mbpp"),
    ],
)
def test_each_task_has_its_rule(loop, bench, items, item, solution, outcome):
    mint = find_benchmark("mint")
    responses = (f"<solution>\n{solution}\n</solution>",)
    grade = loop.run_until_complete(grade_given(mint, bench, items[item], Form(), responses))
    assert grade.verdict.outcome == outcome, grade


@pytest.mark.parametrize(("seconds", "outcome"), [(2.1, "correct"), pytest.param(12, "wrong", marks=pytest.mark.slow)])
def test_code_has_ten_seconds(loop, bench, items, seconds, outcome):
    """The engine's own limit is 2 s here; MINT's is 10."""
    slow = (
        "import time\ndef double(x):\n    end = time.process_time() + {}\n"
        "    while time.process_time() < end: pass\n    return 2 * x"
    )
    responses = (f"<solution>{slow.format(seconds)}</solution>",)
    mint = find_benchmark("mint")
    grade = loop.run_until_complete(grade_given(mint, bench, items["humaneval/0"], Form(), responses))
    assert grade.verdict.outcome == outcome, grade
    assert checkers.TEST_S == 10.0
    assert outcome == "correct" or "10 s of CPU" in grade.verdict.why


@pytest.mark.parametrize(
    ("turns", "outcome", "scores"),
    [
        ([SOLVE], "correct", "11111"),
        (["<execute>1</execute>", SOLVE], "correct", "01111"),
        (["<solution>1</solution>", "<solution>2</solution>", SOLVE], "wrong", "00000"),
        (["Hm."] * 5 + [SOLVE], "wrong", "00000"),
        ([SOLVE, "<solution>1</solution>"], "correct", "11111"),
        (["I don't know."], "wrong", "00000"),
    ],
)
def test_given_responses_are_the_turns(loop, bench, items, turns, outcome, scores):
    grade = loop.run_until_complete(grade_given(find_benchmark("mint"), bench, items["math/0"], Form(), tuple(turns)))
    assert grade.verdict.outcome == outcome
    assert list(grade.scores.values()) == [float(score) for score in scores]


# ---------------------------------------------------------------- feedback, refusals, failures


def test_an_expert_comments_on_each_step(held):
    asked: list[Message] = []
    expert = ScriptedActor(lambda messages, index: asked.extend(messages) or " This is BAD. Think.", name="expert")
    result, seen = held(["Hm.", SOLVE], benchmark="mint:feedback=textual", judge=expert)
    assert seen[1][-1].content == told(invalid(MintSettings()), 4, 2, "This is BAD. Think.")
    assert "Expert feedback:\nThis is GOOD. You have successfully" in seen[0][0].content
    assert expert.calls == 1  # none after the end
    assert asked[0].content.startswith("You are an expert tasked with")
    assert result.metadata["no_feedback"] == 0


@pytest.mark.parametrize(
    ("said", "told_of", "none"),
    [("This is GOOD. More.", "This is GOOD.", 0), ("Well. This is BAD.", "", 1), ("no sentence", "", 1)],
)
def test_binary_feedback_is_its_first_sentence(held, said, told_of, none):
    expert = ScriptedActor(lambda messages, index: said, name=f"expert {said}")
    result, seen = held(["Hm.", SOLVE], benchmark="mint:feedback=binary", judge=expert)
    assert seen[1][-1].content == told(invalid(MintSettings()), 4, 2, told_of)
    assert result.metadata["no_feedback"] == none


def test_a_refused_prompt_ends_unsolved(loop, bench, items):
    def too_long(request, index):
        return RequestRefusedError("the prompt is too long") if len(request.messages) > 1 else None

    model = ScriptedActor(lambda messages, index: "Hm.", name="short of context", fault=too_long)
    result = loop.run_until_complete(hold(mint_world.attempt(bench, "mint", items["math/0"], model)))
    assert result.outcomes == ("wrong",)
    assert result.metadata["refused"] == "the prompt is too long"
    assert len(result.responses) == 1


def test_a_failing_jail_ends_undecided(held, bench, monkeypatch):
    from preftree.environment import observe

    async def broken(*args, **keywords):
        return observe.broken("made to fail")

    monkeypatch.setattr(bench.engine.interpreter, "run", broken)
    result, _ = held(["<execute>'made to fail'</execute>", SOLVE])
    assert result.outcomes == ("undecided",)
    assert result.metadata["scores"]["after_5"] == 0.0


# ---------------------------------------------------------------- MINT's transcripts, gold, kills


@pytest.fixture(scope="module")
def published(data_dir):
    mint = find_benchmark("mint")
    read = read_from(mint, str(data_dir))
    return {item.id: item for item in read.items}


@pytest.mark.parametrize("row", TRANSCRIPTS)
def test_a_published_conversation_goes_the_same_way(held, published, row):
    """The words of the model and of the expert are published; ours are what the environment says, and the verdict."""
    told_by_mint = [turn["told"] for turn in row["turns"] if turn["told"] is not None]
    feedback = iter([turn["feedback"] for turn in row["turns"] if "feedback" in turn])
    expert = ScriptedActor(lambda messages, index: next(feedback), name=f"expert {row['id']}")
    result, seen = held([turn["said"] for turn in row["turns"]], published[row["id"]], row["benchmark"], expert)
    assert [message.content for message in seen[-1] if message.role == "user"][1:] == told_by_mint
    assert len(result.responses) == len(row["turns"])
    assert (result.outcomes[-1] == "correct") == row["success"]


@pytest.mark.parametrize("code", ["every fifth", pytest.param("all", marks=pytest.mark.slow)])
def test_the_gold_passes(loop, bench, published, code):
    """References as responses, and as what a model says in the second of five steps: no exception among the 452."""
    mint = find_benchmark("mint")

    async def graded(item):
        reference = mint.reference(item, Form())
        model = mint_world.actor("<execute>1 + 1</execute>", reference, name="gold")
        grade = await grade_given(mint, bench, item, Form(), (reference,))
        return grade.verdict, (await hold(mint_world.attempt(bench, mint, item, model))).outcomes

    async def all_of():  # many at a time, so that they share the journal's commits
        found = await run_all(bench.engine, [published[name] for name in asked], graded, concurrency=16)
        return dict(zip(asked, found, strict=True))

    programs = [name for name, item in published.items() if item.labels["group"] == "code"]
    some = set(programs[:: 1 if code == "all" else 5])
    asked = [name for name in published if name in some or name not in programs]
    assert len(asked) == {"all": 452, "every fifth": 344}[code]
    verdicts = loop.run_until_complete(all_of())
    assert {name: found for name, found in verdicts.items() if not found[0].correct} == {}
    assert {name for name, found in verdicts.items() if found[1] != ("wrong", "correct")} == set()


def test_a_killed_run_goes_on_and_asks_nothing_twice(tmp_path):
    """SIGKILL before the 7th and the next 9th call; then the same bytes as a run that nobody killed."""
    rows = mint_world.write_rows(tmp_path / "rows")

    def killed(kill_after):
        given = (tmp_path / "killed", rows, tmp_path / "log", kill_after)
        program = [sys.executable, mint_world.__file__, *map(str, given)]
        return subprocess.run(program, capture_output=True, text=True, timeout=120)

    mint_world.run(tmp_path / "whole", rows, tmp_path / "log-whole", 0)
    for kill_after in (7, 9):
        done = killed(kill_after)
        assert done.returncode == -9, done.stderr
    mint_world.run(tmp_path / "killed", rows, tmp_path / "log", 0)
    assert (tmp_path / "killed" / "results.jsonl").read_bytes() == (tmp_path / "whole" / "results.jsonl").read_bytes()
    assert "expert" in (tmp_path / "log").read_text()
    asked = Counter((tmp_path / "log").read_text().split())
    once = Counter((tmp_path / "log-whole").read_text().split())
    # An answer that was not committed when the process died is asked for again, at most once for each of 4 in flight.
    again = asked - once
    assert set(asked) == set(once)
    assert again.total() <= 2 * 4
