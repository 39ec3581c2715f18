"""GSM8K: grade-school word problems, in text and with a program (Cobbe et al., 2021; MIT).

In:  the published test rows; they have no ids, so a row's is its place in the file, from 0. Out: accuracy; the paper
reranks on it (FACTS, table 9) and has it in GSM-Plus's place in tables 5 and 10. Eurus's evaluation doesn't have it:
its protocols ask it as they ask GSM-Plus. `standard` is lm-evaluation-harness's gsm8k_cot, eight examples, and the
rule `number`; strict_match, flexible_extract and hash_match are the harness's own figures of the same responses.
"""

from __future__ import annotations

from preftree.evaluate.benchmark import Benchmark, Form, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import (
    ACCURACY_AND_FILTERS,
    MODES,
    as_program,
    ask_word_problem,
    filters,
    graded,
    printing,
)
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.gsm8k import problem_of
from preftree.problems.rows import Row


def _item(row: Row, place: int) -> Item:
    return Item(str(place), problem_of(row, "test"))


def _read(path: str | None, published: Published) -> Read:
    return read_items(rows_of(path, published), _item)


def _reference(item: Item, form: Form) -> str | None:
    """The published solution and its answer, with every mark that one of the protocols and filters reads; its program
    where the solution's marks give one."""
    reference = item.problem.references[0]
    if form.mode == "program":
        return as_program(reference.program) if reference.program else printing(reference.answer)
    answer = reference.answer
    return f"{reference.rationale}\n#### {answer}\nThe answer is {answer}.\n\\boxed{{{answer}}}"


GSM8K = Benchmark(
    name="gsm8k",
    published=Published("openai/gsm8k", "test", ("main",), ("gsm8k_test", "gsm8k"), ("test.jsonl", "test.jsonl.gz")),
    read=_read,
    rows=1319,
    ask=ask_word_problem,
    grade=graded(filters),
    reference=_reference,
    modes=MODES,
    metrics=ACCURACY_AND_FILTERS,
    shots={"standard": 8},
    equal="math",
)
