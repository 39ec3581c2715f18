"""MMLU: cells stay text, the prompt of each protocol letter by letter, and who counts as right."""

from __future__ import annotations

import csv
from collections import Counter

import pytest
from plain_bench import grades

from preftree.errors import InputError
from preftree.evaluate.benchmark import Form
from preftree.evaluate.benchmarks import mmlu
from preftree.evaluate.benchmarks.mmlu import CATEGORY_OF, MMLU
from preftree.evaluate.items import read_from
from preftree.problems.places import Value

EURUS, STANDARD = Form("eurus-2024-04"), Form("standard")
CHOICE = Form("standard", "choice")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "test").mkdir()
    shots = "".join(f'"Shot {i}?",a,b,c,d,{"ABCDA"[i]}\n' for i in range(5))
    (tmp_path / "dev" / "machine_learning_dev.csv").write_text(shots)
    (tmp_path / "test" / "machine_learning_test.csv").write_text('" Is it\nso, or?",None,NA,1.0,007,C\n\nx,1,2,3,4,D\n')
    return tmp_path


def read(folder):
    return read_from(MMLU, str(folder))


def test_every_cell_is_text(folder):
    """pandas takes None and NA for gaps and 007 for a number; a blank line is no row."""
    items = read(folder).items
    assert [item.id for item in items] == ["machine_learning/0", "machine_learning/1"]
    assert items[0].data["question"]["choices"] == ["None", "NA", "1.0", "007"]
    assert items[0].labels == {"subject": "machine_learning", "category": "STEM"}
    assert items[0].problem.answer == "C"


def test_the_prompts_letter_by_letter(folder):
    item = read(folder).items[0]
    shots = "".join(f"Shot {i}?\nA. a\nB. b\nC. c\nD. d\nAnswer: {'ABCDA'[i]}\n\n" for i in range(5))
    question = "Is it\nso, or?\nA. None\nB. NA\nC. 1.0\nD. 007\nAnswer:"
    head = "The following are multiple choice questions (with answers) about"
    # The paper's code writes two spaces after "about", and does not strip the question.
    for protocol in ("eurus-2024-04", "eurus-2024-09"):
        asked = MMLU.ask(item, Form(protocol))
        assert (asked.text, asked.messages) == (f"{head}  machine learning.\n\n{shots} {question}", ())
    assert MMLU.ask(item, STANDARD).text == f"{head} machine learning.\n\n{shots}{question}"


def test_sampling(folder):
    item = read(folder).items[0]
    eurus, standard = MMLU.ask(item, EURUS).sampling, MMLU.ask(item, STANDARD).sampling
    assert (eurus.temperature, eurus.max_tokens, eurus.stop) == (0.0, 1, ())
    assert (standard.temperature, standard.stop) == (0.0, ("</s>", "\n"))
    assert MMLU.ask(item, CHOICE).choices == (" A", " B", " C", " D")
    assert not MMLU.ask(item, STANDARD).choices


@pytest.mark.parametrize(
    ("form", "response", "correct"),
    [
        pytest.param(EURUS, " C", True, id="eurus-letter"),
        pytest.param(EURUS, "C.", False, id="eurus-exact"),
        pytest.param(EURUS, "c", False, id="eurus-case"),
        pytest.param(STANDARD, " (c).\nIt is A", True, id="standard-first-line"),
        pytest.param(STANDARD, "C. 1.0", False, id="standard-whole-line"),
        pytest.param(STANDARD, "\nC", False, id="standard-empty-line"),
        pytest.param(CHOICE, " C", True, id="choice"),
        pytest.param(CHOICE, " B", False, id="choice-wrong"),
    ],
)
def test_grading(folder, form, response, correct):
    (grade,) = grades(MMLU, form, [(read(folder).items[0], response)])
    assert grade.verdict.correct is correct


def test_modes_are_figures_of_their_own():
    assert MMLU.modes == ("text", "choice")
    assert not MMLU.better_of_modes


def test_subjects_and_categories():
    assert MMLU.rows == 14042
    assert Counter(CATEGORY_OF.values()) == {"STEM": 18, "humanities": 13, "social sciences": 12, "other": 14}


def test_the_hubs_rows(monkeypatch, folder):
    def values(place):
        assert (place.path, place.config) == ("cais/mmlu", "all")
        row = {"subject": "anatomy", "question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 2}
        for number in range(1, (5 if place.split == "dev" else 2) + 1):
            yield Value("0.parquet", number, row)

    monkeypatch.setattr(mmlu, "values", values)
    found = MMLU.read(None, MMLU.published)
    assert [(item.id, item.problem.answer) for item in found.items] == [("anatomy/0", "C"), ("anatomy/1", "C")]
    assert found.items[0].labels["category"] == "other"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x,1,2,3,D", 'field "choices": expected 4 texts'),
        ("x,1,2,3,4,E", 'field "answer": expected a letter from A to D'),
    ],
)
def test_a_bad_row_is_set_aside(folder, line, why):
    with (folder / "test" / "machine_learning_test.csv").open("a") as file:
        file.write(line + "\n")
    found = read(folder)
    assert len(found.items) == 2
    assert why in found.set_aside[0]
    assert "machine_learning_test.csv row 3" in found.set_aside[0]


def test_what_is_missing_is_told(folder):
    (folder / "dev" / "machine_learning_dev.csv").rename(folder / "dev" / "anatomy_dev.csv")
    with pytest.raises(InputError, match="machine_learning has no 5 examples in dev"):
        read(folder)
    (folder / "dev" / "anatomy_dev.csv").unlink()
    with pytest.raises(InputError, match="expected files such as abstract_algebra_dev"):
        read(folder)


@pytest.mark.parametrize("form", [EURUS, STANDARD, CHOICE], ids=["eurus", "standard", "choice"])
def test_real_rows_and_their_gold(data_dir, form):
    found = read(data_dir)
    assert found.set_aside == ()
    files = (data_dir / "mmlu" / "test").glob("*.csv")
    assert len(found.items) == sum(len(list(csv.reader(file.read_text().splitlines(True)))) for file in files)
    assert all(item.labels["category"] == "STEM" for item in found.items)
    pairs = [(item, MMLU.reference(item, form)) for item in found.items]
    assert all(grade.verdict.correct for grade in grades(MMLU, form, pairs))
    assert MMLU.ask(found.items[0], form).text.count("Answer:") == 6
