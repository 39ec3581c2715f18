"""MBPP: short Python programs from a sentence (Austin et al., 2021; CC-BY-4.0).

In:  published rows of either form: text, code, test_setup_code, test_list, challenge_test_list (mbpp.jsonl), or
     prompt, code, test_imports, test_list (the sanitized form, and that of Eurus, whose `instruction` is kept).
Out: problems with assertions. The instruction shows the first of them, as the paper's does: the sentence alone does
not name the function. The challenge tests are not part of the benchmark and are left alone.
"""

from __future__ import annotations

from preftree.problems.names import imports_of, names_under_test
from preftree.problems.questions import question_id
from preftree.problems.rows import (
    BadRowError,
    Row,
    code_field,
    list_field,
    load_rows,
    optional_field,
    published,
    text_field,
)
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference, Tests


def load_mbpp(settings: SourceSettings) -> Loaded:
    rows = published(settings, None, expected="the published file (mbpp.jsonl, or a JSON list of rows)")
    return load_rows(rows, settings, lambda row: problem_of(row, settings.split))


def problem_of(row: Row, split: str) -> Problem:
    solution, asserts = code_field(row, "code"), list_field(row, "test_list")
    if not asserts:
        raise BadRowError("test_list", "no test")
    instruction = optional_field(row, "instruction") or f"{text_field(row, 'text', 'prompt')}\n{asserts[0].strip()}"
    return Problem(
        id=f"mbpp/{text_field(row, 'task_id')}",
        dataset="mbpp",
        task="Coding",
        instruction=instruction,
        references=(Reference("", program=solution),),
        verifier="code",
        group=question_id("mbpp", instruction),
        split=split,
        tests=_tests(row, asserts, solution),
    )


def _tests(row: Row, asserts: list[str], solution: str) -> Tests:
    setup = code_field(row, "test_setup_code") if row.get("test_setup_code") else ""
    imports = "\n".join(list_field(row, "test_imports"))
    code = "\n".join([setup, *asserts]).strip()
    try:
        names = names_under_test(f"{imports}\n{code}", solution)
        # A module that the test uses and the solution imports is the test's own: the program can't replace it.
        prelude = f"{imports}\n{imports_of(solution, names)}".strip()
        return Tests(code=code, names=names_under_test(f"{prelude}\n{code}", solution), prelude=prelude)
    except SyntaxError as error:
        raise BadRowError("test_list", f"no Python: {error.msg}") from error
