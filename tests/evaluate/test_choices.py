"""Answers chosen by log-probability: the likeliest, journalled like any call, gone on with after a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from preftree.actors import Prices
from preftree.actors.scripted import ScriptedActor
from preftree.engine import Budget, Engine
from preftree.errors import InputError, RequestRefusedError, Stopped
from preftree.evaluate.benchmark import Attempt, Bench, Form
from preftree.evaluate.benchmarks.mmlu import MMLU
from preftree.evaluate.converse import attempt_tree, hold, likeliest, require
from preftree.evaluate.items import read_from
from preftree.forest import CallKey, Forest
from preftree.records import Request, Sample, canonical

CHOICE = Form("standard", "choice")
NUM_ITEMS = 24


def made_rows(folder: Path) -> Path:
    for split, count in (("dev", 5), ("test", NUM_ITEMS)):
        (folder / split).mkdir(parents=True, exist_ok=True)
        lines = [f"Question {i}?,a,b,c,d,{'ABCD'[i % 4]}\n" for i in range(count)]
        (folder / split / f"anatomy_{split}.csv").write_text("".join(lines))
    return folder


def by_place(request: Request, continuation: str) -> tuple[float, ...]:
    """The likeliest letter is the right one for every third question, otherwise B."""
    number = int((request.text or "").rpartition("Question ")[2].partition("?")[0])
    wanted = "ABCD"[number % 4] if number % 3 == 0 else "B"
    return (-0.5,) if continuation == f" {wanted}" else (-2.0, -1.0)


def actor(**settings):
    return ScriptedActor(lambda messages, index: " A", scores=by_place, **settings)


async def evaluate(out: Path, model, items, budget=None):
    with Forest(out) as forest:
        engine = Engine(forest, None, None, budget)
        bench = Bench(engine)
        attempts = [Attempt(bench, MMLU, CHOICE, model, "m", item) for item in items]
        results = await asyncio.gather(*map(hold, attempts))
        return results, engine.account


@pytest.fixture
def items(tmp_path):
    return read_from(MMLU, str(made_rows(tmp_path / "rows"))).items


def test_the_likeliest_is_the_answer(tmp_path, items):
    results, account = asyncio.run(evaluate(tmp_path / "out", actor(prices=Prices(1.0, 0.5, 100.0)), items))
    for number, result in enumerate(results):
        wanted = "ABCD"[number % 4]
        assert result.responses == (f" {wanted}" if number % 3 == 0 else " B",)
        assert result.solved_by(1) is (number % 3 == 0 or wanted == "B")
        assert result.metadata["logprobs"][result.responses[0]] == -0.5
        assert sorted(result.metadata["logprobs"].values()) == [-3.0, -3.0, -3.0, -0.5]
    # One call a question; nothing was written; the prompt was read once and cached for the other three.
    assert (account.calls, account.output_tokens) == (NUM_ITEMS, 0)
    prompts = [len(MMLU.ask(item, CHOICE).text.split()) for item in items]
    assert account.cached_tokens == 3 * sum(prompts)
    fresh = sum(prompts) + 7 * NUM_ITEMS
    assert account.input_tokens == account.cached_tokens + fresh
    assert account.price_usd == pytest.approx((fresh + 0.5 * account.cached_tokens) / 1e6)


def test_of_equally_likely_ones_the_first():
    samples = [
        Sample(i, text, 3, 0, logprobs=logprobs)
        for i, (text, logprobs) in enumerate([(" A", (-2.0,)), (" B", (-1.0, -0.5)), (" C", (-1.5,))])
    ]
    assert likeliest(samples) == (" B", {" A": -2.0, " B": -1.5, " C": -1.5})


def test_an_actor_that_cannot_score_is_refused_before_the_run(tmp_path, items):
    mute = ScriptedActor(lambda messages, index: " A", name="mute")
    with pytest.raises(InputError, match=r"mmlu: mode=choice asks for the log-probabilities .* actor mute can't tell"):
        require(MMLU, CHOICE, mute)
    with pytest.raises(InputError, match="mode=choice"):
        asyncio.run(evaluate(tmp_path / "out", mute, items[:1]))
    assert mute.calls == 0
    require(MMLU, replace(CHOICE, mode="text"), mute)


def test_what_was_scored_is_not_asked_again(tmp_path, items):
    first, again = actor(), actor()
    results, _ = asyncio.run(evaluate(tmp_path / "out", first, items[:10]))
    later, account = asyncio.run(evaluate(tmp_path / "out", again, items))
    assert first.calls == 4 * 10
    assert again.calls == 4 * (NUM_ITEMS - 10)
    assert later[:10] == results
    assert account.calls == NUM_ITEMS


def test_other_choices_are_another_question(tmp_path):
    """The key stands with the digest of request and choices; a sampled call's digest is another one."""
    from preftree.errors import ForestError

    async def main():
        with Forest(tmp_path) as forest:
            engine, key = Engine(forest, None, None), CallKey("t", 0, "model", "choose", 0)
            request = Request(text="Question 1?", temperature=0.0)
            await engine.score(actor(), key, request, (" A", " B"))
            with pytest.raises(ForestError, match="with another prompt, model or setting"):
                await engine.score(actor(), key, request, (" A", " C"))
            with pytest.raises(ForestError, match="with another prompt, model or setting"):
                await engine.ask(actor(), key, replace(request, samples=(0, 1)))

    asyncio.run(main())


def test_a_budget_stops_it(tmp_path, items):
    with pytest.raises(Stopped):
        asyncio.run(evaluate(tmp_path / "out", actor(), items, Budget(calls=3)))
    with Forest(tmp_path / "out", readonly=True) as forest:
        assert (forest.account().calls, forest.account().unanswered_calls) == (3, 0)


def test_a_refused_prompt_is_wrong_with_the_reason(tmp_path, items):
    def refuse(request, index):
        asked = request.text.endswith("Question 1?\nA. a\nB. b\nC. c\nD. d\nAnswer:")
        return RequestRefusedError("too long") if asked else None

    results, _ = asyncio.run(evaluate(tmp_path / "out", actor(fault=refuse), items[:3]))
    assert [result.outcomes for result in results][1] == ("wrong",)
    assert results[1].metadata["refused"] == "too long"
    assert results[0].solved_by(1)


SCRIPT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import test_choices as t
items = t.MMLU.read({rows!r}, t.MMLU.published).items
async def main():
    with t.Forest(Path({out!r})) as forest:
        bench = t.Bench(t.Engine(forest, None, None))
        model = t.actor(delay_s=lambda request, index: 0.02)
        for item in items:
            await t.hold(t.Attempt(bench, t.MMLU, t.CHOICE, model, "m", item))
asyncio.run(main())
"""


def test_a_killed_evaluation_goes_on(tmp_path, items):
    """SIGKILL among the calls; what was answered is replayed, and the results are those of a run without a kill."""
    out, rows = tmp_path / "out", tmp_path / "rows" / "test"
    script = SCRIPT.format(here=str(Path(__file__).parent), rows=str(rows), out=str(out))
    child = subprocess.Popen([sys.executable, "-c", script], env={**os.environ})
    deadline = time.monotonic() + 60
    while _answered(out) < 5:
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    answered = _answered(out)
    assert 5 <= answered < NUM_ITEMS
    model = actor()
    results, account = asyncio.run(evaluate(out, model, items))
    assert model.calls == 4 * (NUM_ITEMS - answered)
    assert account.calls == NUM_ITEMS
    assert account.unanswered_calls <= 1  # the one in flight counts as possible spend
    whole, _ = asyncio.run(evaluate(tmp_path / "whole", actor(), items))
    assert canonical(results) == canonical(whole)


def _answered(out: Path) -> int:
    if not (out / "forest.sqlite").is_file():
        return 0
    with sqlite3.connect(f"file:{out / 'forest.sqlite'}?mode=ro", uri=True) as reader:
        try:
            return reader.execute("SELECT COUNT(*) FROM calls WHERE answered IS NOT NULL").fetchone()[0]
        except sqlite3.OperationalError:  # the tables are not there yet
            return 0


def test_attempts_of_two_modes_do_not_meet(items):
    text = Attempt(Bench(None), MMLU, replace(CHOICE, mode="text"), actor(), "m", items[0])
    assert attempt_tree(text) != attempt_tree(replace(text, form=CHOICE))
