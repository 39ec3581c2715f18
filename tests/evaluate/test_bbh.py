"""BBH: published rows in three forms, the turns that each protocol makes of them, and who counts as right."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from plain_bench import grades

from preftree.errors import InputError
from preftree.evaluate.benchmark import Form, Item
from preftree.evaluate.benchmarks import bbh
from preftree.evaluate.benchmarks.bbh import BBH, TASKS, turns_2024_04, turns_2024_09
from preftree.evaluate.items import locate, read_from
from preftree.problems.places import Value
from preftree.records import Problem, Reference

FORMS = [Form(protocol) for protocol in ("eurus-2024-04", "eurus-2024-09", "standard")]
TEXT = (
    "Sort.\n\nQ: b a\nA: Let's think step by step.\nFirst a.\nSo the answer is a b.\n\n"
    "Q: c\nOptions:\n(A) d\nA: Let's think step by step."
)


def item(target="a b", text=TEXT):
    problem = Problem("bbh/word_sorting/0", "bbh", "Logic", "c", (Reference(target),), "paper-bbh", ())
    return Item("word_sorting/0", problem, {"task": "word_sorting"}, {"text": text})


def said(messages):
    return [(message.role, message.content) for message in messages]


def test_the_first_code_cuts_at_blank_lines():
    """Only a part's last line is the assistant's; the last of all begins the answer."""
    assert said(turns_2024_04(TEXT)) == [
        (
            "user",
            "Follow the given examples and answer the question.\n\nSort.\n"
            "Q: b a\nA: Let's think step by step.\nFirst a.",
        ),
        ("assistant", "So the answer is a b."),
        ("user", "Q: c\nOptions:\n(A) d"),
        ("assistant", "A: Let's think step by step."),
    ]
    asked = BBH.ask(item(), FORMS[0])
    assert asked.messages == turns_2024_04(TEXT)[:-1]
    assert asked.sampling.prefill == "A: Let's think step by step."


def test_the_last_code_cuts_at_questions():
    assert said(turns_2024_09(TEXT)) == [
        ("user", "Follow the given examples and answer the question.\n\nSort.\nQ: b a"),
        ("assistant", "A: Let's think step by step.\nFirst a.\nSo the answer is a b."),
        ("user", "Q: c\nOptions:\n(A) d"),
    ]
    assert BBH.ask(item(), FORMS[1]).messages == turns_2024_09(TEXT)
    assert not BBH.ask(item(), FORMS[1]).sampling.prefill


@pytest.mark.parametrize(
    ("form", "max_tokens", "stop"),
    [(FORMS[0], 2048, ("\nQ:",)), (FORMS[1], 2048, ("\nQ:",)), (FORMS[2], 1024, ("</s>", "Q", "\n\n"))],
    ids=lambda value: getattr(value, "protocol", ""),
)
def test_sampling(form, max_tokens, stop):
    sampling = BBH.ask(item(), form).sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.stop) == (0.0, max_tokens, stop)


def test_the_public_harness_asks_in_raw_text():
    asked = BBH.ask(item(), FORMS[2])
    assert (asked.text, asked.messages) == (TEXT + "\n", ())


@pytest.mark.parametrize(
    ("response", "target", "correct"),
    [
        pytest.param("So the answer is a b.", "a b", True, id="in-it"),
        pytest.param("I am not sure", "no", True, id="anywhere-even-in-a-word"),
        pytest.param("None of them", "No", True, id="No-in-None"),
        pytest.param("no", "No", False, id="case-counts"),
        pytest.param("b a.\n\nQ: next?\nA: a b", "a b", False, id="another-question-is-cut-off"),
        pytest.param("", "No", False, id="nothing"),
    ],
)
def test_eurus_finds_the_reference_anywhere(response, target, correct):
    for form in FORMS[:2]:
        (grade,) = grades(BBH, form, [(item(target), response)])
        assert grade.verdict.correct is correct


def test_the_given_start_is_not_searched():
    (grade,) = grades(BBH, FORMS[0], [(item("think"), "A: Let's think step by step. I can't.")])
    assert not grade.verdict.correct
    # The last code gives no start, so the same words were written by the model.
    (grade,) = grades(BBH, FORMS[1], [(item("think"), "A: Let's think step by step. I can't.")])
    assert grade.verdict.correct


def test_without_the_flag_the_code_tests_startswith():
    """In the scores beside the verdict: what the code counts where its flag for chains of thought is not given."""
    pairs = [(item("(B)"), text) for text in (" (B) it is", "So the answer is (B).", "(A)")]
    for form in FORMS[:2]:
        found = grades(BBH, form, pairs)
        assert [grade.scores["startswith"] for grade in found] == [1.0, 0.0, 0.0]
        assert [grade.verdict.correct for grade in found] == [True, True, False]


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        pytest.param("So the answer is (B).", "(B)", id="plain"),
        pytest.param(
            "so the answer is (B). No: the answer is (C).", "(B). No: the answer is (C)", id="rest-of-the-line"
        ),
        pytest.param("the answer is (B)!\nthe answer is (C).", "(B)", id="the-first"),
        pytest.param("the answer is True", "Tru", id="the-last-character-always-goes"),
        pytest.param("The Answer is (B).", "[invalid]", id="case"),
        pytest.param("the answer is  a b .", "a b", id="blanks"),
    ],
)
def test_standard_takes_what_follows_the_answer_is(response, answer):
    assert bbh.standard_answer(response) == answer
    (grade,) = grades(BBH, FORMS[2], [(item(answer), response)])
    assert grade.verdict.correct


def test_eurus_own_file(tmp_path, data_dir):
    """JSON Lines of text, reference and task, under the name .json; ids count within a task."""
    rows = [json.loads(line) for line in (data_dir / "bbh/schema_example_test_prompts.jsonl").read_text().splitlines()]
    file = tmp_path / "test_prompts.json"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {**rows[0], "text": "no lead"}, *rows]))
    read = BBH.read(str(file), BBH.published)
    assert [one.id for one in read.items] == [f"{rows[0]['task_name']}/0", f"{rows[0]['task_name']}/2"]
    assert "text" in read.set_aside[0]
    first = read.items[0]
    assert first.data["text"] == rows[0]["text"]
    assert first.problem.instruction == "not ( False ) is"
    assert said(BBH.ask(first, FORMS[1]).messages)[-1] == ("user", "Q: not ( False ) is")


def test_the_hubs_rows(monkeypatch):
    def values(place):
        assert (place.path, place.split) == ("lukaemon/bbh", "test")
        yield Value("0.parquet", 1, {"input": f"of {place.config}", "target": "x"})

    monkeypatch.setattr(bbh, "values", values)
    read = BBH.read(None, BBH.published)
    assert [one.id for one in read.items] == [f"{task}/0" for task in TASKS]
    assert read.items[3].problem.instruction == f"of {TASKS[3]}"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"input": "", "target": "x"}, 'field "input": expected text'),
        ({"input": "a", "target": 5}, 'field "target": expected text'),
        ("a", "expected a JSON object"),
    ],
)
def test_a_bad_row_is_set_aside(tmp_path, row, why):
    (tmp_path / "navigate.json").write_text(json.dumps({"examples": [row, {"input": "a", "target": "No"}]}))
    read = BBH.read(str(tmp_path / "navigate.json"), BBH.published)
    assert [one.problem.answer for one in read.items] == ["No"]
    assert why in read.set_aside[0]
    assert "navigate.json row 1" in read.set_aside[0]


def test_what_is_missing_is_told(tmp_path):
    (tmp_path / "bbh").mkdir()
    with pytest.raises(InputError, match="expected files such as boolean_expressions"):
        BBH.read(str(tmp_path / "bbh"), BBH.published)
    (tmp_path / "navigate.json").write_text("[]")
    with pytest.raises(InputError, match='expected an object with a list "examples"'):
        BBH.read(str(tmp_path / "navigate.json"), BBH.published)
    with pytest.raises(InputError, match=r"expected one of bbh/bbh, bbh/test_prompts\.json"):
        locate("bbh", BBH.published, str(tmp_path / "bbh"))


def test_packaged_examples_are_the_published_ones(data_dir):
    folder = resources.files("preftree.evaluate") / "prompts" / "bbh"
    assert BBH.rows == 6511
    for task in TASKS:
        assert (folder / f"{task}.txt").read_bytes() == (data_dir / f"bbh/cot-prompts/{task}.txt").read_bytes()


@pytest.fixture(scope="module")
def real(data_dir):
    return read_from(BBH, str(data_dir))


def test_real_rows(real, data_dir):
    assert real.set_aside == ()
    assert {one.labels["task"] for one in real.items} == set(TASKS)
    counts = [len(json.loads((data_dir / f"bbh/bbh/{task}.json").read_text())["examples"]) for task in TASKS]
    assert len(real.items) == sum(counts)
    for one in real.items:
        for form in FORMS[:2]:
            messages = BBH.ask(one, form).messages
            assert [message.role for message in messages] == [
                ("user", "assistant")[i % 2] for i in range(len(messages))
            ]
            assert messages[-1].content.endswith(one.problem.instruction), one.id


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.protocol)
def test_the_gold_passes(real, form):
    pairs = [(one, BBH.reference(one, form)) for one in real.items]
    assert all(grade.verdict.correct for grade in grades(BBH, form, pairs))
