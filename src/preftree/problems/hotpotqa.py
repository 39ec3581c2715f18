"""HotpotQA: questions that take two articles of Wikipedia (Yang et al., 2018; CC BY-SA 4.0).

In:  published rows: question, answer; their contexts are not read: the actor must search for what it needs.
Out: problems with a short answer in words, to be solved with the interpreter and a search of Wikipedia.
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import Row, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "hotpotqa/hotpot_qa"


def load_hotpotqa(settings: SourceSettings) -> Loaded:
    rows = published(settings, HUB, configs=("fullwiki",), columns=("question", "answer"))
    return load_rows(rows, settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    question = text_field(row, "question")
    identity = question_id("hotpotqa", question)
    return Problem(
        id=identity,
        dataset="hotpotqa",
        task="Logic",
        instruction=question,
        references=(Reference(text_field(row, "answer")),),
        verifier="short",
        tools=("python", "wikipedia_search"),
        group=identity,
        split=split,
    )
