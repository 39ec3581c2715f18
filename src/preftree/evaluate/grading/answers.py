"""An answer in words against the problem's references, under a rule of `verify`.

In:  an item, a response. Out: a grade. The verdict comes from the judge's processes and stands in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from preftree.evaluate.benchmark import Bench, Grade, Item
from preftree.records import Verdict
from preftree.verify import match_answer, match_answer_2024_09

# Where each Eurus protocol looks for an answer, and how it compares one.
_PAPER = {
    "eurus-2024-04": ("paper-math-2024-04", match_answer),
    "eurus-2024-09": ("paper-math", match_answer_2024_09),
}


async def grade_answer(
    bench: Bench, item: Item, answer: str | None, kind: str, scores: Mapping[str, float] | None = None
) -> Grade:
    """Correct if the answer equals one of the references under the rule `kind`."""
    if answer is None:
        return Grade(Verdict("wrong", "no answer"), scores or {})
    verdicts: list[Verdict] = []
    for reference in item.problem.references:
        verdicts.append(await bench.engine.verdict(kind, answer, reference.answer))
        if verdicts[-1].correct:
            break
    order = ("correct", "undecided", "wrong")
    return Grade(min(verdicts, key=lambda verdict: order.index(verdict.outcome)), scores or {})


async def grade_as_paper(bench: Bench, item: Item, text: str, protocol: str, scores: Mapping[str, float]) -> Grade:
    """By the grader of a Eurus protocol. It is given the whole text; the verdict's answer is what it looked at."""
    kind, match = _PAPER[protocol]
    grade = await grade_answer(bench, item, text, kind, scores)
    return replace(grade, verdict=replace(grade.verdict, answer=match(text)))
