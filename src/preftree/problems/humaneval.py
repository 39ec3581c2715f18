"""HumanEval: functions from their docstrings (Chen et al., 2021; MIT).

In:  published rows: task_id, prompt, entry_point, canonical_solution, test (which defines `check(candidate)`).
Out: problems with function tests. What the prompt defines besides the entry point (HumanEval/32, 38 and 50 test with
it) runs beside the test, from the prompt, never from the program under test.
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import Row, code_field, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference, Tests


def load_humaneval(settings: SourceSettings) -> Loaded:
    rows = published(settings, None, expected="the published file (HumanEval.jsonl or .gz of it)")
    return load_rows(rows, settings, lambda row: problem_of(row, settings.split))


def problem_of(row: Row, split: str) -> Problem:
    prompt, entry_point = code_field(row, "prompt"), text_field(row, "entry_point")
    return Problem(
        id=text_field(row, "task_id").lower(),
        dataset="humaneval",
        task="Coding",
        instruction=prompt.strip(),
        references=(Reference("", program=prompt + code_field(row, "canonical_solution")),),
        verifier="code",
        group=question_id("humaneval", prompt),
        split=split,
        tests=Tests(code=f"{code_field(row, 'test')}\ncheck({entry_point})", names=(entry_point,), prelude=prompt),
    )
