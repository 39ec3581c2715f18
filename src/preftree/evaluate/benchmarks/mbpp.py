"""MBPP: short Python functions from a sentence and their tests, pass@1 (Austin et al., 2021; CC-BY-4.0).

In:  published rows; ids are their task_id ("11"). Two benchmarks, since the public harnesses count two sets:
     `mbpp`       Eurus's new_mbpp.json: 399 rows of the sanitized set, as the paper counts (and evalplus at first)
     `mbpp_full`  the 500 test rows (task_id 11 to 510) of the full set, which lm-evaluation-harness counts
Out: accuracy.

The Eurus protocols, 0-shot, show the signature of the reference's first function and the first test. `eurus-2024-04`:
no prefill, 1,024 tokens; `eurus-2024-09`: prefill, 512. Of the answer they drop each unindented line that does not
begin with "def", imports included, and run the tests without the row's own imports beside what the script itself had
imported. So references that import a module at their top fail there.
`standard`: for `mbpp` evalplus's way with chat models (0-shot, 768 tokens), for `mbpp_full` lm-evaluation-harness's
`mbpp_instruct` (3 examples, 256 tokens), but code without a closing fence counts, too; the row's tests and imports.

Where we differ from the Eurus scripts, on purpose: the stop "\\ndef " holds only after the prefill "def" (without it,
it would end each fenced answer before its first function); an answer after the prefill that holds another "def" keeps
the prefill's; what one problem's answer defined is not there for the next one's.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace

from preftree.engine import Sampling
from preftree.evaluate.benchmark import Asked, Bench, Benchmark, Form, Grade, Item, Published, Read
from preftree.evaluate.benchmarks.humaneval import EVALPLUS_PREFILL, EVALPLUS_STOP, EVALPLUS_TOKENS
from preftree.evaluate.grading.code import code_in, grade_program, prompt
from preftree.evaluate.items import packaged, read_items, rows_of
from preftree.problems.mbpp import problem_of
from preftree.problems.names import imports_of, names_under_test
from preftree.problems.rows import BadRowError, Row, list_field, text_field
from preftree.records import Message, Problem, Tests

# What the script had imported when it ran answers in its own namespace (of Python's own modules).
_SCRIPT = "import argparse, contextlib, json, os, re, signal, sys, time"
_TEST_SPLIT = range(11, 511)


def signature_of(code: str) -> str:
    """As the script takes it from the reference: its `lstrip("def ")` eats a name's own d, e and f, too (find: ind)."""
    line = next((line for line in code.split("\n") if line.strip().startswith("def ")), None)
    if line is None:
        raise BadRowError("code", "defines no function")
    return line.lstrip("def ").replace(" ", "").rstrip(":").strip().replace(",", ", ")


def kept_lines(code: str) -> str:
    """What the Eurus scripts keep of an answer."""
    return "\n".join(line for line in code.split("\n") if line.lstrip() != line or line.startswith("def"))


def _item(row: Row, place: int) -> Item:
    """A row of new_mbpp.json."""
    if "prompt" not in row:
        raise BadRowError("prompt", 'missing; rows of mbpp.jsonl are the benchmark "mbpp_full"')
    return _made(row, text_field(row, "prompt"))


def _full_item(row: Row, place: int) -> Item | None:
    """A row of mbpp.jsonl, if it is of the test split."""
    if "text" not in row:
        raise BadRowError("text", 'missing; rows of the sanitized set are the benchmark "mbpp"')
    number = row.get("task_id")
    if not isinstance(number, int):
        raise BadRowError("task_id", f"expected a number, got {number!r}")
    return _made(row, text_field(row, "text")) if number in _TEST_SPLIT else None


def _made(row: Row, text: str) -> Item:
    problem = problem_of(row, "test")
    data = {"text": text, "asserts": list_field(row, "test_list"), "signature": signature_of(_gold(problem))}
    return Item(text_field(row, "task_id"), problem, data=data)


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _read_full(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _full_item)


def _ask(item: Item, form: Form) -> Asked:
    if form.protocol == "standard":
        text = f'"""\n{item.data["text"]}\n{item.data["asserts"][0].strip()}\n"""'
        sampling = Sampling(temperature=0.0, max_tokens=EVALPLUS_TOKENS, prefill=EVALPLUS_PREFILL)
        message = Message("user", prompt("evalplus", prompt=text))
        return Asked((message,), sampling=sampling, stop_after_prefill=EVALPLUS_STOP)
    return _ask_eurus(item, form)


def _ask_full(item: Item, form: Form) -> Asked:
    if form.protocol != "standard":
        return _ask_eurus(item, form)
    messages: list[Message] = []
    for line in packaged("prompts/code/mbpp_shots.jsonl").splitlines():
        shot = json.loads(line)
        code = shot["code"].replace("\r\n", "\n")
        messages.append(Message("user", _harness_prompt(shot["text"], shot["test_list"])))
        messages.append(Message("assistant", f"\n```python\n{code}\n```"))
    messages.append(Message("user", _harness_prompt(item.data["text"], item.data["asserts"])))
    return Asked(tuple(messages), sampling=Sampling(temperature=0.0, max_tokens=256, prefill="\n```python\n"))


def _harness_prompt(text: str, asserts: Sequence[str]) -> str:
    return prompt("mbpp_harness", text=text, tests="\n".join(asserts[:3]))


def _ask_eurus(item: Item, form: Form) -> Asked:
    signature = item.data["signature"]
    description = item.data["text"].split(" https://www.")[0]
    message = Message(
        "user", prompt("mbpp_eurus", signature=signature, description=description, test=item.data["asserts"][0])
    )
    # The script's list has the last of these for every row's function; an answer's own is the one that matters.
    stop = ("\nassert", "assert", f"\n\nprint({signature.split('(')[0].strip()}")
    if form.protocol == "eurus-2024-04":
        sampling = Sampling(temperature=0.0, max_tokens=1024, stop=stop)
    else:
        sampling = Sampling(temperature=0.0, max_tokens=512, stop=stop, prefill="```python\ndef")
    return Asked((message,), sampling=sampling, stop_after_prefill=("\ndef ",))


async def _grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
    if form.protocol != "standard":
        return await _grade_eurus(bench, item, responses[-1])
    tests = item.problem.tests
    return await grade_program(bench, item.problem, code_in(responses[-1], names=tests.names if tests else ()))


async def _grade_eurus(bench: Bench, item: Item, response: str) -> Grade:
    code = code_in(response, stem="def")
    code = code if "def" in code else f"def{code}"  # goes on from the prefill
    return await grade_program(bench, _without_imports(item), f"{_SCRIPT}\n{kept_lines(code)}")


def _without_imports(item: Item) -> Problem:
    """The problem with its assertions alone; where they use a module, no answer can pass."""
    code = "\n".join(item.data["asserts"])
    gold = _gold(item.problem)
    used = names_under_test(f"{_SCRIPT}\n{code}", gold)
    # A module that a test uses is not the program's to give: it would judge itself.
    names = tuple(name for name in used if not imports_of(gold, (name,)) and not _is_module(name, gold))
    return replace(item.problem, tests=Tests(code=code, names=names, prelude=_SCRIPT))


def _is_module(name: str, gold: str) -> bool:
    return name in sys.stdlib_module_names and not re.search(rf"^(def|class) {name}\b", gold, re.MULTILINE)


def _gold(problem: Problem) -> str:
    return problem.references[0].program or ""


def _reference(item: Item, form: Form) -> str | None:
    return f"```python\n{_gold(item.problem)}\n```"


MBPP = Benchmark(
    name="mbpp",
    # No hub has these 399 rows: the sanitized config has 427 in four splits.
    published=Published(folders=("mbpp",), files=("new_mbpp.json", "new_mbpp.json.gz")),
    read=_read,
    rows=399,
    ask=_ask,
    grade=_grade,
    reference=_reference,
)
MBPP_FULL = Benchmark(
    name="mbpp_full",
    published=Published("google-research-datasets/mbpp", "test", ("full",), ("mbpp",), ("mbpp.jsonl", "mbpp.jsonl.gz")),
    read=_read_full,
    rows=500,
    ask=_ask_full,
    grade=_grade,
    reference=_reference,
    shots={"standard": 3},
)
