"""An answer in words against the problem's references, under a rule of `verify`.

In:  an item, a response. Out: a grade. The verdict comes from the judge's processes and stands in the journal.
"""

from __future__ import annotations

from preftree.evaluate.benchmark import Bench, Grade, Item
from preftree.records import Verdict


async def grade_answer(bench: Bench, item: Item, answer: str | None, kind: str) -> Grade:
    """Correct if the answer equals one of the references under the rule `kind`."""
    if answer is None:
        return Grade(Verdict("wrong", "no answer"))
    verdicts: list[Verdict] = []
    for reference in item.problem.references:
        verdicts.append(await bench.engine.verdict(kind, answer, reference.answer))
        if verdicts[-1].correct:
            break
    order = ("correct", "undecided", "wrong")
    return Grade(min(verdicts, key=lambda verdict: order.index(verdict.outcome)))
