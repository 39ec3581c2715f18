"""LeetCode: 180 contest problems that ask for a `class Solution`, 0-shot, pass@1, by difficulty (DeepSeek-Coder, 2024).

In:  the rows of DeepSeek-Coder's collection (Eurus's leetcode-test.json); ids are their task_id. Out: accuracy.
The collection has no reference solutions; the statements are the site's own, and the package has none of them.

`eurus-2024-04` asks for an outline first (2,048 tokens), `eurus-2024-09` gives `prompt_sft` alone (1,024); both begin
the answer with a fence. `standard` is DeepSeek-Coder's own script: `prompt_sft`, no prefill, 1,024 tokens. All grade as
that one does: the modules that LeetCode gives its programs stand before the answer. Where an answer shows a second
block after the one that the prefill began, the Eurus scripts grade that one; we grade the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from preftree.engine import Sampling
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.grading.code import code_in, grade_program, indented
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.leetcode import problem_of
from preftree.problems.rows import BadRowError, Row, text_field
from preftree.records import Message

_OUTLINE = "\nYou need first write a step-by-step outline and then write the code."
# What the published script puts before each answer; numpy, which costs a jail with it, where an answer names it.
_GIVEN = (
    "import math, re, sys, copy, datetime, itertools, collections, heapq, functools, hashlib\n",
    "import numpy\nimport numpy as np\n",
    "import string\nfrom typing import *\nfrom collections import *\nfrom functools import *\n",
)


def _item(row: Row, place: int) -> Item:
    meta = row.get("meta")
    if not isinstance(meta, dict):
        raise BadRowError("meta", f"expected an object with a difficulty, got {type(meta).__name__}")
    text_field(row, "prompt_sft")
    labels = {"difficulty": text_field(meta, "difficulty")}
    return Item(text_field(row, "task_id"), problem_of(row, "test"), labels, {"prompt": row["prompt_sft"]})


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _ask(item: Item, form: Form) -> Asked:
    text = item.data["prompt"]
    if form.protocol == "eurus-2024-04":
        sampling = Sampling(temperature=0.0, max_tokens=2048, prefill=" ```python\n")
        return Asked((Message("user", text + _OUTLINE),), sampling=sampling)
    prefill = "```python" if form.protocol == "eurus-2024-09" else ""
    return Asked((Message("user", text),), sampling=Sampling(temperature=0.0, max_tokens=1024, prefill=prefill))


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    stem = _stem(item)
    code = code_in(responses[-1], stem=stem, names=("Solution",) if form.protocol == "standard" else ())
    program = stem + code if indented(code) else code  # the body alone
    first, numpy, last = _GIVEN
    given = first + (numpy if re.search(r"\b(?:np|numpy)\b", program) else "") + last
    return await grade_program(bench, item.problem, given + program)


def _stem(item: Item) -> str:
    """The class and the method's first line, which the statement ends with."""
    return code_in(item.data["prompt"]).rstrip() + "\n"


def _reference(item: Item, form: Form) -> str | None:
    return None


LEETCODE = Benchmark(
    name="leetcode",
    published=Published(
        folders=("leetcode",), files=("leetcode-test.json.gz", "leetcode-test.json", "20240121-Jul.jsonl")
    ),
    read=_read,
    rows=180,
    ask=_ask,
    grade=_grade,
    reference=_reference,
    groups=("difficulty",),
)
