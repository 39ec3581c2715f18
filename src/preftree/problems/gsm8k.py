"""GSM8K: grade-school word problems (Cobbe et al., 2021; MIT).

In:  published rows: question, answer (a rationale with <<48/2=24>> calculator marks, last line `#### N`).
Out: problems with the number as the answer, the rationale as it was published, and, where its marks reproduce the
answer, the rationale as a program (see `calculator`). Without a path: the slice of the training rows that the
package carries (data/gsm8k_slice.jsonl, licence beside it), all of which have a short program.
"""

from __future__ import annotations

from importlib import resources

from preftree.problems.calculator import program_of
from preftree.problems.places import file_values
from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "openai/gsm8k"


def load_gsm8k(settings: SourceSettings) -> Loaded:
    if settings.path is not None:
        rows = published(settings, HUB, configs=("main",))
        return load_rows(rows, settings, lambda row: problem_of(row, settings.split))
    packaged = resources.files("preftree.problems") / "data" / "gsm8k_slice.jsonl"
    with resources.as_file(packaged) as path:
        return load_rows(file_values(path), settings, lambda row: problem_of(row, settings.split))


def problem_of(row: Row, split: str) -> Problem:
    """One published row."""
    question, published = text_field(row, "question"), text_field(row, "answer")
    rationale, mark, answer = published.rpartition("####")
    answer = answer.strip().replace(",", "")
    if not mark or not answer:
        raise BadRowError("answer", "no #### line with the number")
    rationale = rationale.strip()
    identity = question_id("gsm8k", question)
    return Problem(
        id=identity,
        dataset="gsm8k",
        task="Math_PoT",
        instruction=question,
        references=(Reference(answer, rationale or None, program_of(rationale, answer, question)),),
        verifier="number",
        group=identity,
        split=split,
    )
