"""UltraFeedback: `openbmb/UltraFeedback` (four scored completions: every comparison among them that is no tie, up to
six pairs a prompt) and `HuggingFaceH4/ultrafeedback_binarized` (one pair a prompt; ties are set aside).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

from preftree.records import Message, digest
from preftree.train.forms.form import Form, Value, number, reply, text
from preftree.train.forms.trl import PREFERENCE
from preftree.train.rows import FieldError, Kind, Parsed


def _comparisons(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    prompt = (Message("user", text(value, "instruction")),)
    scored = [(_score(completion, i), completion) for i, completion in enumerate(_completions(value))]
    found = 0
    for (one, left), (other, right) in itertools.combinations(scored, 2):
        if one == other:
            continue
        better, worse = (left, right) if one > other else (right, left)
        found += 1
        answers = (reply(prompt, text(better, "response")), reply(prompt, text(worse, "response")))
        yield Parsed(answers, digest(["ultrafeedback", value["instruction"]]), "ultrafeedback")
    if not found:
        raise FieldError("completions", "no two of them have different scores")


def _completions(value: Value) -> list[dict[str, Any]]:
    completions = value["completions"]
    if not isinstance(completions, list) or not all(isinstance(entry, dict) for entry in completions):
        raise FieldError("completions", "expected a list of objects")
    return completions


def _score(completion: dict[str, Any], index: int) -> float:
    """`overall_score`; in files that are older than it, the mean of the four ratings."""
    score = completion.get("overall_score")
    if isinstance(score, (int, float)):
        return number(score, f"completions[{index}].overall_score")
    annotations = completion.get("annotations")
    aspects = annotations.values() if isinstance(annotations, dict) else ()
    ratings = [str(aspect.get("Rating")) for aspect in aspects if isinstance(aspect, dict)]
    numbers = [float(rating) for rating in ratings if rating.replace(".", "", 1).isdigit()]
    if not numbers:
        raise FieldError(f"completions[{index}]", "neither an overall_score nor ratings that are numbers")
    return sum(numbers) / len(numbers)


def _binarized(value: Value, kind: Kind, draw: random.Random) -> Iterator[Parsed]:
    chosen, rejected = (number(value[field], field) for field in ("score_chosen", "score_rejected"))
    if chosen <= rejected:
        said = "a tie: chosen and rejected have the same score" if chosen == rejected else "higher than score_chosen"
        raise FieldError("score_rejected", said)
    for parsed in PREFERENCE.parse(value, kind, draw):
        yield Parsed(parsed.answers, parsed.group, "ultrafeedback")


FORM = Form("ultrafeedback", ("pair",), ("instruction", "completions"), _comparisons)
BINARIZED = Form(
    "ultrafeedback_binarized", ("pair",), ("chosen", "rejected", "score_chosen", "score_rejected"), _binarized
)
