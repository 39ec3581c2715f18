"""A prompted judge: which of two answers is better, asked in both orders, every call through the journal.

In:  pairs of conversations, an actor. Out: votes in the pair's own order, one for each order asked.
Always true: equal pairs are asked once; a killed scoring asks nothing again; where the two votes differ, or one says
nothing, the pair is a tie and neither answer is preferred.

The words are those of RewardBench's generative judges (Apache-2.0), which are MT-Bench's `pair-v2` without the tie; a
benchmark with ties offers it, as `pair-v2` does. A verdict is the first of [[A]], [[B]], [[C]] that the answer holds.
RewardBench asks once, in an order drawn at random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from preftree.actors import Actor
from preftree.engine import Budget, Engine, run_all, together
from preftree.engine.prompts import fill
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.items import packaged
from preftree.evaluate.rewards.items import FIRST, SECOND, TIE, Conversation, Outcome, judged
from preftree.forest import CallKey
from preftree.progress import progress
from preftree.records import Message, Request, digest

Pair = tuple[Conversation, Conversation]
_OR_TIE = ', and "[[C]]" for a tie'
_MARKS = {"[[A]]": FIRST, "[[B]]": SECOND, "[[C]]": TIE}
_SWAPPED = {FIRST: SECOND, SECOND: FIRST, TIE: TIE, None: None}


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How judges are asked: greedily, as published."""

    max_tokens: int = 2048  # of one verdict
    concurrency: int = 64  # pairs at a time
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        for name in ("max_tokens", "concurrency"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected 1 or more, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The votes of one pair, and what they cost."""

    outcome: Outcome
    input_tokens: int = 0
    output_tokens: int = 0
    refused: int = 0


async def judge_pairs(
    actor: Actor, pairs: Sequence[Pair], *, ties: bool, settings: JudgeSettings, out: Path
) -> list[Judgement]:
    """One judgement a pair, in their order; the journal stands in `out`."""
    keys = [digest([actor.name, ties, list(first), list(second)])[:24] for first, second in pairs]
    distinct = dict(zip(keys, pairs, strict=True))
    requests = {key: orders(pair, ties, settings.max_tokens) for key, pair in distinct.items()}
    # Neither jail nor verifier is started: no answer is run, and votes are read here.
    async with open_bench(out, budget=settings.budget) as bench:
        with progress(f"judged by {actor.name}", 2 * len(distinct), "verdicts") as bar:

            async def one(key: str) -> Judgement:
                asked = await together(*(_ask(bench.engine, actor, key, n, r) for n, r in enumerate(requests[key])))
                bar.advance(2)
                return _joined(asked)

            found = await run_all(bench.engine, list(distinct), one, concurrency=settings.concurrency)
    judgements: Mapping[str, Judgement] = dict(zip(distinct, found, strict=True))
    return [judgements[key] for key in keys]


def orders(pair: Pair, ties: bool, max_tokens: int = 2048) -> tuple[Request, Request]:
    """The two requests: as the pair stands, and swapped."""
    first, second = pair
    return tuple(  # type: ignore[return-value]
        Request(prompt(a, b, ties), temperature=0.0, max_tokens=max_tokens)
        for a, b in ((first, second), (second, first))
    )


def prompt(a: Conversation, b: Conversation, ties: bool) -> tuple[Message, ...]:
    """What a judge is asked of two conversations of one or two turns. Raises InputError for others."""
    roles = [[message.role for message in talk if message.role != "system"] for talk in (a, b)]
    turns = len(roles[0]) // 2
    if roles[0] != roles[1] or turns not in (1, 2) or roles[0] != ["user", "assistant"] * turns:
        raise InputError("a judge is asked of conversations of one or two questions with their answers, no others")
    said_a, said_b = ([message.content for message in talk if message.role != "system"] for talk in (a, b))
    name = "pair" if turns == 1 else "pair_turns"
    if turns == 1:
        values = {"question": said_a[0], "answer_a": said_a[1], "answer_b": said_b[1]}
    else:
        values = {"question_1": said_a[0], "question_2": said_a[2]}
        values |= {"answer_a_1": said_a[1], "answer_a_2": said_a[3], "answer_b_1": said_b[1], "answer_b_2": said_b[3]}
    system = fill(_template(f"{name}_system"), tie=_OR_TIE if ties else "")
    return (Message("system", system), Message("user", fill(_template(f"{name}_user"), **values)))


def vote_of(text: str) -> int | None:
    """A verdict as RewardBench and FastChat read it: [[A]] wherever it stands, else [[B]], else [[C]]."""
    return next((vote for mark, vote in _MARKS.items() if mark in text), None)


def votes_of(texts: Sequence[str]) -> tuple[int | None, ...]:
    """Votes in the pair's own order, of answers to the pair and (the second) to the swapped pair."""
    votes = [vote_of(text) for text in texts]
    return tuple(vote if order == 0 else _SWAPPED[vote] for order, vote in enumerate(votes))


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    refused: bool = False


async def _ask(engine: Engine, actor: Actor, key: str, order: int, request: Request) -> _Said:
    try:
        (sample,) = await engine.ask(actor, CallKey(key, 0, "judge", "swapped" if order else "given", 0), request)
    except RequestRefusedError:
        return _Said("", refused=True)
    return _Said(sample.text, sample.input_tokens, sample.output_tokens)


def _joined(asked: Sequence[_Said]) -> Judgement:
    return Judgement(
        judged(votes_of([said.text for said in asked])),
        input_tokens=sum(said.input_tokens for said in asked),
        output_tokens=sum(said.output_tokens for said in asked),
        refused=sum(said.refused for said in asked),
    )


def _template(name: str) -> str:
    return packaged(f"prompts/{name}.txt").rstrip("\n")
