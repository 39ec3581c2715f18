"""A prompted judge: both orders, through the journal, in RewardBench's words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Budget
from preftree.errors import ActorError, InputError, RequestRefusedError, Stopped
from preftree.evaluate.rewards import JudgeSettings
from preftree.evaluate.rewards.items import asked_once
from preftree.evaluate.rewards.judge import Judgement, judge_pairs, orders, prompt, vote_of
from preftree.forest import Forest
from preftree.records import Message, Request

PAIR = (asked_once("Which?", "good"), asked_once("Which?", "bad"))


def shown(messages: tuple[Message, ...]) -> tuple[str, str]:
    """The two answers, as the judge sees them."""
    text = messages[-1].content
    a = text.split("[The Start of Assistant A's Answer]\n")[1].split("\n[The End of Assistant A's Answer]")[0]
    b = text.split("[The Start of Assistant B's Answer]\n")[1].split("\n[The End of Assistant B's Answer]")[0]
    return a, b


def fair(messages: tuple[Message, ...], index: int) -> str:
    """The longer answer is better, wherever it stands."""
    a, b = shown(messages)
    return "[[A]]" if len(a) > len(b) else "[[B]]" if len(b) > len(a) else "[[C]]"


def run(actor: ScriptedActor, pairs: Any, out: Path, **settings: Any) -> list[Judgement]:
    return asyncio.run(judge_pairs(actor, pairs, ties=True, settings=JudgeSettings(**settings), out=out))


@pytest.mark.parametrize(
    ("script", "votes", "rewards"),
    [
        pytest.param(fair, (0, 0), (1.0, 0.0), id="fair"),
        pytest.param(lambda m, i: "[[A]]", (0, 1), (0.5, 0.5), id="always the first it sees"),
        pytest.param(lambda m, i: "[[B]]", (1, 0), (0.5, 0.5), id="always the second it sees"),
        pytest.param(lambda m, i: "[[C]]", (2, 2), (0.5, 0.5), id="tie"),
        pytest.param(lambda m, i: "who knows", (None, None), (0.5, 0.5), id="no verdict"),
        pytest.param(
            lambda m, i: "[[A]]" if shown(m)[0] == "good" else "hm", (0, None), (0.5, 0.5), id="half a verdict"
        ),
        pytest.param(lambda m, i: "[[A]]" if shown(m)[0] == "bad" else "[[B]]", (1, 1), (0.0, 1.0), id="the other one"),
    ],
)
def test_both_orders_are_asked_and_must_agree(tmp_path: Path, script: Any, votes: Any, rewards: Any) -> None:
    actor = ScriptedActor(script)
    (found,) = run(actor, [PAIR], tmp_path)
    assert (found.outcome.votes, found.outcome.rewards) == (votes, rewards)
    assert actor.calls == 2


def test_equal_pairs_are_asked_once_and_nothing_is_asked_again(tmp_path: Path) -> None:
    other = (asked_once("Which?", "x"), asked_once("Which?", "yy"))
    actor = ScriptedActor(fair)
    first = run(actor, [PAIR, other, PAIR], tmp_path)
    assert [judgement.outcome.choice() for judgement in first] == [0, 1, 0]
    assert actor.calls == 4
    again = ScriptedActor(fair)
    assert run(again, [PAIR, other, PAIR], tmp_path) == first
    assert again.calls == 0


def test_a_stopped_judge_goes_on(tmp_path: Path) -> None:
    """The budget ends in the middle; the answers that were paid for are not asked again."""
    pairs = [(asked_once(f"{n}?", "good"), asked_once(f"{n}?", "bad")) for n in range(4)]
    first = ScriptedActor(fair)
    with pytest.raises(Stopped):
        run(first, pairs, tmp_path, budget=Budget(calls=5), concurrency=1)
    assert first.calls == 5
    second = ScriptedActor(fair)
    found = run(second, pairs, tmp_path)
    assert second.calls == 3
    assert [judgement.outcome.choice() for judgement in found] == [0] * 4
    with Forest(tmp_path, readonly=True) as forest:
        assert forest.account().calls == 8


def test_a_refused_pair_is_no_verdict_and_stops_nothing(tmp_path: Path) -> None:
    def fault(request: Request, index: int) -> ActorError | None:
        return RequestRefusedError("too long") if "bad" in request.messages[-1].content else None

    other = (asked_once("Which?", "x"), asked_once("Which?", "yy"))
    found = run(ScriptedActor(fair, fault=fault), [PAIR, other], tmp_path)
    assert [(j.outcome.votes, j.refused) for j in found] == [((None, None), 2), ((1, 1), 0)]


def test_the_words_are_mt_bench_s(data_dir: Path) -> None:
    """pair-v2 and pair-v2-multi-turn byte for byte where ties are allowed; RewardBench's are those without the tie."""
    lines = (data_dir / "mt_bench" / "judge_prompts.jsonl").read_text().splitlines()
    published = {row["name"]: row for row in map(json.loads, lines)}
    system, user = prompt(*PAIR, ties=True)
    assert system == Message("system", published["pair-v2"]["system_prompt"])
    filled = published["pair-v2"]["prompt_template"].format(question="Which?", answer_a="good", answer_b="bad")
    assert user == Message("user", filled)
    assert prompt(*PAIR, ties=False)[0].content == system.content.replace(', and "[[C]]" for a tie', "")

    def two(side: str) -> tuple[Message, ...]:
        return (*asked_once("q1", f"{side}1"), *asked_once("q2", f"{side}2"))

    system, user = prompt(two("a"), two("b"), ties=True)
    assert system.content == published["pair-v2-multi-turn"]["system_prompt"]
    values = {"question_1": "q1", "question_2": "q2"} | {f"answer_{s}_{n}": f"{s}{n}" for s in "ab" for n in (1, 2)}
    assert user.content == published["pair-v2-multi-turn"]["prompt_template"].format(**values)


def test_judges_are_asked_greedily_with_room() -> None:
    given, swapped = orders(PAIR, ties=False)
    assert (given.temperature, given.max_tokens, given.samples) == (0.0, 2048, (0,))
    assert (shown(given.messages), shown(swapped.messages)) == (("good", "bad"), ("bad", "good"))


@pytest.mark.parametrize(
    ("text", "vote"),
    [
        pytest.param("[[B]] is worse than [[A]]", 0, id="A wherever it stands"),
        pytest.param("so: [[B]]", 1, id="B"),
        pytest.param("[[C]] or [[B]]", 1, id="B before C"),
        pytest.param("[[C]]", 2, id="tie"),
        pytest.param("[A]", None, id="single brackets"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_how_a_verdict_is_read(text: str, vote: int | None) -> None:
    assert vote_of(text) == vote


def test_braces_in_answers_stay(tmp_path: Path) -> None:
    pair = (asked_once("{answer_a}", "{question}"), asked_once("{answer_a}", "{answer_b}"))
    assert shown(orders(pair, ties=True)[0].messages) == ("{question}", "{answer_b}")


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param((Message("user", "q"),), id="no answer"),
        pytest.param((*asked_once("a", "b"), *asked_once("c", "d"), *asked_once("e", "f")), id="three turns"),
    ],
)
def test_other_conversations_are_refused(talk: tuple[Message, ...]) -> None:
    with pytest.raises(InputError, match="one or two questions"):
        prompt(talk, talk, ties=True)
