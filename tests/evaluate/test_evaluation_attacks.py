"""Answers, rows and directories that once gave a wrong figure, ended a run or held it up."""

import asyncio
import json
import math
import re
import time

import pytest
from math_bench import outcomes

from preftree.environment import EnvironmentSettings, Limits
from preftree.errors import InputError
from preftree.evaluate.bench import open_bench
from preftree.evaluate.benchmark import Form
from preftree.evaluate.benchmarks.bbh import BBH
from preftree.evaluate.benchmarks.mmlu import MMLU
from preftree.evaluate.classes import answer_classes
from preftree.evaluate.compare import compare
from preftree.evaluate.grading.harness import minerva_answer, normalise_minerva
from preftree.evaluate.grading.programs import blocks_of
from preftree.evaluate.grading.tags import between
from preftree.evaluate.items import locate
from preftree.evaluate.mint.checkers import chooses, theoremqa_equal, theoremqa_expression
from preftree.evaluate.mint.parser import read_move
from preftree.evaluate.registry import BENCHMARKS
from preftree.evaluate.rewards import score_rewards
from preftree.evaluate.rewards.figures import clustered, share
from preftree.evaluate.rewards.items import TIE, judged
from preftree.evaluate.scoring import score
from preftree.records import Result
from preftree.verify import verify

# ---------------------------------------------------------------- MINT


@pytest.mark.parametrize("answer", ["²", "٣²", "①", "9" * 400])
def test_digits_that_are_no_number(answer):
    assert not chooses(answer, "a", {"a": "3", "b": "7"})


@pytest.mark.parametrize("value", [10**400, [10**400, 1], -(10**400)])
@pytest.mark.parametrize(("reference", "kind"), [(1, "integer"), (1.5, "float"), ([1, 2], "list of integer")])
def test_numbers_that_no_float_holds(value, reference, kind):
    assert not theoremqa_equal(value, reference, kind)


# ---------------------------------------------------------------- time that grows with the text alone

LONG = 20_000
HELD_UP = {
    "digits": lambda: theoremqa_expression("7" * LONG + "xyz"),
    "solutions left open": lambda: read_move("<solution>" * LONG, "execute"),
    "code left open": lambda: read_move("<execute>" * LONG, "execute"),
    "blocks left open": lambda: blocks_of("<execute>```python" * LONG, "eurus-2024-09"),
    "text left open": lambda: normalise_minerva("\\text{" * LONG),
    "letters": lambda: normalise_minerva("a" * LONG),
    "sentences left open": lambda: minerva_answer("Final Answer: The final answer is" * LONG),
    "powers of powers": lambda: verify("paper-theoremqa", "((((1/2)**1000)**1000)**1000)**1000", "0.5"),
    "powers of powers in LaTeX": lambda: verify("paper-math-2024-04", "\\pi*(((((1/2)**999)**999)**999)**999)", "2"),
}


@pytest.mark.parametrize("name", HELD_UP)
def test_nothing_is_held_up(name):
    """Each took from 2 to 97 seconds, or the judge's whole limit."""
    begin = time.process_time()
    HELD_UP[name]()
    assert time.process_time() - begin < 1.5


@pytest.mark.parametrize("text", ["", "<a>1</a>", "<a>1<a>2</a>3</a><a>4", "<a></a><a>\n</a>", "</a><a>x</a>"])
def test_between_is_the_pattern(text):
    assert between(text, "<a>", "</a>") == re.findall("<a>(.*?)</a>", text, re.DOTALL)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Final Answer: The final answer is $3$. I hope it is correct.", "$3$"),
        ("Final Answer: The final answer is\nFinal Answer: The final answer is 4. I hope it is correct.", "4"),
        ("Final Answer: The final answer is 5. ", "5"),
        ("The final answer is 5.", None),
    ],
)
def test_minerva_answer_is_still_the_first(text, answer):
    assert minerva_answer(text) == answer


# ---------------------------------------------------------------- MBPP


def test_a_program_does_not_judge_itself(data_dir, tmp_path):
    """It brings its own `math`, whose isclose says yes to everything."""
    forged = "\n".join(
        [
            "```python",
            "def math(): pass",
            "def volume_sphere(r): return None",
            "def find_Average_Of_Cube(n): return None",
            "def g(x=setattr(math, 'isclose', lambda *a, **k: True)): pass",
            "```",
        ]
    )
    benchmark = BENCHMARKS["mbpp"]
    items = {
        item.id: item
        for item in benchmark.read(locate("mbpp", benchmark.published, str(data_dir)), benchmark.published).items
        if "math." in " ".join(item.data["asserts"])
    }
    assert items
    asked = [(item, Form("eurus-2024-04"), forged) for item in items.values()]
    assert set(outcomes("mbpp", asked, tmp_path)) == {"wrong"}


# ---------------------------------------------------------------- ids


def test_a_broken_row_of_bbh_takes_its_place(tmp_path):
    rows = [{"input": f"not not {word} is", "target": word} for word in ("True", "False", "True")]
    for name, examples in (("whole", rows), ("broken", [None, *rows[1:]])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "boolean_expressions.json").write_text(json.dumps({"examples": examples}))
    whole, broken = (BBH.read(str(tmp_path / name), BBH.published).items for name in ("whole", "broken"))
    assert broken == whole[1:]


def test_a_broken_row_of_mmlu_takes_its_place(tmp_path):
    lines = [f"Question {n},a,b,c,d,A" for n in range(6)]
    for split, kept in (("dev", lines[:5]), ("test", lines)):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"anatomy_{split}.csv").write_text("\n".join(kept) + "\n")
    test = tmp_path / "test" / "anatomy_test.csv"
    whole = MMLU.read(str(tmp_path / "test"), MMLU.published).items
    test.write_text("\n".join(["Question 0,a,b,c,d,Q", *lines[1:]]) + "\n")
    assert MMLU.read(str(tmp_path / "test"), MMLU.published).items == whole[1:]


# ---------------------------------------------------------------- votes


@pytest.mark.parametrize(
    ("answers", "classes"),
    [(["1", "10", "12", "21", "2", "1"], [0, 1, 2, 3, 4, 0]), (["No", "None", "Yes"], [0, 1, 2])],
)
def test_an_answer_within_another_is_another(answers, classes, tmp_path):
    rows = [{"input": "How many?", "target": "1"}]
    (tmp_path / "object_counting.json").write_text(json.dumps({"examples": rows}))
    (item,) = BBH.read(str(tmp_path), BBH.published).items

    async def work():
        async with open_bench(tmp_path / "bench") as bench:
            return await answer_classes(bench.engine, item.problem, answers, BBH.equal)

    assert asyncio.run(work()) == classes


def test_votes_on_one_pair_are_one_cluster():
    """Four people who vote alike on each pair say no more than one does: half of the pairs, 40 votes."""
    clusters = [[float(n % 2)] * 4 for n in range(10)]
    found, alone = clustered("both", clusters), share("both", [float(n % 2) for n in range(10)])
    assert found.value == 0.5
    assert found.n == 40
    assert found.low <= alone.low + 0.02
    assert found.high >= alone.high - 0.02
    assert found.low < share("votes", [mark for marks in clusters for mark in marks]).low - 0.08


@pytest.mark.parametrize("votes", [(None,), (None, None), (0, None)])
def test_no_verdict_agrees_with_nothing(votes):
    assert judged(votes).choice() is None
    assert judged((TIE,)).choice() == TIE


# ---------------------------------------------------------------- given responses


def _gsm8k(folder, numbers, name="gsm8k_test"):
    (folder / name).mkdir(parents=True)
    rows = [{"question": f"What is {n} + 1?", "answer": f"#### {n + 1}"} for n in numbers]
    (folder / name / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def _responses(folder, rows):
    file = folder / "responses.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def test_half_a_character_is_graded(tmp_path):
    data = _gsm8k(tmp_path / "data", [1])
    file = _responses(tmp_path, [{"id": 0, "response": "Here \ud800 it is: \\boxed{2}"}])
    assert asyncio.run(score("gsm8k", file, data=str(data)))["score"] == 1.0


def test_other_limits_are_refused(tmp_path):
    data = _gsm8k(tmp_path / "data", [1])
    file = _responses(tmp_path, [{"id": 0, "response": "\\boxed{2}"}])
    out = tmp_path / "out"
    asyncio.run(score("gsm8k", file, data=str(data), out=out))
    before = (out / "results.jsonl").read_text()
    slower = EnvironmentSettings(limits=Limits(cpu_s=31))
    with pytest.raises(InputError, match=r"other settings of the jail.*another out"):
        asyncio.run(score("gsm8k", file, data=str(data), out=out, environment=slower))
    with pytest.raises(InputError, match=r"another benchmark.*another out"):
        asyncio.run(score("gsm8k", file, data=str(data), out=out, mode="program"))
    assert (out / "results.jsonl").read_text() == before
    assert asyncio.run(score("gsm8k", file, data=str(data), out=out))["score"] == 1.0


def test_an_item_without_response_has_instructions(tmp_path):
    """It counts in the ratio of followed instructions as it counts in the share of prompts."""
    rows = [
        {
            "key": n,
            "prompt": "Say it.",
            "instruction_id_list": ["punctuation:no_comma"] * (n + 1),
            "kwargs": [{}] * (n + 1),
        }
        for n in range(3)
    ]
    (tmp_path / "input_data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    file = _responses(tmp_path, [{"id": 0, "response": "It."}])
    metrics = {
        row["name"]: row
        for row in asyncio.run(score("ifeval", file, data=str(tmp_path / "input_data.jsonl")))["metrics"]
    }
    assert metrics["inst_level_loose_acc"]["n"] == 3
    assert metrics["inst_level_loose_acc"]["value"] == pytest.approx(1 / 6)
    assert metrics["prompt_level_loose_acc"]["value"] == pytest.approx(1 / 3)


def test_a_reward_that_no_float_holds(tmp_path):
    row = {
        "prompt": "p",
        "response 1": "a",
        "response 2": "b",
        "label": 0,
        "scenario": "solving_exam_question_with_math",
    }
    file = tmp_path / "testdata_pairwise.jsonl"
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match='row 1, field "rewards"'):
        score_rewards("autoj", [(1, {"id": 0, "rewards": [10**400, 1]})], str(file))


# ---------------------------------------------------------------- compare


def _result(model, item, row, version=1):
    said = {"protocol": "standard", "mode": "text", "item": row, "version": version}
    return Result(model, item, "gsm8k", 0, ("correct",), ("5",), metadata=said)


@pytest.mark.parametrize(
    ("b", "why"),
    [
        ([("0", "x", 1), ("1", "q", 1)], "other rows under the same ids"),
        ([("0", "x", 2), ("1", "y", 2)], "different versions of a benchmark"),
    ],
)
def test_other_questions_are_not_compared(b, why):
    a = [_result("a", "0", "x"), _result("a", "1", "y")]
    with pytest.raises(InputError, match=why):
        compare({"a": a, "b": [_result("b", *one) for one in b]})
    assert compare({"a": a, "b": [_result("b", "0", "x"), _result("b", "1", "y")]}).pairs[0].difference == 0


def test_modes_of_one_model_alone_are_said():
    def one(model, mode):
        return [
            Result(model, str(n), "gsm8k", 0, ("correct",), ("5",), metadata={"protocol": "standard", "mode": mode})
            for n in range(4)
        ]

    found = compare({"a": one("a", "text"), "b": one("b", "text") + one("b", "program")})
    assert any("a in 1, b in 2" in note for note in found.notes)
    assert not math.isnan(found.pairs[0].difference)


# ---------------------------------------------------------------- given rewards


def _autoj(folder, labels):
    rows = [
        {"prompt": "p", "response 1": f"a{n}", "response 2": "b", "label": label, "scenario": "math_reasoning"}
        for n, label in enumerate(labels)
    ]
    file = folder / "testdata_pairwise.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


@pytest.mark.parametrize("row", [{"id": 0, "rewards": [1, 0]}, {"id": 0, "response": 0}], ids=["rewards", "judge"])
def test_easy_rows_alone_are_no_score(row, tmp_path):
    data = _autoj(tmp_path, [0, 1, 2, 0])
    whole, part = (score_rewards("autoj", [(1, row)], data, partial=partial) for partial in (False, True))
    first = {True: whole["figures"][0], False: part["figures"][0]}
    assert (first[True]["value"], first[True]["n"]) == (0.25, 4)
    assert (first[False]["value"], first[False]["n"]) == (1.0, 1)
    assert whole["not_scored"] == part["not_scored"] == 3
    assert whole["unread"] == 0


@pytest.mark.parametrize("setting", [{"protocol": "nonsense"}, {"mode": "text"}, {"out": "somewhere"}])
def test_settings_that_reward_benchmarks_lack_are_refused(setting, tmp_path):
    file = _responses(tmp_path, [{"id": 0, "rewards": [1, 0]}])
    if "out" in setting:
        setting = {"out": tmp_path / setting["out"]}
    with pytest.raises(InputError, match=f"{next(iter(setting))}: autoj has none; leave it out"):
        asyncio.run(score("autoj", file, data=_autoj(tmp_path, [0]), **setting))
