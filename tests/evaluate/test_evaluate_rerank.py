"""Reranking from end to end: drawn once, killed, ranked anew, scored in parts, and on a benchmark of the registry."""

import asyncio
import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
import rerank_world
from rerank_world import PROBLEMS, Policy, drawn

from preftree.actors import ActorSettings, make_actor
from preftree.cli import main
from preftree.errors import InputError
from preftree.evaluate import RerankSettings
from preftree.evaluate.benchmark import Asked as AskedOfModel
from preftree.evaluate.benchmark import Benchmark, Form, Item, Published
from preftree.evaluate.drawing import Draws, OwnDraws, draw, own_pool, published_pool
from preftree.evaluate.registry import find_benchmark
from preftree.evaluate.rerank import rank, reward_all
from preftree.forest import Forest
from preftree.records import Message, Request, canonical, digest
from preftree.tries.asking import Asked


def calls(log):
    return Counter(log.read_text().splitlines()) if log.is_file() else Counter()


def length(conversations):
    """A reward: longer answers are better."""
    return [[float(len(messages[-1].content)) for messages in group] for group in conversations]


def test_a_killed_drawing_goes_on_and_asks_nothing_twice(tmp_path):
    whole, _ = drawn(tmp_path / "whole", Policy(tmp_path / "whole.log"), 8, greedy=True)
    out, log = tmp_path / "out", tmp_path / "killed.log"
    words = [sys.executable, rerank_world.__file__, str(out), str(log), "8"]
    # 36 calls are sent at a time: with the next ones some of the first are committed.
    for lines in (38, 80):
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while process.poll() is None and calls(log).total() < lines:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert process.returncode == -signal.SIGKILL
    with Forest(out, readonly=True) as forest:
        committed = forest.account().calls
    before = calls(log)
    assert 0 < committed < 12 * 9
    done, account = drawn(out, Policy(log), 8, greedy=True)
    after = calls(log)
    assert set(after) == {f"{i} {sample}" for i in range(12) for sample in (*range(8), "greedy")}
    # What was answered and committed is asked no more; each of the two kills lost what was in flight.
    assert (after - before).total() == 12 * 9 - committed
    assert account.calls == 12 * 9
    assert [canonical(list(one.results)) for one in done] == [canonical(list(one.results)) for one in whole]
    assert [one.classes for one in done] == [one.classes for one in whole]
    assert (out / "results.jsonl").read_bytes() == (tmp_path / "whole" / "results.jsonl").read_bytes()


def test_more_rankers_rewards_and_samples_ask_for_nothing_that_is_there(tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    drawn(out, Policy(log), 4, greedy=False)
    assert calls(log).total() == 12 * 4
    again, _ = drawn(out, Policy(log, forbidden=True), 4, greedy=False)
    assert [one.greedy for one in again] == [None] * 12
    # Another ranker needs the greedy answer, which is the only new call; more samples are the new ones alone.
    drawn(out, Policy(log), 4, greedy=True)
    assert calls(log).total() == 12 * 5
    more, _ = drawn(out, Policy(log), 8, greedy=True)
    assert max(calls(log).values()) == 1
    assert calls(log).total() == 12 * 9
    assert {len(one.results) for one in more} == {8}


def test_figures_of_a_run(tmp_path):
    done, _ = drawn(tmp_path / "out", Policy(tmp_path / "log"), 6, greedy=True)
    # Three notations are one answer; the two wrong ones are two others.
    assert [one.classes for one in done[:2]] == [(0, 0, 1, 0, 0, 2), (0, 1, 0, 0, 2, 0)]
    found = rank(done, {"reward model": [[float(i == 2) for i in range(6)] for _ in done]}, RerankSettings())
    rows = {(row["method"], row["n"]): row for row in found["curves"]}
    assert {n for _, n in rows} == {1, 2, 4}
    assert rows["random", 4]["value"] == pytest.approx(2 / 3)
    # Of 15 subsets of 4 one holds both wrong samples and no more than two right: a tie of 2 with 1 and 1 is none.
    assert rows["self-consistency", 4]["value"] == 1.0
    assert rows["pass@N", 2]["value"] == pytest.approx(1 - 1 / 15)
    # One greedy answer, whatever N is (the paper's top logits).
    assert [rows["greedy", n]["value"] for n in (1, 2, 4)] == [pytest.approx(8 / 12)] * 3
    assert found["absent"].keys() == {"logprob-sum", "logprob-mean"}
    assert {row["dataset"] for row in found["rows"]} == {"even", "odd"}
    assert {row["n"] for row in found["rows"]} == {4}
    assert all(row["problems"] == 6 for row in found["by_dataset"])


def test_rewards_are_asked_for_together_and_written_down(tmp_path):
    done, _ = drawn(tmp_path / "out", Policy(tmp_path / "log"), 4, greedy=False)
    found = reward_all(done, {"a": length, "b": lambda groups: [[0.0] * len(group) for group in groups]}, tmp_path)
    conversations = [[(*c.conversation, Message("assistant", r.responses[0])) for r in c.results] for c in done]
    assert found == {"a": length(conversations), "b": [[0.0] * 4] * 12}
    kept = json.loads((tmp_path / "rewards.json").read_text())
    assert kept == {
        name: {one.key: values for one, values in zip(done, found[name], strict=True)} for name in ("a", "b")
    }


def test_rewards_that_are_no_numbers(tmp_path):
    done, _ = drawn(tmp_path / "out", Policy(tmp_path / "log"), 2, greedy=False)

    def unread(conversations):
        return [[-math.inf] * len(group) for group in conversations]

    found = reward_all(done, {"unread": unread}, tmp_path)
    assert json.loads((tmp_path / "rewards.json").read_text())["unread"]["p0"] == [None, None]
    assert found["unread"][0] == [-math.inf] * 2
    # It can read none, so it chooses at random.
    rows = {(row["method"], row["n"]): row["value"] for row in rank(done, found, RerankSettings(tie="share"))["curves"]}
    assert rows["unread", 2] == pytest.approx(rows["random", 2])
    with pytest.raises(InputError, match="NaN"):
        reward_all(done, {"nan": lambda groups: [[math.nan] * 2 for _ in groups]}, tmp_path)


def test_log_probabilities_are_the_actor_s_own(tmp_path, tiny_model):
    """Each sample's sum and mean are what the actor says of the same draw, asked directly; the likeliest is chosen."""
    draws = OwnDraws(samples=4, max_tokens=6)
    pool = own_pool("tiny", PROBLEMS[:3], draws)

    async def work():
        actor = make_actor(ActorSettings(model=str(tiny_model), dtype="float32"))
        try:
            done, _ = await draw([pool], "tiny", actor, draws, tmp_path / "out", greedy=False)
            direct = []
            for item in pool.items:
                seed = int(digest([0, item.id, 0])[:12], 16)
                asked = pool.benchmark.ask(item, pool.form)
                request = Request(asked.messages, max_tokens=6, samples=(0, 1, 2, 3), seed=seed, logprobs=True)
                direct.append(await actor.sample(request))
            return done, direct
        finally:
            await actor.close()

    done, direct = asyncio.run(work())
    for one, samples in zip(done, direct, strict=True):
        kept = [result.metadata["logprob"] for result in one.results]
        assert [entry["tokens"] for entry in kept] == [len(sample.logprobs) for sample in samples]
        assert [entry["sum"] for entry in kept] == pytest.approx([sum(sample.logprobs) for sample in samples], rel=1e-4)
        assert all(-20 < entry["sum"] / entry["tokens"] < 0 for entry in kept)
    # As if the likeliest were right, and no other: it is the one that is chosen.
    for name, by in (("logprob-sum", sum), ("logprob-mean", lambda values: sum(values) / len(values))):
        marked = []
        for one, samples in zip(done, direct, strict=True):
            top = max(range(4), key=lambda i: by(samples[i].logprobs))
            results = [
                replace(result, outcomes=("correct" if i == top else "wrong",)) for i, result in enumerate(one.results)
            ]
            marked.append(replace(one, results=tuple(results)))
        found = rank(marked, {}, RerankSettings(counts=(1, 4), rankers=(name,)))
        assert [row["value"] for row in found["curves"]] == [0.25, 1.0]


def test_a_benchmark_of_the_registry(tmp_path):
    """GSM8K as published (four made rows), a greedy answer for the ties, the same samples for each ranker."""
    rows = [{"question": f"What is {i} + 1?", "answer": f"One more.\n#### {i + 1}"} for i in range(4)]
    (tmp_path / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    benchmark = find_benchmark("gsm8k")
    items = benchmark.read(str(tmp_path / "test.jsonl"), benchmark.published).items
    pool = published_pool(benchmark, Form("eurus-2024-04", "text"), items)
    policy = Policy(tmp_path / "log")
    done, _ = asyncio.run(draw([pool], "made", policy, Draws(6), tmp_path / "out", greedy=True))
    assert [one.key for one in done] == [f"gsm8k/{i}" for i in range(4)]
    assert done[0].classes == (0, 0, 1, 0, 0, 2)
    found = rank(done, {}, RerankSettings())
    assert {row["dataset"] for row in found["rows"]} == {"gsm8k"}
    assert {result.dataset for one in done for result in one.results} == {"gsm8k"}


def test_a_benchmark_of_several_turns_is_refused():
    asked = AskedOfModel((Message("user", "?"),), then=("and then?",))
    benchmark = Benchmark("chat", Published(), lambda p, q: None, 1, lambda i, f: asked, None, lambda i, f: None)
    with pytest.raises(InputError, match="chat: "):
        published_pool(benchmark, Form(), (Item("0", PROBLEMS[0]),))


# ---------------------------------------------------------------- the stage and the command


def test_the_command_from_end_to_end(tmp_path, tiny_model, capsys, monkeypatch):
    """The files, the table; then other rankers and a reward in the same directory, without a new call."""
    rows = [{"problem": f"What is {i} + 1?", "reference": str(i + 1), "verifier": "number"} for i in range(3)]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "out"
    words = [f"problems={tmp_path / 'p.jsonl'}", f"policy.tiny.model={tiny_model}", f"out={out}", "protocol.samples=4"]
    words += ["protocol.max_tokens=4", "protocol.temperature=0.9"]

    def preftree(*more):
        status = main(["rerank", *words, *more])
        return status, *capsys.readouterr()

    status, said, _ = preftree("ranking.rankers=[random, pass@N]")
    assert status == 0
    assert "random" in said
    assert "4 samples a problem at T = 0.9" in said
    report = json.loads((out / "stage.json").read_text())["report"]
    assert report["files"] == ["curves.csv", "curves.svg"]
    assert report["calls"] == 12
    with (out / "curves.csv").open() as file:
        data = list(csv.DictReader(file))
    drawn_points = {(row["dataset"], row["method"], row["n"]) for row in data}
    assert {("all", "random", "4"), ("all", "pass@N", "1")} <= drawn_points
    assert ET.parse(out / "curves.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"

    more = ("ranking.rankers=[random, pass@N, logprob-mean, self-consistency]", "ranking.tie=share", "--json")
    status, said, told = preftree(*more)
    assert (status, "done before" in told) == (0, False)
    report = json.loads(said)
    assert report["calls"] == 12
    assert {row["method"] for row in report["curves"]} == {"random", "pass@N", "logprob-mean", "self-consistency"}
    status, _, told = preftree(*more)
    assert (status, "done before" in told) == (0, True)

    # A reward is asked for once: with more of them in the same directory, and under another name, it is read.
    likely = [f"rewards.likely.model={tiny_model}", "rewards.likely.kind=implicit"]
    status, said, _ = preftree("ranking.rankers=[rewards]", *likely, "--json")
    assert {row["method"] for row in json.loads(said)["curves"]} == {"likely"}
    monkeypatch.setattr(Asked, "passes", lambda *_: pytest.fail("scored again"))
    again = [word.replace("likely", "again") for word in likely] + ["rewards.again.beta=0.2"]
    status, said, _ = preftree("ranking.rankers=[rewards]", *likely, *again, "--json")
    assert {row["method"] for row in json.loads(said)["curves"]} == {"likely", "again"}
    rewards = json.loads((out / "rewards.json").read_text())
    for item, values in rewards["likely"].items():
        assert rewards["again"][item] == pytest.approx([2 * value for value in values])

    status, _, told = preftree("protocol.temperature=0.5")
    assert status == 2
    assert "was begun with other settings (protocol.temperature: was 0.9, is 0.5)" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["policy.sft.model="], "policy: sft has no model", id="empty-policy"),
        pytest.param(["policy.sft.kind=local"], "policy: sft has no model", id="policy-without-model"),
        pytest.param(["policy={}"], "policy: expected one name", id="no-policy"),
        pytest.param(["benchmarks=[gsm8k]"], "and one of the two", id="both"),
        pytest.param(["protocol=eurus"], "protocol: expected settings", id="protocol"),
        pytest.param(["protocol.turns=3"], 'unknown setting "protocol.turns"', id="turns"),
        pytest.param(["protocol.temperature=0"], "all 8 samples are the same", id="temperature"),
        pytest.param(["rewards.a.modle=x"], 'rewards.a: unknown setting "modle"', id="reward"),
        pytest.param(["rewards.greedy.model=x"], '"greedy" is the name of a ranker', id="reward-name"),
        pytest.param(["ranking.counts=[16]"], "16 of 8 samples", id="counts"),
        pytest.param(["ranking.tie=coin"], "expected one of", id="tie"),
        pytest.param(["reward_model=gone/reward"], "gone/reward", id="missing-reward-model"),
    ],
)
def test_wrong_settings_end_in_one_sentence(tmp_path, capsys, words, said):
    (tmp_path / "p.jsonl").write_text(json.dumps({"problem": "What is 1 + 1?", "reference": "2"}))
    given = {"policy.sft.model": "embedded"} if not any(word.startswith("policy") for word in words) else {}
    status = main(
        [
            "rerank",
            f"problems={tmp_path / 'p.jsonl'}",
            f"out={tmp_path / 'out'}",
            *words,
            *(f"{k}={v}" for k, v in given.items()),
        ]
    )
    last = [line for line in capsys.readouterr().err.splitlines() if line.startswith("preftree: ")]
    assert (status, len(last)) == (2, 1)
    assert said in last[0]
