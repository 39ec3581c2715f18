"""StrategyQA: questions of yes or no whose steps are not in the question (Geva et al., 2021; MIT).

In:  published rows: question, answer (true or false), facts, decomposition.
Out: problems to be solved with the interpreter and a search of Wikipedia. The facts and the steps are the rationale.
"""

from __future__ import annotations

from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, list_field, load_rows, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "ChilleD/StrategyQA"


def load_strategyqa(settings: SourceSettings) -> Loaded:
    return load_rows(published(settings, HUB), settings, lambda row: _problem(row, settings.split))


def _problem(row: Row, split: str) -> Problem:
    question, answer = text_field(row, "question"), row.get("answer")
    if not isinstance(answer, bool):
        raise BadRowError("answer", "missing" if answer is None else f"expected true or false, got {answer!r:.40}")
    identity = question_id("strategyqa", question)
    return Problem(
        id=identity,
        dataset="strategyqa",
        task="Logic",
        instruction=question,
        references=(Reference("yes" if answer else "no", _rationale(row)),),
        verifier="boolean",
        tools=("python", "wikipedia_search"),
        group=identity,
        split=split,
    )


def _rationale(row: Row) -> str | None:
    # The hub's rows hold the facts as one text.
    facts = [text_field(row, "facts")] if isinstance(row.get("facts"), str) else list_field(row, "facts")
    steps = [f"{number}. {step}" for number, step in enumerate(list_field(row, "decomposition"), start=1)]
    return "\n".join([*facts, *(["Questions on the way:", *steps] if steps else [])]) or None
