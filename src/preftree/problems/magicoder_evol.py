"""Magicoder-Evol-Instruct: instructions for code, made harder by a model (Wei et al., 2023; Apache-2.0).

In:  published rows: instruction, response. Out: problems without any reference, for SFT only: there is no ground truth,
so an answer is judged by a model (verifier "judge") and never makes a pair. The published response is an answer of
another model's, and is not read.
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import Row, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem

HUB = "ise-uiuc/Magicoder-Evol-Instruct-110K"


def load_magicoder_evol(settings: SourceSettings) -> Loaded:
    rows = published(settings, HUB, columns=("instruction",))
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    instruction = text_field(row, "instruction")
    identity = question_id("magicoder_evol", instruction)
    return Problem(
        id=identity,
        dataset="magicoder_evol",
        task="Coding",
        instruction=instruction,
        references=(),
        verifier="judge",
        group=identity,
        split=split,
    )
