"""GSM8K: grade-school word problems, 0-shot (Cobbe et al., 2021; MIT). The paper reranks on it (FACTS, table 9).

In: the published test rows; they have no ids, so a row's is its place in the file. Out: accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence

from preftree.engine import Sampling
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.grading.answers import grade_answer
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.gsm8k import problem_of
from preftree.problems.rows import Row
from preftree.records import Message
from preftree.verify import find_answer

_BOXED = (
    "Solve the following math problem step-by-step.\nSimplify your answer as much as possible. "
    "Present your final answer as \\boxed{Your Answer}.\n"
)


def _item(row: Row, place: int) -> Item:
    return Item(str(place), problem_of(row, "test"))


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _ask(item: Item, form: Form) -> Asked:
    messages = (Message("user", _BOXED + item.problem.instruction),)
    return Asked(messages, sampling=Sampling(temperature=0.0, max_tokens=1024))


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    return await grade_answer(bench, item, find_answer(responses[-1], "Math_CoT"), "math")


def _reference(item: Item, form: Form) -> str | None:
    return f"{item.problem.references[0].rationale}\n\\boxed{{{item.problem.answer}}}"


GSM8K = Benchmark(
    name="gsm8k",
    published=Published("openai/gsm8k", "test", ("main",), ("gsm8k_test", "gsm8k"), ("test.jsonl", "test.jsonl.gz")),
    read=_read,
    rows=1319,
    ask=_ask,
    grade=_grade,
    reference=_reference,
    equal="math",
)
