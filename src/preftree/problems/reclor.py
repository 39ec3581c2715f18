"""ReClor: reading passages with logical questions of four options (Yu et al., 2020).

In:  rows as published: context, question, answers (four texts), label (0 to 3; the test rows have none).
Out: problems whose answer is a letter, without reasons. Its owners give the data on request, for research that is not
commercial, and nobody may pass it on; so no copy is fetched unasked: a path is needed.
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, list_field, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

_LETTERS = "ABCD"


def load_reclor(settings: SourceSettings) -> Loaded:
    rows = published(
        settings, None, expected="train.json, which its owners give on request (github.com/yuweihao/reclor)"
    )
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    options = list_field(row, "answers")
    if len(options) != len(_LETTERS):
        raise BadRowError("answers", f"expected {len(_LETTERS)} texts, got {len(options)}")
    label = row.get("label")
    if type(label) is not int or not 0 <= label < len(options):
        raise BadRowError("label", "missing" if label is None else f"expected 0 to {len(options) - 1}, got {label}")
    listed = "\n".join(f"({letter}) {option.strip()}" for letter, option in zip(_LETTERS, options, strict=True))
    instruction = f"{text_field(row, 'context')}\n{text_field(row, 'question')}\n{listed}"
    identity = question_id("reclor", instruction)
    return Problem(
        id=identity,
        dataset="reclor",
        task="Logic",
        instruction=instruction,
        references=(Reference(_LETTERS[label]),),
        verifier="choice",
        tools=(),
        group=identity,
        split=split,
    )
