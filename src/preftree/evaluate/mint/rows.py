"""MINT's rows to items: seven tasks, each a file of its own (mint-bench, data/processed; Apache-2.0).

In:  the folder with `TASK/test_prompts.json` of each task. Out: items, whose ids are "TASK/id", for the files' ids
repeat from task to task. `data["reference"]` is the published reference, as JSON has it.
Always true: a problem's instruction is what MINT shows of the row; code is tested by the row's reference, with what the
row's own prompt defines beside it (HumanEval's helpers), never by the candidate's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.evaluate.benchmark import Item, Published, Read
from preftree.evaluate.items import read_items
from preftree.evaluate.mint.checkers import options_of
from preftree.problems.names import imports_of, names_under_test
from preftree.problems.places import Value, file_values
from preftree.problems.rows import BadRowError, Row, code_field, text_field
from preftree.records import Problem, Reference, Tests

# Each task and the group in whose average it counts (FACTS section 3): code 136 rows, math 225.
GROUPS = {
    "humaneval": "code",
    "mbpp": "code",
    "math": "math",
    "theoremqa": "math",
    "mmlu": "math",
    "gsm8k": "other",
    "hotpotqa": "other",
}
_FILE = "test_prompts.json"
_REASONING_TOOLS = ("python", "wikipedia_search")


def read(path: str | None, published: Published) -> Read:
    """All tasks, one after the other."""
    if path is None:
        raise InputError("mint: no hub has its rows; name a folder with data=…")
    reads = [read_items(_values(Path(path), task), partial(_item, task)) for task in GROUPS]
    return Read(
        tuple(item for one in reads for item in one.items), tuple(said for one in reads for said in one.set_aside)
    )


def _values(folder: Path, task: str) -> Iterator[Value]:
    file = folder / task / _FILE
    if not file.is_file():
        raise InputError(f"mint: {file}: no such file; expected {_FILE} of each task: {', '.join(GROUPS)}")
    for value in file_values(file):
        yield replace(value, file=f"{task}/{_FILE}")


def _item(task: str, row: Row, place: int) -> Item:
    identity = f"{task}/{text_field(row, 'id')}"
    data: dict[str, Any] = {"reference": _reference(row)}
    if GROUPS[task] == "code":
        problem = _code_problem(row, task, identity)
        return Item(identity, problem, {"task": task, "group": "code"}, data)
    if task == "theoremqa":
        data["answer_type"] = text_field(row, "answer_type")
    if task == "mmlu":
        data["options"] = _options(row)
    problem = Problem(
        id=f"mint/{identity}",
        dataset="mint",
        task="Math_PoT" if GROUPS[task] == "math" else "Logic",
        instruction=_instruction(row, task),
        references=(Reference(str(data["reference"]).strip().lower()),),
        verifier="paper-mint",
        tools=_REASONING_TOOLS,
        split="test",
    )
    return Item(identity, problem, {"task": task, "group": GROUPS[task]}, data)


def _instruction(row: Row, task: str) -> str:
    text_field(row, "prompt")
    prompt = str(row["prompt"])
    if task == "mmlu":
        return prompt
    asked = "Answer the following question with a number, a list of numbers or True or False. "
    return (asked if task == "theoremqa" else "") + prompt.strip()


def _reference(row: Row) -> Any:
    value = row.get("reference")
    if value is None:
        raise BadRowError("reference", "missing")
    if not isinstance(value, (str, int, float, list)):
        raise BadRowError("reference", f"expected text, a number, true, false or a list, got {type(value).__name__}")
    return value


def _options(row: Row) -> dict[str, str]:
    options = options_of(str(row["prompt"]))
    if str(row["reference"]).strip().lower() not in options:
        raise BadRowError("prompt", f"has no option {row['reference']}")
    return options


def _code_problem(row: Row, task: str, identity: str) -> Problem:
    prompt, test = code_field(row, "prompt"), code_field(row, "reference").strip()
    if task == "humaneval":
        instruction = "Complete the following code:\n\n" + prompt
        solution = f"{prompt}\n{code_field(row, 'canonical_solution')}"
        names: tuple[str, ...] = (text_field(row, "entry_point"),)
        prelude = prompt
    else:
        instruction = prompt.replace('"""', "").strip()
        solution = code_field(row, "code")
        names, prelude = _names(test, solution)
    for name, code in (("prompt", prelude), ("reference", test)):
        try:
            ast.parse(code)
        except SyntaxError as error:
            raise BadRowError(name, f"no Python: {error.msg}") from error
    return Problem(
        id=f"mint/{identity}",
        dataset="mint",
        task="Coding",
        instruction=instruction,
        references=(Reference("", program=solution),),
        verifier="code",
        split="test",
        tests=Tests(code=test, names=names, prelude=prelude),
    )


def _names(test: str, solution: str) -> tuple[tuple[str, ...], str]:
    """What the test takes from the program; and imports that the test needs and the solution has, as the test's own."""
    try:
        prelude = imports_of(solution, names_under_test(test, solution))
        return names_under_test(f"{prelude}\n{test}", solution), prelude
    except SyntaxError as error:
        raise BadRowError("reference", f"no Python: {error.msg}") from error
