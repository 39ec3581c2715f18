"""The twelve sources: real rows where they are, whose gold answers must pass; made rows for each way to be broken."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.problems import SourceSettings, load
from preftree.problems.mathqa import MOST_A_PATTERN, pattern, stratified
from preftree.records import Problem, from_json, to_json
from preftree.verify import verify


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


# ---------------------------------------------------------------- real rows

# Source: path, further settings, problems, rows set aside, rows passed over, the verifiers and their problems.
REAL: dict[str, tuple[str, dict[str, Any], int, int, int, dict[str, int]]] = {
    "gsm8k": ("gsm8k_test/test.jsonl", {"limit": 50, "forms": ("Math_PoT", "Math_CoT")}, 100, 0, 0, {"number": 100}),
    "math": ("math_train/train.jsonl.gz", {"limit": 50, "forms": ("Math_CoT",)}, 50, 3, 0, {"math": 50}),
    "mathqa": ("mathqa/dev.json.gz", {"forms": ("Math_PoT",)}, 3306, 14, 1155, {"number": 2992, "choice": 314}),
    "numglue": ("numglue", {"forms": ("Math_CoT",)}, 1038, 4, 0, {"number": 873, "choice": 162, "short": 3}),
    "tabmwp": ("tabmwp", {}, 570, 0, 1430, {"number": 418, "short": 152}),
    "wikitablequestions": ("wikitablequestions", {"split": "training-before300"}, 300, 0, 0, {"table": 300}),
    "strategyqa": ("strategyqa/dev.json.gz", {}, 229, 0, 0, {"boolean": 229}),
    "hotpotqa": ("hotpotqa/hotpot_dev_v1_simplified.json.gz", {"limit": 200}, 200, 0, 0, {"short": 200}),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_published_rows_and_their_gold_answers(data_dir, name):
    path, more, count, set_aside, passed_over, verifiers = REAL[name]
    loaded = load(SourceSettings(name, path=str(data_dir / path), **more))
    assert (len(loaded.problems), len(loaded.set_aside)) == (count, set_aside)
    assert sum(number for _, number in loaded.passed_over) == passed_over
    assert Counter(problem.verifier for problem in loaded.problems) == verifiers
    assert len({problem.id for problem in loaded.problems}) == count
    for problem in loaded.problems:
        assert from_json(Problem, to_json(problem)) == problem
        for reference in problem.references:
            assert verify(problem.verifier, reference.answer, reference.answer).correct, problem.id


def test_mathqa_is_stratified(data_dir):
    settings = SourceSettings("mathqa", path=str(data_dir / "mathqa/dev.json.gz"), forms=("Math_PoT",))
    loaded = load(settings)
    first = loaded.problems[:74]
    # Probability is the rarest category: 74 rows of 4,475.
    assert sum("probability" in problem.instruction for problem in first) > 30
    assert loaded.passed_over == (("more than 5 of one formula pattern", 1155),)
    # A limit takes the head of the long tail; another seed another five of a pattern.
    assert load(SourceSettings(**{**to_json(settings), "limit": 20, "forms": ("Math_PoT",)})).problems == first[:20]
    other = load(SourceSettings("mathqa", path=settings.path, forms=("Math_PoT",), seed=1))
    assert len(other.problems) == len(loaded.problems)
    assert {p.id for p in other.problems} != {p.id for p in loaded.problems}


def test_both_shapes_of_mathqa_options(data_dir):
    problems = load(SourceSettings("mathqa", path=str(data_dir / "mathqa/challenge_test.json.gz"))).problems
    listed = [problem for problem in problems if problem.verifier == "choice"]
    assert all(re.search(r"\nOptions:\n\(A\) .+\n\(B\) .+\n", problem.instruction) for problem in listed)
    assert not any(re.search(r"\['|\b[a-e] \) ", problem.instruction.partition("Options:")[2]) for problem in listed)
    # A number is asked for as the paper's published row does it: without options.
    assert not any("Options:" in problem.instruction for problem in problems if problem not in listed)


@pytest.mark.parametrize(
    ("option", "answer", "verifier"),
    [
        pytest.param("24", "24", "number", id="number"),
        pytest.param("rs . 1,450", "1450", "number", id="currency"),
        pytest.param("$ 12.50", "12.50", "number", id="dollars"),
        pytest.param("8 / 9 sq . cm", "8/9", "number", id="fraction-and-unit"),
        pytest.param("15 %", "15%", "number", id="percent"),
        pytest.param("none of these", "B", "choice", id="words"),
        pytest.param("3 : 2", "B", "choice", id="ratio"),
        pytest.param("n = 4", "B", "choice", id="equation"),
    ],
)
def test_a_number_is_asked_for_without_options(tmp_path, option, answer, verifier):
    row = {**MATHQA, "options": f"a ) 7 , b ) {option} , c ) 8", "correct": "b"}
    (problem,) = load(SourceSettings("mathqa", path=write(tmp_path / "r.jsonl", row), forms=("Math_PoT",))).problems
    assert (problem.answer, problem.verifier) == (answer, verifier)
    assert ("Options:" in problem.instruction) == (verifier == "choice")


@pytest.mark.parametrize(
    ("formula", "shape"),
    [
        pytest.param("power(5, 4)", "power(_,_)", id="numbers"),
        pytest.param("add(add(divide(1000, const_10), 2), n1)", "add(add(divide(_,_),_),_)", id="nested"),
        pytest.param("divide(const_0_2778,-3.5)", "divide(_,_)", id="constants"),
        pytest.param("square_area (2)", "square_area(_)", id="space"),
        pytest.param("const_100", "_", id="no-operation"),
    ],
)
def test_pattern(formula, shape):
    assert pattern(formula) == shape


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=60), st.integers(0, 3))
def test_stratified(strata, seed):
    problems = [Problem(str(n), "mathqa", "Math_PoT", str(n), ()) for n in range(len(strata))]
    named = {str(n): stratum for n, stratum in enumerate(strata)}
    kept = stratified(problems, named, seed)
    patterns = Counter(shape for _, shape in strata)
    assert Counter(named[p.id][1] for p in kept) == {s: min(n, MOST_A_PATTERN) for s, n in patterns.items()}
    sizes = Counter(category for category, _ in strata)
    ranks = [sizes[named[p.id][0]] for p in kept]
    assert ranks == sorted(ranks)
    # What is left out is not rarer than what is kept of its pattern.
    left = {p.id for p in problems} - {p.id for p in kept}
    for gone in left:
        same = [p.id for p in kept if named[p.id][1] == named[gone][1]]
        assert all(sizes[named[one][0]] <= sizes[named[gone][0]] for one in same)


def test_a_table_of_wikitablequestions_reads_as_csv(data_dir):
    import csv

    path = str(data_dir / "wikitablequestions")
    problems = load(SourceSettings("wikitablequestions", path=path, split="training-before300")).problems
    for problem in problems:
        table = list(csv.reader(problem.instruction.partition("Table (CSV):\n")[2].splitlines()))
        assert len({len(cells) for cells in table}) == 1
    assert all(problem.task == "Coding" and problem.tests is None for problem in problems)


def test_reasons_are_kept(data_dir):
    strategy = load(SourceSettings("strategyqa", path=str(data_dir / "strategyqa/dev.json.gz"))).problems[0]
    assert strategy.tools == ("python", "wikipedia_search")
    assert strategy.references[0].rationale == (
        "Albany, GA has around 75,000 people\nAlbany, NY has almost 100,000 people\nQuestions on the way:\n"
        "1. What is the population of Albany, Georgia?\n2. What is the population of Albany, New York?\n"
        "3. What is the difference between 100,000 and #1?\n4. What is the difference between 100,000 and #2?\n"
        "5. Is #3 smaller than #4?"
    )  # dev row 1, StrategyQA, MIT
    for name, path in (("mathqa", "mathqa/dev.json.gz"), ("tabmwp", "tabmwp")):
        problems = load(SourceSettings(name, path=str(data_dir / path), limit=50)).problems
        assert all(problem.references[0].rationale for problem in problems)


# ---------------------------------------------------------------- made rows

# All rows below are made for these tests; none is taken from a data set.
MATHQA = {
    "Problem": "what is 2 plus 2 ?", "Rationale": '"2 + 2 = 4 . answer : b"', "options": "a ) 3 , b ) 4 , c ) 1,000",
    "correct": "b", "annotated_formula": "add(2, 2)", "category": "general",
}  # fmt: skip
NUMGLUE = {"question": "A dozen and one make", "answer": 13, "type": "Type_1"}
NUMGLUE_3 = {
    "question": "Which is longer?",
    "option1": "a mile",
    "option2": "a foot",
    "answer": "Option 1",
    "type": "Type_3",
}
TABMWP = {
    "question": "How many red balls are there?", "choices": None, "answer": "1,200", "unit": "balls", "grade": 4,
    "table_title": "Balls", "table": "colour | number\nred | 1,200", "solution": "Read the table.",
}  # fmt: skip
RECLOR = {"context": "All is well.", "question": "Which follows?", "answers": ["a", "b", "c", "d"], "label": 3}
STRATEGYQA = {
    "question": "Is two even?",
    "answer": True,
    "facts": ["Two is 2 x 1."],
    "decomposition": ["What is 2 / 2?"],
}
HOTPOTQA = {"question": "Which is larger?", "answer": "Lake A", "context": [["Lake A", ["It is large."]]]}
MAGICODER = {"instruction": "Write a program that is hard to write.", "response": "It is done."}
MADE = {
    "mathqa": MATHQA, "numglue": NUMGLUE, "tabmwp": TABMWP, "reclor": RECLOR, "strategyqa": STRATEGYQA,
    "hotpotqa": HOTPOTQA, "magicoder_evol": MAGICODER,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "instruction", "answer", "more"),
    [
        pytest.param("mathqa", "what is 2 plus 2 ?", "4", {"verifier": "number"}),
        pytest.param("numglue", "A dozen and one make", "13", {"verifier": "number", "tools": ("python",)}),
        pytest.param(
            "tabmwp",
            "Table: Balls\ncolour | number\nred | 1,200\nQuestion: How many red balls are there?\n(Unit: balls)",
            "1,200",
            {"verifier": "number", "task": "Math_PoT"},
        ),
        pytest.param(
            "reclor",
            "All is well.\nWhich follows?\n(A) a\n(B) b\n(C) c\n(D) d",
            "D",
            {"verifier": "choice", "task": "Logic", "tools": ()},
        ),
        pytest.param("strategyqa", "Is two even?", "yes", {"verifier": "boolean", "task": "Logic"}),
        pytest.param("hotpotqa", "Which is larger?", "Lake A", {"tools": ("python", "wikipedia_search")}),
    ],
)
def test_a_row_becomes_a_problem(tmp_path, name, instruction, answer, more):
    problem = load(SourceSettings(name, path=write(tmp_path / "rows.jsonl", MADE[name]), split="dev")).problems[0]
    assert (problem.instruction, problem.answer, problem.dataset, problem.split) == (instruction, answer, name, "dev")
    assert {field: getattr(problem, field) for field in more} == more
    assert problem.id.startswith(f"{name}/")


def test_magicoder_has_no_ground_truth(tmp_path):
    (problem,) = load(SourceSettings("magicoder_evol", path=write(tmp_path / "rows.jsonl", MAGICODER))).problems
    assert (problem.references, problem.verifier, problem.task, problem.tests) == ((), "judge", "Coding", None)


def test_numglue_as_released(tmp_path):
    """JSON Lines under the name .json, whose keys depend on the type."""
    rows = [
        NUMGLUE,
        NUMGLUE_3,
        {"passage": "p", "question": "q", "answer": {"number": "1", "date": {}, "spans": []}, "type": "Type_5"},
        {"statement1": "s", "statement2": "t", "options": "o", "answer": "entailment", "type": "Type_7"},
        {"question": "On which day?", "answer": "Friday", "type": "Type_1"},
    ]
    loaded = load(SourceSettings("numglue", path=write(tmp_path / "NumGLUE_train.json", *rows), forms=("Math_PoT",)))
    assert loaded.passed_over == (("tasks 5, 6 and 7", 2),)
    _, choice, day = loaded.problems
    assert (choice.instruction, choice.answer, choice.verifier) == (
        "Which is longer?\nAnswer Choices: (A) a mile (B) a foot",
        "A",
        "choice",
    )
    assert (day.answer, day.verifier) == ("Friday", "short")


BROKEN = [
    ("mathqa", {"correct": "e"}, 'field "correct": expected one of the options a, b, c, got e'),
    ("mathqa", {"options": "3 or 4"}, 'field "options": expected a ) text , b ) text'),
    ("mathqa", {"options": "a ) 3 , a ) 4"}, 'field "options": expected a ) text , b ) text'),
    ("mathqa", {"options": "['a ) 3'"}, 'field "options": begins as a list, but is none'),
    ("mathqa", {"annotated_formula": None}, 'field "annotated_formula": missing'),
    ("mathqa", {"category": ""}, 'field "category": empty'),
    ("numglue", {"type": "Type_9"}, 'field "type": expected Type_1 to Type_8, got Type_9'),
    ("numglue", {"answer": None}, 'field "answer": missing'),
    ("numglue", {**NUMGLUE_3, "answer": "mile"}, 'field "answer": expected Option 1 or Option 2, got mile'),
    ("numglue", {"type": "Type_3", "answer": "C"}, 'field "answer": expected A or B, got C'),
    ("tabmwp", {"grade": None}, 'field "grade": missing'),
    ("tabmwp", {"table": ""}, 'field "table": empty'),
    ("tabmwp", {"choices": ["1", "2"]}, 'field "answer": expected one of the choices 1, 2, got 1,200'),
    ("tabmwp", {"choices": "1, 2"}, 'field "choices": expected a list of texts'),
    ("reclor", {"label": None}, 'field "label": missing'),
    ("reclor", {"label": 4}, 'field "label": expected 0 to 3, got 4'),
    ("reclor", {"answers": ["a"]}, 'field "answers": expected 4 texts, got 1'),
    ("strategyqa", {"answer": "maybe"}, "field \"answer\": expected true or false, got 'maybe'"),
    ("strategyqa", {"answer": None}, 'field "answer": missing'),
    ("strategyqa", {"facts": [1]}, 'field "facts": expected a list of texts'),
    ("hotpotqa", {"answer": " "}, 'field "answer": empty'),
    ("magicoder_evol", {"instruction": None}, 'field "instruction": missing'),
]


@pytest.mark.parametrize(("name", "change", "told"), BROKEN)
def test_a_broken_row_is_set_aside(tmp_path, name, change, told):
    loaded = load(SourceSettings(name, path=write(tmp_path / "rows.jsonl", MADE[name], {**MADE[name], **change})))
    assert len({problem.group for problem in loaded.problems}) == 1
    (bad,) = loaded.set_aside
    assert str(bad).startswith("rows.jsonl row 2, ")
    assert told in str(bad)


def test_tabmwp_as_published_beside_its_splits(tmp_path):
    (tmp_path / "problems_train.json").write_text(json.dumps({"7": TABMWP, "8": {**TABMWP, "grade": 8}}))
    (tmp_path / "splits.json").write_text(json.dumps({"train": [7, 8]}))
    loaded = load(SourceSettings("tabmwp", path=str(tmp_path)))
    assert (len(loaded.problems), loaded.set_aside) == (1, ())
    assert loaded.passed_over == (("grades other than 4 and 5", 1),)


# ---------------------------------------------------------------- WikiTableQuestions, made


def release(root: Path, *lines: str) -> str:
    (root / "data").mkdir(parents=True)
    (root / "csv" / "0-csv").mkdir(parents=True)
    (root / "csv" / "0-csv" / "1.csv").write_text('"town","said \\"so\\""\n"a, b","x\ny"\n')
    (root / "csv" / "0-csv" / "2.csv").write_text('"town"\n')
    (root / "secret.csv").write_text("a\nb\n")
    text = "\n".join(("id\tutterance\tcontext\ttargetValue", *lines)) + "\n"
    (root / "data" / "training.tsv").write_text(text)
    return str(root)


def test_a_release_of_tables(tmp_path):
    path = release(
        tmp_path / "wtq",
        "nt-0\twho?\tcsv/0-csv/1.csv\ta|b\\pc",
        "nt-1\twho?\tcsv/0-csv/9.csv\ta",
        "nt-2\twho?\tcsv/../secret.csv\ta",
        "nt-3\twho?\tcsv/0-csv/2.csv\ta",
        "nt-4\twho?",
        "nt-5\twho?\tcsv/0-csv/1.csv\t",
    )
    loaded = load(SourceSettings("wikitablequestions", path=path))
    (problem,) = loaded.problems
    assert problem.instruction.endswith('Question: who?\nTable (CSV):\ntown,"said ""so"""\n"a, b",x y')
    assert verify("table", "['b|c', 'a']", problem.answer).correct
    assert [str(bad) for bad in loaded.set_aside] == [
        'training.tsv row 3, field "context": no table csv/0-csv/9.csv',
        'training.tsv row 4, field "context": no table csv/../secret.csv',
        'training.tsv row 5, field "table": expected a header and at least one row',
        "training.tsv row 6: expected 4 columns, got 2",
        'training.tsv row 7, field "targetValue": empty',
    ]
    with pytest.raises(InputError, match=r"expected the file data/dev\.tsv"):
        load(SourceSettings("wikitablequestions", path=path, split="dev"))


def test_a_release_without_tables_or_with_other_columns(tmp_path):
    path = Path(release(tmp_path / "wtq", "nt-0\twho?\tcsv/0-csv/1.csv\ta"))
    (path / "csv").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"expected the tables, csv/ or csv\.tar\.gz"):
        load(SourceSettings("wikitablequestions", path=str(path)))
    (tmp_path / "elsewhere").rename(path / "csv")
    (path / "data" / "training.tsv").write_text("id\tquestion\n")
    with pytest.raises(InputError, match="expected the columns id, utterance, context, targetValue"):
        load(SourceSettings("wikitablequestions", path=str(path)))


# ---------------------------------------------------------------- settings that all share


def test_forms_of_one_problem_share_a_group(tmp_path):
    path = write(tmp_path / "rows.jsonl", *({**MATHQA, "Problem": f"what is 2 plus {n} ?"} for n in range(4)))
    both = load(SourceSettings("mathqa", path=path, limit=3)).problems
    assert [(p.task, p.tools) for p in both] == [("Math_PoT", ("python",)), ("Math_CoT", ())] * 3
    assert all(one.group == two.group and one.id != two.id for one, two in zip(both[::2], both[1::2], strict=True))
    for form in ("Math_PoT", "Math_CoT"):
        alone = load(SourceSettings("mathqa", path=path, limit=3, forms=(form,))).problems
        assert alone == tuple(p for p in both if p.task == form)


def test_the_first_sources_make_one_form_unless_asked():
    assert {p.task for p in load(SourceSettings("gsm8k", limit=3)).problems} == {"Math_PoT"}
    both = load(SourceSettings("gsm8k", limit=3, forms=("Math_CoT", "Math_PoT"))).problems
    assert [p.task for p in both] == ["Math_PoT", "Math_CoT"] * 3


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (SourceSettings("tabmwp", path="x", forms=("Math_CoT",)), "forms: expected Math_PoT, got Math_CoT"),
        (SourceSettings("hotpotqa", path="x", forms=("Math_PoT",)), "forms: its rows have one form, got Math_PoT"),
        (SourceSettings("mathqa", path="x", forms=("Logic",)), "forms: expected Math_PoT or Math_CoT, got Logic"),
        (SourceSettings("tabmwp"), "tabmwp: path: expected problems_train.json"),
        (SourceSettings("numglue"), "numglue: path: expected NumGLUE_train.json"),
    ],
)
def test_wrong_settings(settings, told):
    with pytest.raises(InputError, match=told):
        load(settings)


def test_the_filter_is_noted_on_each_problem(tmp_path):
    path = write(tmp_path / "rows.jsonl", HOTPOTQA)
    assert [p.filter for p in load(SourceSettings("hotpotqa", path=path, filter=True)).problems] == [True]
    assert [p.filter for p in load(SourceSettings("hotpotqa", path=path)).problems] == [False]


# ---------------------------------------------------------------- hub ids

HUBS = {
    "gsm8k": ("openai/gsm8k", ("main",), {"question": "2 and 2?", "answer": "2+2=<<2+2=4>>4\n#### 4"}),
    "math": ("EleutherAI/hendrycks_math", ("algebra", "precalculus", "geometry", "number_theory", "prealgebra",
             "intermediate_algebra", "counting_and_probability"), {"problem": "1+1?", "solution": "\\boxed{2}"}),
    "mathqa": ("allenai/math_qa", ("default",), MATHQA),
    "strategyqa": ("ChilleD/StrategyQA", ("default",), {**STRATEGYQA, "facts": "Two is 2 x 1."}),
    "hotpotqa": ("hotpotqa/hotpot_qa", ("distractor", "fullwiki"), {"question": "q", "answer": "a", "context": [1]}),
    "magicoder_evol": ("ise-uiuc/Magicoder-Evol-Instruct-110K", ("default",), MAGICODER),
    "wikitablequestions": ("stanfordnlp/wikitablequestions", ("random-split-1", "random-split-2"),
                           {"question": "q", "answers": ["a|b", "c"], "table": {"header": ["x"], "rows": [["a|b"]]}}),
}  # fmt: skip


@pytest.mark.parametrize("name", HUBS)
def test_without_a_path_a_source_reads_its_hub_id(tmp_path, monkeypatch, name):
    """A mock of the hub: no hub can be reached from a test. It answers as the hub lists and stores converted sets."""
    import huggingface_hub

    hub, configs, row = HUBS[name]
    asked: list[tuple[str, str]] = []

    def download(repo, file, **_):
        asked.append((repo, file))
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "0.parquet")
        return str(tmp_path / "0.parquet")

    listed = [f"{config}/{split}/0.parquet" for config in configs for split in ("train", "test")]
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, *a, **k: listed)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    # GSM8K without a path is the packaged slice.
    path = hub if name == "gsm8k" else None
    loaded = load(SourceSettings(name, path=path, split="test"))
    read = {"hotpotqa": ("fullwiki",), "wikitablequestions": ("random-split-1",)}.get(name, configs)
    assert sorted(asked) == sorted((hub, f"{config}/test/0.parquet") for config in read)
    assert loaded.problems[0].split == "test"
    if name == "wikitablequestions":
        assert loaded.problems[0].answer == "a\\pb|c"


def test_a_hub_that_can_not_be_reached(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="EleutherAI/hendrycks_math: neither a file, nor a data set"):
        load(SourceSettings("math"))
