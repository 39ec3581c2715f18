"""Overlaps: planted ones are found, near misses stay; cleaned files are as they were but for what went."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preftree.errors import InputError
from preftree.problems.decontaminate import Contamination, Instruction, TestSet, TestText
from preftree.problems.instructions import asked
from preftree.problems.testsets import TestSource, read_tests
from preftree.problems.thinning import copy_without

TEST = "A train leaves the station at noon and travels sixty miles an hour to the east."


def made(*texts, name="t", task="", rule="ngram"):
    return TestSet(name, tuple(TestText(f"row {i}", text) for i, text in enumerate(texts, start=1)), task, rule)


def found(sets, *instructions, n=8):
    asked_for = [one if isinstance(one, Instruction) else Instruction(one) for one in instructions]
    return [[(o.tests, o.place) for o in one] for one in Contamination(sets, n).overlaps(asked_for)]


@pytest.mark.parametrize(
    ("instruction", "there"),
    [
        pytest.param(TEST, True, id="whole"),
        pytest.param("Once, a TRAIN leaves the station -- at noon and! Then what?", True, id="eight-words"),
        pytest.param("A train leaves the station at noon or later.", False, id="seven-words"),
        pytest.param(TEST.replace("noon", "ten").replace("hour", "day"), False, id="changed-words"),
        pytest.param("The station leaves a train at noon.", False, id="other-order"),
        pytest.param("", False, id="empty"),
        pytest.param("What is two?", True, id="short-test-whole"),
        pytest.param("So tell me: what is two plus three and then some more?", False, id="short-test-inside"),
    ],
)
def test_ngrams(instruction, there):
    sets = [made("unrelated", TEST, "What is two", "")]
    assert [bool(one) for one in found(sets, "nothing shared here", instruction)] == [False, there]


def test_two_instructions_are_never_read_as_one():
    half = TEST.split()
    assert found([made(TEST)], " ".join(half[:7]), " ".join(half[7:14])) == [[], []]


def test_evidence_names_the_test_and_the_words():
    ((overlap,),) = Contamination([made("unrelated", TEST)]).overlaps([Instruction("x y z " + TEST)])
    assert (overlap.place, overlap.evidence) == ("row 2", "a train leaves the station at noon and")


@pytest.mark.parametrize(
    ("task", "of_tests", "there"),
    [
        pytest.param("Math_PoT", "Math", True, id="one-family"),
        pytest.param("Math_Cot", "Math", True, id="published-spelling"),
        pytest.param("Coding", "Math", False, id="other-task"),
        pytest.param("", "Math", True, id="row-without-task"),
        pytest.param("Coding", "", True, id="tests-without-task"),
    ],
)
def test_tests_of_the_same_task_count(task, of_tests, there):
    assert bool(found([made(TEST, task=of_tests)], Instruction(TEST, task))[0]) is there


LONG = "def f(x):\n    return x  # the very first of all functions that anyone ever wrote"


@pytest.mark.parametrize(
    ("text", "instruction", "there"),
    [
        pytest.param(LONG, f"see {LONG.replace(chr(10), ' ')} ok", True, id="white-space"),
        pytest.param(LONG, f"xx{LONG}yy", True, id="inside-longer-words"),
        pytest.param(LONG, LONG.replace("first", "last"), False, id="one-word-changed"),
        pytest.param(LONG, LONG.upper(), False, id="other-case"),
        pytest.param(LONG, LONG.replace("  #", " //"), False, id="other-punctuation"),
        pytest.param("short one", "a short one.", True, id="short"),
        pytest.param("", "anything", False, id="empty"),
    ],
)
def test_substrings_count_in_every_task(text, instruction, there):
    sets = [made(text, "another text", task="Coding", rule="substring")]
    assert bool(found(sets, Instruction(instruction, "Logic"))[0]) is there


letters = st.lists(st.sampled_from("abc"), max_size=14).map(" ".join)
some = st.lists(letters, max_size=4)


@given(some, some, some)
def test_agrees_with_a_plain_search(instructions, first, second):
    def grams(text):
        split = text.split()
        return {tuple(split[i : i + 3]) for i in range(len(split) - 2)}

    def near(text, test):
        return bool(grams(text) & grams(test)) or (0 < len(test.split()) < 3 and text == test)

    sets = [
        made(*first, name="first"),
        made(*second, name="second"),
        made(*second, name="s", rule="substring"),
    ]
    expected = [
        [name for name, texts in (("first", first), ("second", second)) if any(near(text, test) for test in texts)]
        + (["s"] if any(test and test in text for test in second) else [])
        for text in instructions
    ]
    assert [[name for name, _ in one] for one in found(sets, *instructions, n=3)] == expected


@pytest.mark.parametrize(
    ("row", "text", "task"),
    [
        pytest.param({"instruction": "q", "response": "r", "task": "Coding"}, "q", "Coding", id="sft"),
        pytest.param(
            {"trajectory": [{"from": "user", "value": "q"}, {"from": "assistant", "value": "a"}], "task": "Math_PoT"},
            "q", "Math_PoT", id="pair",
        ),
        pytest.param(
            {"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}, "q", "", id="trl"
        ),
        pytest.param({"prompt": "q", "chosen": "c"}, "q", "", id="trl-text"),
        pytest.param({"conversations": [{"from": "human", "value": "q"}]}, "q", "", id="sharegpt"),
        pytest.param({"data": ["q", "a"]}, "q", "", id="ultrachat"),
        pytest.param({"question": "q", "system_prompt": "s"}, "q", "", id="openorca"),
    ],
)  # fmt: skip
def test_the_instruction_of_a_row(row, text, task):
    one = asked(row)
    assert (one.text, one.task) == (text, task)


def test_forms_of_one_problem_have_one_key():
    bare = "What is 2 + 2?"
    tool = (
        "Tool available:\n[1] Python interpreter\nWhen you send a message containing Python code to python, it will be "
    )
    tool += "executed in a stateful Jupyter notebook environment.\n"
    words = "Solve the following math problem step-by-step.\nSimplify your answer as much as possible. Present your "
    words += "final answer as \\boxed{Your Answer}.\n"
    keys = {asked({"instruction": text}).key for text in (bare, words + bare, tool + words + bare)}
    assert len(keys) == 1
    assert asked({"answer": "no question"}) is None


def test_test_sets_of_a_folder(tmp_path):
    (tmp_path / "gsm8k_test").mkdir()
    (tmp_path / "gsm8k_test/t.jsonl").write_text('{"question": "one"}\n{"other": 1}\n')
    (tmp_path / "bbh").mkdir()
    (tmp_path / "bbh/b.json").write_text('{"canary": "x", "examples": [{"input": "two"}, {"input": "three"}]}')
    (tmp_path / "leetcode").mkdir()
    with gzip.open(tmp_path / "leetcode/l.json.gz", "wt") as file:
        file.write(json.dumps({"prompt": '"""\nstatement\n"""\nclass Solution:'}) + "\n{}\n")
    (tmp_path / "train").mkdir()
    read = read_tests(TestSource(str(tmp_path)))
    assert [(s.name, s.task, s.rule, [t.text.strip() for t in s.texts]) for s in read.sets] == [
        ("bbh", "Logic", "ngram", ["two", "three"]),
        ("gsm8k_test", "Math", "ngram", ["one"]),
        ("leetcode", "Coding", "substring", ["statement"]),
    ]
    assert read.passed_over == ("train",)
    assert dict(read.rows_without_text) == {"gsm8k_test": 1, "leetcode": 1}
    (own,) = read_tests(TestSource(str(tmp_path / "bbh/b.json"), name="mine", task="Math", field="input")).sets
    assert (own.name, own.task, len(own.texts)) == ("mine", "Math", 2)
    with pytest.raises(InputError, match="no row with a text in nothing; name its field"):
        read_tests(TestSource(str(tmp_path / "bbh"), field="nothing"))


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.json", "rows.parquet"])
def test_a_copy_without_some_rows(tmp_path, name):
    rows = [{"q": f"é {i}", "n": i} for i in range(5)]
    file = tmp_path / name
    if name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    elif name.endswith(".json"):
        file.write_text(json.dumps(rows))
    else:
        with gzip.open(file, "wt") if name.endswith(".gz") else file.open("w") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "out").mkdir()
    copy_without(file, tmp_path / "out" / name, {1, 4})
    from preftree.problems.places import Place, values

    kept = [value.content for value in values(Place(str(tmp_path / "out" / name)))]
    assert kept == [rows[1], rows[2], rows[4]]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_real_test_sets_are_read_whole(data_dir):
    sets = {one.name: one for one in read_tests(TestSource(str(data_dir))).sets}
    sizes = {"humaneval": 164, "leetcode": 180, "svamp": 700, "theoremqa": 560, "gsm_plus": 1680, "ifeval": 379}
    assert {name: len(sets[name].texts) for name in sizes} == sizes
    statement = sets["leetcode"].texts[0].text
    assert found([sets["leetcode"]], f"Please solve this:\n{statement}") == [
        [("leetcode", sets["leetcode"].texts[0].place)]
    ]
