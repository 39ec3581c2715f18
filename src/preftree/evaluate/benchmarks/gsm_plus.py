"""GSM-Plus: each question of GSM8K perturbed in eight ways, in text and with a program (Li et al., 2024; CC BY-SA 4.0).

In:  the published rows: the test set (10,552) or testmini (2,400: `gsmplus_testmini.jsonl`; where both files lie in a
     folder the test set is read), with a row's place from 0 as its id; or the nested file of its first version, which
     Eurus reads, with ids `<seed's key>/<perturbation>`.
Out: accuracy, also by perturbation. The answer of each critical-thinking item, which can't be answered, is the text
"None": such a response is right, "it can't be told" is wrong, in every protocol.
`standard` asks as lm-evaluation-harness's gsm8k_cot; strict_match and flexible_extract are its figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from preftree.evaluate.benchmark import Benchmark, Form, Item, Published, Read
from preftree.evaluate.benchmarks._mathematics import (
    ACCURACY_AND_FILTERS,
    MODES,
    ask_word_problem,
    filters,
    graded,
    printing,
)
from preftree.evaluate.items import read_items, rows_of
from preftree.problems.places import Value, opened, read_json
from preftree.problems.rows import Row, optional_field, text_field
from preftree.records import Problem, Reference

NOTHING = "None"


def _item(row: Row, place: int) -> Item:
    question, answer = text_field(row, "question"), text_field(row, "answer")
    perturbation = text_field(row, "perturbation_type")
    verifier = "short" if answer == NOTHING else "number"
    identity = str(row.get("id", place))
    reference = Reference(answer.replace(",", ""), optional_field(row, "solution"))
    problem = Problem(f"gsm_plus/{identity}", "gsm_plus", "Math_PoT", question, (reference,), verifier)
    return Item(identity, problem, {"perturbation": perturbation})


def _read(path: str | None, published: Published) -> Read:
    if path is not None and path.endswith((".json", ".json.gz")) and _is_nested(Path(path)):
        return read_items(_nested(Path(path)), _item)
    return read_items(rows_of(path, published), _item)


def _is_nested(file: Path) -> bool:
    with opened(file) as stream:
        return b'"perturbation_questions"' in stream.read(1 << 20)


def _nested(file: Path) -> Iterator[Value]:
    """{key: {"perturbation_questions": {perturbation: {"question", "answer"}}}}"""
    number = 0
    for key, seed in read_json(file).items():
        questions = seed.get("perturbation_questions") if isinstance(seed, dict) else None
        if not isinstance(questions, dict):
            number += 1
            yield Value(file.name, number, None, f'"{key}": expected an object with "perturbation_questions"')
            continue
        for perturbation, question in questions.items():
            number += 1
            if not isinstance(question, dict):
                yield Value(file.name, number, None, f'"{key}", "{perturbation}": expected an object')
                continue
            row = {**question, "perturbation_type": perturbation, "id": f"{key}/{perturbation}"}
            yield Value(file.name, number, row)


def _reference(item: Item, form: Form) -> str | None:
    answer = item.problem.answer
    if form.mode == "program":
        return printing(answer)
    if answer == NOTHING:
        return f"The question can't be answered.\n\\boxed{{{answer}}}"
    reasons = (item.problem.references[0].rationale or "").partition("####")[0].strip()
    return f"{reasons}\n#### {answer}\nThe answer is {answer}.\n\\boxed{{{answer}}}".strip()


GSM_PLUS = Benchmark(
    name="gsm_plus",
    published=Published(
        "qintongli/GSM-Plus",
        "test",
        folders=("gsm_plus", "GSM-Plus"),
        files=tuple(
            f"gsmplus_{part}.{ending}"
            for part in ("test", "testmini")
            for ending in ("jsonl", "jsonl.gz", "json", "json.gz")
        ),
    ),
    read=_read,
    rows=10_552,
    ask=ask_word_problem,
    grade=graded(filters),
    reference=_reference,
    modes=MODES,
    shots={"standard": 8},
    metrics=ACCURACY_AND_FILTERS,
    groups=("perturbation",),
)
