"""The benchmarks of mathematics: every published form of their rows, ids, labels, what is set aside.

That references pass is `test_gold.py`.
"""

import gzip
import io
import json
import random
import tarfile

import pytest
from math_bench import FILES, ROWS, grades, item_of, outcomes, read, real_items
from math_exceptions import EXCEPTIONS, explained

from preftree.errors import InputError
from preftree.evaluate.benchmark import Form
from preftree.evaluate.items import locate
from preftree.evaluate.registry import BENCHMARKS

NAMES = tuple(ROWS)
FULL = {
    "gsm8k": 1319, "gsm_plus": 10_552, "math": 5000, "math500": 500, "theoremqa": 800, "svamp": 1000, "asdiv": 618,
}  # fmt: skip
LABELS = {
    "gsm8k": {},
    "gsm_plus": {"perturbation": "digit expansion"},
    "math": {"level": "1", "subject": "Prealgebra"},
    "math500": {"level": "1", "subject": "Prealgebra"},
    "theoremqa": {"answer_type": "float"},
    "svamp": {"type": "Multiplication"},
    "asdiv": {},
}
IDS = {
    "gsm8k": "0", "gsm_plus": "0", "math": "7", "math500": "test/prealgebra/1.json",
    "theoremqa": "someone/half.json", "svamp": "chal-1", "asdiv": "0",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_row_as_published(name, tmp_path):
    item = item_of(name, tmp_path)
    assert (item.id, dict(item.labels)) == (IDS[name], LABELS[name])
    assert set(BENCHMARKS[name].groups) == set(LABELS[name])
    assert (BENCHMARKS[name].rows, BENCHMARKS[name].modes) == (FULL[name], ("text", "program"))


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_data_sets_is_searched(name, tmp_path):
    folder = tmp_path / BENCHMARKS[name].published.folders[0]
    folder.mkdir()
    item_of(name, folder)
    assert locate(name, BENCHMARKS[name].published, str(tmp_path)) == str(folder / FILES[name])
    with pytest.raises(InputError, match="expected one of"):
        locate(name, BENCHMARKS[name].published, str(tmp_path.parent))


@pytest.mark.parametrize(
    ("name", "field", "value", "why"),
    [
        ("gsm8k", "answer", "no mark", "no #### line"),
        ("gsm8k", "question", "", "empty"),
        ("gsm_plus", "answer", None, "missing"),
        ("math", "solution", "no box", "boxed"),
        ("math500", "unique_id", None, "missing"),
        ("theoremqa", "Answer", "0.5", ""),
        ("theoremqa", "Answer", "half", "expected a float"),
        ("theoremqa", "Answer", True, "expected a float"),
        ("svamp", "Answer", None, "missing"),
        ("asdiv", "Output Answer", [], "expected a text"),
    ],
)
def test_a_bad_row_is_set_aside_by_its_field(name, field, value, why, tmp_path):
    good = ROWS[name]
    bad = (
        good
        | {field: value}
        | {key: "other" for key in ("ID", "id", "unique_id", "idx") if key in good and key != field}
    )
    rows = [good, bad]
    file = tmp_path / (FILES[name] if name == "asdiv" else "rows.jsonl")
    file.write_text(
        json.dumps({"Instances": rows}) if name == "asdiv" else "".join(json.dumps(row) + "\n" for row in rows)
    )
    found = read(name, file)
    if not why:  # the hub has answers as text
        assert (len(found.items), found.set_aside) == (2, ())
        return
    assert len(found.items) == 1
    (said,) = found.set_aside
    assert file.name in said
    assert "row 2" in said
    assert f'field "{field}"' in said
    assert why in said


def test_ids_that_come_twice_are_set_aside(tmp_path):
    file = tmp_path / "SVAMP.json"
    file.write_text(json.dumps([ROWS["svamp"], ROWS["svamp"]]))
    assert read("svamp", file).set_aside == ("SVAMP.json row 2: the id chal-1 a second time",)


# ---------------------------------------------------------------- forms of files


def test_gsm_plus_in_its_nested_form(data_dir):
    """The file that Eurus reads; hand-made by its schema."""
    items = read("gsm_plus", data_dir / "gsm_plus" / "schema_example_v0.json").items
    assert [(item.id, item.problem.answer, item.labels["perturbation"]) for item in items] == [
        ("0/numerical substitution", "7", "numerical substitution"),
        ("0/critical thinking", "None", "critical thinking"),
    ]


def test_gsm_plus_nested_and_broken(tmp_path):
    file = tmp_path / "gsmplus_test.json"
    good = {"perturbation_questions": {"digit expansion": {"question": "?", "answer": "1"}}}
    file.write_text(json.dumps({"0": good, "1": {"seed": 1}, "2": {"perturbation_questions": {"a": "b"}}}))
    found = read("gsm_plus", file)
    assert [item.id for item in found.items] == ["0/digit expansion"]
    assert [said.partition(":")[0] for said in found.set_aside] == [
        "gsmplus_test.json row 2",
        "gsmplus_test.json row 3",
    ]


def test_gsm_plus_whole_before_testmini(tmp_path):
    folder = tmp_path / "gsm_plus"
    folder.mkdir()
    for name in ("gsmplus_testmini.jsonl", "gsmplus_test.jsonl"):
        (folder / name).write_text(json.dumps(ROWS["gsm_plus"]) + "\n")
    assert locate("gsm_plus", BENCHMARKS["gsm_plus"].published, str(tmp_path)).endswith("gsmplus_test.jsonl")


def test_math_as_eurus_has_it(data_dir):
    (item,) = read("math", data_dir / "math" / "schema_example_math_test_cleaned.json").items
    assert (item.id, item.problem.answer, item.labels["level"]) == ("0", "2", "1")


def _archive(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_math_as_its_authors_packed_it(tmp_path):
    row = {key: value for key, value in ROWS["math"].items() if key != "idx"}
    members = {
        "MATH/test/algebra/10.json": json.dumps(row).encode(),
        "MATH/test/geometry/2.json": b"{",
        "MATH/train/algebra/1.json": json.dumps(row).encode(),
        "MATH/README": b"none",
    }
    _archive(tmp_path / "MATH_test.tar.gz", members)
    found = read("math", tmp_path / "MATH_test.tar.gz")
    assert [item.id for item in found.items] == ["test/algebra/10.json"]
    assert len(found.set_aside) == 1
    assert "test/geometry/2.json: not JSON" in found.set_aside[0]


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"neither")], ids=["empty", "text", "gzip"])
def test_a_broken_archive_is_named(content, tmp_path):
    (tmp_path / "MATH_test.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"MATH_test\.tar\.gz: not an archive|no row can be used"):
        read("math", tmp_path / "MATH_test.tar.gz")


def test_both_files_of_math_hold_the_same_problems(data_dir):
    packed = read("math", data_dir / "math" / "MATH_test.tar.gz").items
    flat = read("math", data_dir / "math" / "test.jsonl.gz").items
    few = {
        item.problem.instruction: item for item in read("math500", data_dir / "math" / "math500_test.jsonl.gz").items
    }
    by_text = {item.problem.instruction: item for item in packed}
    assert len(packed) == len(flat) == 3500
    assert {item.problem.instruction for item in flat} == set(by_text)
    assert all(few[text].id == by_text[text].id for text in few)


def test_asdiv_counts_its_test_split_alone(tmp_path):
    rows = [ROWS["asdiv"] | {"split": split} for split in ("train", "test", "dev", "test")]
    (tmp_path / "asdiv.json").write_text(json.dumps({"Instances": rows, "Metadata": []}))
    assert [item.id for item in read("asdiv", tmp_path / "asdiv.json").items] == ["0", "1"]


def test_asdiv_as_the_hub_has_it(tmp_path):
    row = {"input": "Two?", "output_program": "print(2)", "output_answer": "2", "split": "test", "dataset": "asdiv"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (item,) = read("asdiv", tmp_path / "rows.jsonl").items
    assert (item.problem.instruction, item.problem.answer) == ("Two?", "2")


@pytest.mark.parametrize(
    ("kind", "value", "answer"),
    [
        ("bool", "True", "true"),
        ("list of integer", "[1, 2]", "[1, 2]"),
        ("float", 1, "1"),
        ("Option", "(c)", "(c)"),
        ("option", "c", "(c)"),
    ],
)
def test_theoremqas_types(kind, value, answer, tmp_path):
    item = item_of("theoremqa", tmp_path, Answer=value, Answer_type=kind)
    assert (item.problem.answer, item.labels["answer_type"]) == (answer, kind.lower())


# ---------------------------------------------------------------- gold


@pytest.mark.parametrize("name", ["math", "math500"])
def test_listed_references_fail_for_their_reasons(name, data_dir, tmp_path):
    items = {item.id: item for item in real_items(name, data_dir)}
    listed = [
        (items[row], Form(protocol, mode or "text")) for name_, protocol, mode, row in EXCEPTIONS if name_ == name
    ]
    assert listed
    assert all(explained(form.protocol, item) for item, form in listed)
    asked = [(item, form, BENCHMARKS[name].reference(item, form)) for item, form in listed]
    assert set(outcomes(name, asked, tmp_path)) == {"wrong"}


def test_another_rows_reference_is_wrong(data_dir, tmp_path):
    items = random.Random(1).sample(real_items("math", data_dir), 60)
    others = items[1:] + items[:1]
    form = Form("standard")
    reference = BENCHMARKS["math"].reference
    pairs = [(item, form, reference(other, form)) for item, other in zip(items, others, strict=True)]
    found = grades("math", pairs, tmp_path)
    right = [grade.verdict.correct for grade in found]
    equal = [item.problem.answer == other.problem.answer for item, other in zip(items, others, strict=True)]
    assert sum(right) <= sum(equal) + 2
    assert sum(right) <= 6


def test_gsm8ks_gold_passes_the_harnesss_filters(data_dir, tmp_path):
    items = random.Random(2).sample(real_items("gsm8k", data_dir), 20)
    form = Form("standard")
    found = grades("gsm8k", [(item, form, BENCHMARKS["gsm8k"].reference(item, form)) for item in items], tmp_path)
    for name in ("strict_match", "flexible_extract", "hash_match"):
        assert [grade.scores[name] for grade in found] == [1.0] * len(items), name
