"""IFEval: both forms of its rows, the sampling of each protocol, four figures, and whole rows that are followed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from plain_bench import grades

from preftree.evaluate.benchmark import Form
from preftree.evaluate.benchmarks.ifeval import IFEVAL
from preftree.evaluate.items import read_from

sys.path.append(str(Path(__file__).parents[1] / "verify"))
from following import respond

FORMS = [Form(protocol) for protocol in ("eurus-2024-04", "eurus-2024-09", "standard")]
ROW = {
    "key": 1000,
    "prompt": "Write two points without commas.",
    "instruction_id_list": ["punctuation:no_comma", "detectable_format:number_bullet_lists"],
    "kwargs": [{}, {"num_bullets": 2}],
}


def read(tmp_path, *rows):
    file = tmp_path / "input_data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return IFEVAL.read(str(file), IFEVAL.published)


@pytest.mark.parametrize(
    ("form", "temperature", "max_tokens", "stop"),
    [(FORMS[0], 1.0, 512, ("Question:",)), (FORMS[1], 0.7, 1024, ("Question:",)), (FORMS[2], 0.0, 1280, ())],
    ids=["2024-04", "2024-09", "standard"],
)
def test_asking(tmp_path, form, temperature, max_tokens, stop):
    asked = IFEVAL.ask(read(tmp_path, ROW).items[0], form)
    assert [(message.role, message.content) for message in asked.messages] == [("user", ROW["prompt"])]
    sampling = asked.sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.stop) == (temperature, max_tokens, stop)


def test_both_forms_of_rows_are_one(tmp_path):
    """The hub fills every argument that an instruction hasn't with null."""
    full = {**ROW, "kwargs": [{"num_bullets": None, "keywords": None}, {"num_bullets": 2, "keywords": None}]}
    (lean,), (filled,) = read(tmp_path, ROW).items, read(tmp_path, full).items
    assert lean == filled
    assert (lean.id, lean.data["instructions"]) == ("1000", 2)


def test_four_figures(tmp_path):
    (item,) = read(tmp_path, ROW).items
    found = grades(IFEVAL, FORMS[0], [(item, text) for text in ("Sure, here:\n* a\n* b", "* a\n* b", "a, b", "")])
    assert [grade.verdict.correct for grade in found] == [True, True, False, False]
    names = ("prompt_strict", "inst_loose", "inst_strict", "instructions")
    assert [tuple(grade.scores[name] for name in names) for grade in found] == [
        (0.0, 2.0, 1.0, 2.0),
        (1.0, 2.0, 2.0, 2.0),
        (0.0, 0.0, 0.0, 2.0),
        (0.0, 0.0, 0.0, 2.0),
    ]
    assert IFEVAL.metrics[0].name == "prompt_level_loose_acc"
    assert IFEVAL.reference(item, FORMS[0]) is None


def test_only_the_papers_code_strips_the_response(tmp_path):
    row = {**ROW, "instruction_id_list": ["length_constraints:nth_paragraph_first_word"]}
    row["kwargs"] = [{"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "a"}]
    (item,) = read(tmp_path, row).items
    strict = [grades(IFEVAL, form, [(item, "\n\na\n\nb")])[0].scores["prompt_strict"] for form in FORMS]
    assert strict == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"key": None}, 'field "key": missing'),
        ({"prompt": " "}, 'field "prompt": expected text'),
        ({"kwargs": [{}]}, 'field "kwargs": expected as many kwargs as instruction ids'),
        ({"kwargs": [{}, {"num_bullets": "2"}]}, "expected num_bullets to be int, got '2'"),
        ({"instruction_id_list": ["a:b", "c:d"]}, "no instruction is named 'a:b'"),
    ],
)
def test_a_bad_row_is_set_aside(tmp_path, change, why):
    found = read(tmp_path, {**ROW, **change}, {**ROW, "key": 1})
    assert [item.id for item in found.items] == ["1"]
    assert why in found.set_aside[0]


def test_real_rows_are_followed(data_dir):
    """There are no references: responses made to follow their row stand in for them, and pass in every protocol."""
    found = read_from(IFEVAL, str(data_dir))
    assert found.set_aside == ()
    pairs = []
    for item in found.items:
        row = json.loads(item.problem.answer)
        made = respond(list(zip(row["instruction_id_list"], row["kwargs"], strict=True)))
        if made is not None:
            pairs.append((item, made))
    passed = [grade.verdict.correct for grade in grades(IFEVAL, FORMS[2], pairs)]
    assert sum(passed) >= 0.9 * len(found.items)
