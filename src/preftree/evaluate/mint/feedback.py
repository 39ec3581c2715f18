"""What an expert model says of a step: MINT's language feedback.

In:  the conversation and the last observation. Out: the feedback, journalled like any call under the role "feedback".
Always true: an expert that refuses, or whose first sentence is neither GOOD nor BAD where that is asked, says nothing,
as in MINT; which of these it was is given back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from preftree.errors import InputError, RequestRefusedError
from preftree.evaluate.benchmark import Attempt
from preftree.evaluate.converse import attempt_tree
from preftree.evaluate.mint.prompts import expert
from preftree.evaluate.mint.settings import MintSettings
from preftree.forest import CallKey
from preftree.records import Message, Request, digest

_STOPS = ("\nObservation:", "\nTask:", "\nAssistant:")
_MAX_TOKENS = 1024


async def ask_expert(
    attempt: Attempt, settings: MintSettings, turn: int, messages: Sequence[Message], observation: str
) -> str | None:
    """The feedback; None where the expert has none to give."""
    judge = attempt.bench.judge
    if judge is None:
        raise InputError(f"{attempt.benchmark.name}: a model gives the feedback; name it with judge.model=…")
    seed = int(digest([attempt.seed, attempt.item.id, turn, "feedback"])[:12], 16)
    request = Request(
        (Message("user", expert(attempt.item, settings, messages, observation)),),
        stop=_STOPS,
        temperature=0.0,
        max_tokens=_MAX_TOKENS,
        samples=(attempt.sample,),
        seed=seed,
    )
    key = CallKey(attempt_tree(attempt), turn, "feedback", "evaluate", attempt.sample)
    try:
        (sample,) = await attempt.bench.engine.ask(judge, key, request)
    except RequestRefusedError:
        return None
    said = sample.text.strip()
    return (_binary(said) if settings.feedback.startswith("binary") else said) or None


def _binary(said: str) -> str | None:
    sentence = re.search(r"[^.]*\.", said)
    for word in ("GOOD", "BAD"):
        if sentence is not None and word in sentence[0]:
            return f"This is {word}."
    return None
