"""The runner: every attempt once and in order, whatever finishes first; killed, it goes on."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import evaluation_world
import pytest
from small_benchmarks import PROGRAM, TEXT, answer, judged, number_of, scripted, sums, task

from preftree.actors import ActorSettings, make_actor
from preftree.actors.scripted import ScriptedActor
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate import ProblemSet, Protocol, evaluate, load_results, measure, spending, write_results
from preftree.evaluate.benchmark import Metric
from preftree.forest import Forest
from preftree.records import Problem, Reference, Request, from_json


def run(tasks, models, out, **more):
    return asyncio.run(measure(tasks, models, out, **more))


def test_results_come_in_the_order_of_models_forms_items_and_samples(tmp_path):
    """Answers come in another order: the first items take longest."""
    delay = {"delay_s": lambda request, index: 0.02 / (1 + len(request.messages[-1].content) % 7)}
    models = {name: scripted(name=name, identity=name, **delay) for name in ("b", "a")}
    results = run([task(3, (TEXT, PROGRAM), samples=2)], models, tmp_path)
    seen = [(r.model, r.metadata["mode"], r.problem, r.sample) for r in results]
    assert seen == [
        (model, mode, f"sum-{i}", sample)
        for model in ("b", "a")
        for mode in ("text", "program")
        for i in range(3)
        for sample in (0, 1)
    ]


def test_text_and_programs_are_graded_and_labelled(tmp_path):
    results = run([task(4, (TEXT, PROGRAM))], {"m": scripted()}, tmp_path)
    for result in results:
        even = int(result.problem.removeprefix("sum-")) % 2 == 0
        assert result.outcomes == ("correct" if even else "wrong",)
        assert result.metadata["labels"] == {"kind": "even" if even else "odd"}
        assert result.metadata["scores"]["right"] == float(even)


@pytest.mark.parametrize("concurrency", [1, 7, 64])
def test_concurrency_changes_nothing(tmp_path, concurrency):
    found = [
        run([task(8, samples=2)], {"m": scripted()}, tmp_path / str(at), concurrency=at) for at in (concurrency, 16)
    ]
    assert found[0] == found[1]


def test_each_sample_is_a_draw_of_its_own(tmp_path):
    seen = []
    actor = scripted(delay_s=lambda request, index: seen.append((request.seed, index)) or 0.0)
    run([task(3, samples=4)], {"m": actor}, tmp_path)
    # A draw is by seed and index: the seed is the item's, the index the sample's.
    assert len(set(seen)) == len(seen) == 12
    assert {index for _, index in seen} == {0, 1, 2, 3}


def test_overrides_stand_in_the_place_of_the_protocols_own(tmp_path):
    asked = []
    actor = scripted(delay_s=lambda request, index: asked.append(request) or 0.0)
    run([task(2, overrides={"temperature": 0.7, "max_tokens": 5})], {"m": actor}, tmp_path)
    assert {(request.temperature, request.max_tokens) for request in asked} == {(0.7, 5)}


def test_a_prompt_that_is_refused_is_a_wrong_answer(tmp_path):
    def fault(request, index):
        return RequestRefusedError("too long") if "3 + 3" in request.messages[-1].content else None

    results = run([task(5)], {"m": scripted(fault=fault)}, tmp_path)
    refused = [result for result in results if "refused" in result.metadata]
    assert [(r.problem, r.outcomes, r.metadata["why"]) for r in refused] == [("sum-3", ("wrong",), "too long")]
    again = scripted(fault=fault)
    assert run([task(5)], {"m": again}, tmp_path) == results
    assert again.calls == 0


def test_what_was_answered_is_not_asked_again(tmp_path):
    tasks = [task(6, (TEXT, PROGRAM), samples=2)]
    first = scripted()
    results = run(tasks, {"m": first}, tmp_path)
    again = scripted()
    assert run(tasks, {"m": again}, tmp_path) == results
    assert (first.calls, again.calls) == (24, 0)


def test_other_rows_in_the_same_journal_are_refused(tmp_path):
    run([task(6)], {"m": scripted()}, tmp_path)
    with pytest.raises(InputError, match="was begun with other rows of sums"):
        run([task(7)], {"m": scripted()}, tmp_path)


def test_what_it_cost_is_read_from_the_journal(tmp_path):
    from preftree.actors import Prices

    tasks = [task(6, (TEXT, PROGRAM)), task(3, name="more")]
    prices = Prices(input_usd=1e6, output_usd=2e6)
    actor = scripted(prices=prices, delay_s=lambda request, index: 0.2)
    results = run(tasks, {"m": actor}, tmp_path)
    spent = spending(tmp_path, tasks, ["m"])
    assert {key: cost.calls for key, cost in spent.items()} == {
        ("m", "sums", "text"): 6,
        ("m", "sums", "program"): 6,
        ("m", "more", "text"): 3,
    }
    for (_, name, mode), cost in spent.items():
        mine = [r for r in results if (r.dataset, r.metadata["mode"]) == (name, mode)]
        read, written = sum(r.input_tokens for r in mine), sum(r.output_tokens for r in mine)
        assert (cost.input_tokens, cost.output_tokens) == (read, written)
        assert cost.price_usd == pytest.approx(read + 2 * written)
        # All were in flight at once: the time is that of one answer, not their sum.
        assert 0.2 <= cost.seconds < 3 * 0.2


def test_a_judge_is_asked_through_the_journal_and_paid_for(tmp_path):
    from dataclasses import replace

    benchmark = sums(needs_judge=True, metrics=(Metric("mark", "mark", best=10.0),))
    benchmark = replace(benchmark, grade=judged)
    tasks = [replace(task(2, samples=2), benchmark=benchmark)]
    judge = ScriptedActor(lambda messages, index: "7", name="judge", identity="judge")
    results = run(tasks, {"m": scripted()}, tmp_path, judge=judge)
    assert [result.metadata["scores"] for result in results] == [{"mark": 7.0}] * 4
    assert spending(tmp_path, tasks, ["m"])["m", "sums", "text"].calls == 8
    again = ScriptedActor(lambda messages, index: "1", name="judge", identity="judge")
    assert run(tasks, {"m": scripted()}, tmp_path, judge=again) == results
    assert again.calls == 0


# ---------------------------------------------------------------- kills


class Journal:
    """What stands on disk, by the keys of the log."""

    def __init__(self, out):
        self.committed, self.intended = set(), set()
        if not (out / "forest.sqlite").is_file():
            return
        with Forest(out, readonly=True) as forest:
            rows = list(forest._reader.execute("SELECT request, answered FROM calls"))
        for request, answered in rows:
            key = evaluation_world.key_of(from_json(Request, json.loads(request)))
            self.intended.add(key)
            if answered is not None:
                self.committed.add(key)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The results of a run that nobody killed."""
    folder = tmp_path_factory.mktemp("whole")
    evaluation_world.main(folder / "out", folder / "log", 8)
    return (folder / "out" / "results.jsonl").read_bytes()


@pytest.mark.parametrize("concurrency", [1, 16])
def test_killed_it_goes_on_asks_nothing_twice_and_ends_with_the_same_bytes(tmp_path, undisturbed, concurrency):
    out, log = tmp_path / "out", tmp_path / "log"
    log.touch()
    draw = random.Random(concurrency)
    program = [sys.executable, evaluation_world.__file__, str(out), str(log), str(concurrency)]
    kills = 0
    while True:
        before, seen = Journal(out), log.stat().st_size
        process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
        if kills < 3:
            until = seen + draw.randrange(300, 1200)
            while process.poll() is None and log.stat().st_size < until:
                time.sleep(0.001)
            time.sleep(draw.uniform(0.0, 0.02))
            process.kill()  # SIGKILL
        _, errors = process.communicate()
        asked = Counter(log.read_text()[seen:].splitlines())
        after = Journal(out)
        assert not before.committed & set(asked), "an answered call was asked again"
        assert set(asked) <= after.intended, "a call was sent before its intent was on disk"
        assert before.committed <= after.committed, "an answer was lost"
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors
        kills += 1
    assert kills == 3
    assert (out / "results.jsonl").read_bytes() == undisturbed
    assert len(load_results(out / "results.jsonl")) == 24 * 2 * 2 + 12


# ---------------------------------------------------------------- a model in this process


def test_a_local_models_answers_are_drawn_together(tmp_path, tiny_model, monkeypatch):
    """Calls of many conversations at once are rows of one batch."""
    from preftree.actors.decoder import Decoder

    rows, step = [], Decoder.step
    monkeypatch.setattr(Decoder, "step", lambda self: (rows.append(len(self.rows)), step(self))[1])
    actor = make_actor(ActorSettings("tiny", model=str(tiny_model)))

    async def work():
        try:
            return await measure([task(12, samples=2, overrides={"temperature": 1.0})], {"tiny": actor}, tmp_path)
        finally:
            await actor.close()

    results = asyncio.run(work())
    assert len(results) == 24
    assert max(rows) == 24
    # One after another they would take 24 times 32 steps at most.
    assert len(rows) < 3 * 32


# ---------------------------------------------------------------- problems of one's own


PROBLEMS = tuple(
    Problem(f"p{i}", "own", "Math_CoT", f"What is {i} + {i}?", (Reference(str(2 * i)),), "number") for i in range(4)
)


def _second_time(messages, index):
    """Wrong at first, right once it has seen that it is wrong."""
    return answer(messages, 0) if len(messages) == 1 else f"\\boxed{{{2 * number_of(messages[:1])}}}"


def test_own_problems_are_asked_until_they_are_right(tmp_path):
    own = ProblemSet("mine", PROBLEMS, Protocol(turns=3))
    results = asyncio.run(evaluate(own, {"m": ScriptedActor(_second_time)}, tmp_path))
    assert [result.outcomes for result in results] == [("correct",), ("wrong", "correct")] * 2
    assert [result.problem for result in results] == ["p0", "p1", "p2", "p3"]
    assert load_results(tmp_path / "results.jsonl") == results
    again = ScriptedActor(_second_time)
    assert asyncio.run(evaluate(own, {"m": again}, tmp_path)) == results
    assert again.calls == 0


def test_own_problems_several_samples(tmp_path):
    own = ProblemSet("mine", PROBLEMS, Protocol(samples=3, temperature=1.0))
    results = asyncio.run(evaluate(own, {"m": scripted()}, tmp_path))
    assert [(r.problem, r.sample) for r in results] == [(f"p{i}", sample) for i in range(4) for sample in range(3)]
    assert [r.outcomes == ("correct",) for r in results] == [(i - s) % 2 == 0 for i in range(4) for s in range(3)]


def test_own_calls_have_the_keys_that_older_journals_have(tmp_path):
    """An evaluation that was begun before benchmarks came goes on."""
    from preftree.forest import CallKey
    from preftree.records import digest

    asyncio.run(evaluate(ProblemSet("mine", PROBLEMS[:1], Protocol()), {"m": scripted()}, tmp_path))
    key = CallKey(digest(["m", "p0"])[:24], 0, "model", "evaluate", 0)
    with Forest(tmp_path, readonly=True) as forest:
        ((stored, request),) = forest._reader.execute("SELECT key, request FROM calls")
    assert stored == str(key)
    assert json.loads(request)["seed"] == int(digest([0, "p0", 0])[:12], 16)


def test_results_survive_their_file(tmp_path):
    results = run([task(3)], {"m": scripted()}, tmp_path / "out")
    write_results(tmp_path / "results.jsonl", results)
    assert load_results(tmp_path / "results.jsonl") == results
    with (tmp_path / "results.jsonl").open("a") as file:
        file.write('{"model": 3}\n')
    with pytest.raises(InputError, match=r"results\.jsonl row 4: Result"):
        load_results(tmp_path / "results.jsonl")
