"""MT-Bench's judge: a mark from 1 to 10 for each of two answers (FastChat's single-answer grading).

In:  a question, its two answers, reference answers where its category has them. Out: marks, by calls that the journal
keeps under the role "judge".
Always true: the prompts are FastChat's, word for word; a judgment without a mark is asked for once more, under a key of
its own, and then counts as none; what was judged is part of the key, so other answers never get these marks.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from preftree.engine.prompts import fill
from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.benchmark import Bench
from preftree.evaluate.items import packaged
from preftree.forest import CallKey
from preftree.records import Message, Request, digest

BEST = 10.0
_LOWEST = 1.0
_MAX_TOKENS = 2048
# The first is greedy, as FastChat's; from a local judge the same would come again, so the second one is drawn.
_TEMPERATURES = (0.0, 0.7)
_MARKS = (re.compile(r"\[\[(\d+\.?\d*)\]\]"), re.compile(r"\[(\d+\.?\d*)\]"))


@dataclass(frozen=True, slots=True)
class Judged:
    """`mark` is None where no judgment had one; `why` is what the judge wrote last, or its refusal."""

    mark: float | None
    why: str


async def judge_turn(
    bench: Bench, turn: int, questions: Sequence[str], answers: Sequence[str], references: Sequence[str]
) -> Judged:
    """The mark of the answer to question `turn` (from 0), of which the judge sees all up to then."""
    if bench.judge is None:
        raise InputError("mt_bench: a model grades its answers; name it with judge.model=…")
    messages = judge_messages(turn, questions, answers, references)
    asked = digest(["judge", messages])
    why = ""
    for attempt, temperature in enumerate(_TEMPERATURES):
        request = Request(
            messages,
            temperature=temperature,
            max_tokens=_MAX_TOKENS,
            seed=int(digest([asked, bench.sample, attempt])[:12], 16),
        )
        key = CallKey(bench.tree, turn, "judge", f"evaluate {asked[:16]}", bench.sample, attempt)
        try:
            (sample,) = await bench.engine.ask(bench.judge, key, request)
        except RequestRefusedError as refusal:
            return Judged(None, str(refusal))
        why = sample.text
        mark = read_mark(why)
        if mark is not None:
            return Judged(mark, why)
    return Judged(None, why)


def judge_messages(
    turn: int, questions: Sequence[str], answers: Sequence[str], references: Sequence[str]
) -> tuple[Message, ...]:
    """What the judge is asked: of the first answer alone, or of the second with the whole conversation."""
    prompt = _prompts()[f"single{'-math' if references else ''}-v1{'-multi-turn' if turn else ''}"]
    values = {f"ref_answer_{number}": text for number, text in enumerate(references, 1)}
    if turn:
        values |= {f"question_{number}": text for number, text in enumerate(questions, 1)}
        values |= {f"answer_{number}": text for number, text in enumerate(answers, 1)}
    else:
        values |= {"question": questions[0], "answer": answers[0]}
    return (Message("system", prompt["system_prompt"]), Message("user", fill(prompt["prompt_template"], **values)))


def read_mark(judgment: str) -> float | None:
    """The first [[n]], or, where there is none, the first [n]; None for a number that is no mark."""
    for pattern in _MARKS:
        if found := pattern.search(judgment):
            mark = float(found[1])
            return mark if _LOWEST <= mark <= BEST else None
    return None


@functools.cache
def _prompts() -> dict[str, dict[str, str]]:
    lines = packaged("prompts/mt_bench/judge_prompts.jsonl").splitlines()
    return {row["name"]: row for row in map(json.loads, lines)}
