"""LeetCode: contest problems that ask for a `class Solution` (as collected for DeepSeek-Coder, 2024).

In:  published rows: task_id, meta.difficulty, prompt_sft (or prompt), test. Out: problems with function tests and
without a reference: the collection has none. The package carries no rows of it (the statements are the site's own).
"""

from __future__ import annotations

from preftree.problems.names import names_under_test
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, code_field, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Tests


def load_leetcode(settings: SourceSettings) -> Loaded:
    rows = published(settings, None, expected="the published file (one JSON row a line, or .gz of it)")
    return load_rows(rows, settings, lambda row: problem_of(row, settings.split))


def problem_of(row: Row, split: str) -> Problem:
    instruction, test = text_field(row, "prompt_sft", "prompt"), code_field(row, "test")
    try:
        names = names_under_test(test)
    except SyntaxError as error:
        raise BadRowError("test", f"no Python: {error.msg}") from error
    return Problem(
        id=f"leetcode/{text_field(row, 'task_id')}",
        dataset="leetcode",
        task="Coding",
        instruction=instruction,
        references=(),
        verifier="code",
        group=question_id("leetcode", instruction),
        split=split,
        tests=Tests(code=test, names=names),
    )
