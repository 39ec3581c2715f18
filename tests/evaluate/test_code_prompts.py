"""How HumanEval, MBPP and LeetCode are asked in each protocol, and what is read as the code of an answer. No jail."""

import asyncio
import gzip
import json
from collections import Counter
from dataclasses import replace

import pytest
from code_bench import APRIL, ROWS, SEPTEMBER, STANDARD, item_of, read_rows, real_items

from preftree.actors import Capabilities
from preftree.errors import InputError
from preftree.evaluate.benchmark import Attempt, Bench, Grade
from preftree.evaluate.benchmarks.mbpp import kept_lines, signature_of
from preftree.evaluate.converse import hold
from preftree.evaluate.grading.code import code_in
from preftree.evaluate.items import locate, read_from
from preftree.evaluate.registry import BENCHMARKS
from preftree.records import Sample, Verdict

PROMPT = ROWS["humaneval"]["prompt"]
HEAD = "Write Python code to solve the task.\nWrite a Python function "
TAIL = " to solve the following problem: Present code in ```python```\n"
EVALPLUS = "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n"


def asked(name, form, folder, **changes):
    return BENCHMARKS[name].ask(item_of(name, folder, **changes), form)


# FACTS section 3: the two published protocols differ in HumanEval's prefill, MBPP's prefill and tokens, LeetCode's
# outline and tokens; all are greedy.
@pytest.mark.parametrize(
    ("name", "form", "prefill", "max_tokens", "stop", "after_prefill"),
    [
        ("humaneval", APRIL, f" ```python\n{PROMPT}", 1024, (), ()),
        ("humaneval", SEPTEMBER, " ```python\ndef", 1024, (), ()),
        ("mbpp", APRIL, "", 1024, ("\nassert", "assert", "\n\nprint(ind_larger"), ("\ndef ",)),
        ("mbpp", SEPTEMBER, "```python\ndef", 512, ("\nassert", "assert", "\n\nprint(ind_larger"), ("\ndef ",)),
        ("mbpp_full", SEPTEMBER, "```python\ndef", 512, ("\nassert", "assert", "\n\nprint(ind_larger"), ("\ndef ",)),
        ("mbpp_full", STANDARD, "\n```python\n", 256, (), ()),
        ("leetcode", APRIL, " ```python\n", 2048, (), ()),
        ("leetcode", SEPTEMBER, "```python", 1024, (), ()),
        ("leetcode", STANDARD, "", 1024, (), ()),
    ],
)
def test_how_an_answer_is_drawn(tmp_path, name, form, prefill, max_tokens, stop, after_prefill):
    found = asked(name, form, tmp_path)
    sampling = found.sampling
    assert sampling.temperature == 0.0
    assert (sampling.prefill, sampling.max_tokens, sampling.stop) == (prefill, max_tokens, stop)
    assert found.stop_after_prefill == after_prefill


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_standard_asks_chat_models_as_evalplus_does(tmp_path, name):
    found = asked(name, STANDARD, tmp_path)
    assert found.sampling.prefill.startswith("Below is a Python script with a self-contained function that solves")
    assert found.sampling.prefill.endswith("\n```python\n")
    assert found.sampling.max_tokens == 768
    assert found.stop_after_prefill == ("\nif __name__", "\ndef main(", "\nprint(", "\n```\n")


@pytest.mark.parametrize(
    ("name", "form", "text"),
    [
        pytest.param(
            "humaneval",
            APRIL,
            f"{HEAD}`halve(xs: List[int]) -> List[int]`{TAIL}```python\n{PROMPT}\n```\n",
            id="humaneval-april-with-an-empty-line",
        ),
        pytest.param(
            "humaneval",
            SEPTEMBER,
            f"{HEAD}`halve(xs: List[int]) -> List[int]`{TAIL}```python\n{PROMPT}```\n",
            id="humaneval-september",
        ),
        pytest.param("humaneval", STANDARD, f"{EVALPLUS}```\n{PROMPT.strip()}\n```\n", id="humaneval-evalplus"),
        pytest.param(
            "mbpp",
            APRIL,
            f"{HEAD}`ind_larger(a, b)`{TAIL}Write a function to find the larger number.\n"
            ">>> assert find_larger(1, 2) == 2\n",
            id="mbpp-signature-of-the-gold-and-the-first-assert-without-the-link",
        ),
        pytest.param(
            "mbpp",
            STANDARD,
            f'{EVALPLUS}```\n"""\n{ROWS["mbpp"]["prompt"]}\nassert find_larger(1, 2) == 2\n"""\n```\n',
            id="mbpp-evalplus",
        ),
        pytest.param(
            "leetcode",
            APRIL,
            ROWS["leetcode"]["prompt_sft"] + "\nYou need first write a step-by-step outline and then write the code.",
            id="leetcode-outline-first",
        ),
        pytest.param("leetcode", SEPTEMBER, ROWS["leetcode"]["prompt_sft"], id="leetcode-prompt-sft-alone"),
        pytest.param("leetcode", STANDARD, ROWS["leetcode"]["prompt_sft"], id="leetcode-deepseek"),
    ],
)
def test_what_is_asked(tmp_path, name, form, text):
    (message,) = asked(name, form, tmp_path).messages
    assert (message.role, message.content) == ("user", text)


def test_the_full_set_is_asked_with_three_examples(tmp_path):
    messages = asked("mbpp_full", STANDARD, tmp_path).messages
    assert [message.role for message in messages] == ["user", "assistant"] * 3 + ["user"]
    assert "similar elements" in messages[0].content
    assert messages[3].content.startswith("\n```python\nimport math\ndef is_not_prime(n):\n")
    assert messages[3].content.endswith("\n```")
    assert messages[-1].content == (
        "You are an expert Python programmer, and here is your task:\nWrite a function to find the larger number.\n"
        "Your code should pass these tests:\n" + "\n".join(ROWS["mbpp_full"]["test_list"])
    )


@pytest.mark.parametrize(
    ("code", "signature"),
    [
        ("def similar(a, b):\n  return a", "similar(a, b)"),
        ("def add (x,y): \n  return x", "add(x, y)"),  # "add" is safe behind its own a
        ("import re\ndef find_it(s):\n  return s", "ind_it(s)"),
        ("def even(n):\n  return n", "ven(n)"),
        ("def helper(a):\n  return a\ndef asked(b):\n  return b", "helper(a)"),
    ],
    ids=["plain", "blanks", "f-eaten", "e-eaten", "the-first-function"],
)
def test_the_signature_is_the_published_scripts(code, signature):
    assert signature_of(code) == signature


def test_lines_that_the_published_mbpp_script_drops():
    code = "import math\n@cache\ndef f(x):\n\n    return x\ndefault = 1\nclass A:\n    pass\n)\n  \nprint(f(1))\n"
    assert kept_lines(code) == "def f(x):\n    return x\ndefault = 1\n    pass\n  "


BODY = "    return [x // 2 for x in xs]\n"
WHOLE = "def halve(xs):\n    return xs\n"


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (BODY, BODY),
        (WHOLE, WHOLE),
        (f"```python\n{WHOLE}```", WHOLE),
        (f" ```python\n{WHOLE}```\nDone.", WHOLE),
        (f"Here:\n```Python\n{WHOLE}```", WHOLE),
        (f"Here:\n```py\n{WHOLE}```", WHOLE),
        (f"Here:\n```\n{WHOLE}```", WHOLE),
        (f"Here:\n```python\n{WHOLE}", WHOLE),
        ("Here: ```python def halve(xs): return xs```", "def halve(xs): return xs"),
        ("Here: ```def halve(xs): return xs```", "def halve(xs): return xs"),
        (f"{BODY}```\nIt halves.", BODY),
        (f"{BODY}```\nFor example:\n```python\nhalve([2])\n```", BODY),
        (f"{WHOLE}```\nIt halves.", WHOLE),
        (f" Here is it:\n```python\n{WHOLE}```", WHOLE),
        (f"As ```python``` it is:\n```python\n{WHOLE}```", WHOLE),
        (f"```sh\npip install x\n```\n```python\n{WHOLE}```", WHOLE),
        (f"```python\n{WHOLE}```\n```python\nhalve([1])\n```", WHOLE),
        ("I can't.", "I can't."),
        ("``````", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_the_code_of_an_answer(response, code):
    assert code_in(response, stem=PROMPT) == code


@pytest.mark.parametrize(
    ("names", "code"),
    [((), "def helper():\n    pass\n"), (("halve",), WHOLE), (("no_such",), "def helper():\n    pass\n")],
)
def test_of_several_blocks_the_first_that_defines_what_is_tested(names, code):
    response = f"First:\n```python\ndef helper():\n    pass\n```\nthen\n```python\n{WHOLE}```\n```python\n{BODY}```"
    assert code_in(response, names=names) == code


class Recording:
    """Stands for an actor that can or can't take a prefill, and for the engine that asks it; keeps the requests."""

    name, identity, prices = "recording", "recording", None

    def __init__(self, prefill):
        self.capabilities, self.requests = Capabilities(prefill=prefill), []

    async def ask(self, actor, key, request):
        self.requests.append(request)
        return (Sample(index=0, text=" answer", input_tokens=1, output_tokens=1, finish_reason="stop"),)


def held(name, form, folder, can_prefill, **overrides):
    """The request that is made, and the response that is graded."""

    async def grade(bench, item, form, responses):
        return Grade(Verdict("wrong", "not judged here"))

    actor, benchmark = Recording(can_prefill), replace(BENCHMARKS[name], grade=grade)
    attempt = Attempt(Bench(actor), benchmark, form, actor, "m", item_of(name, folder), overrides=overrides)
    result = asyncio.run(hold(attempt))
    return actor.requests[0], result.responses[0]


def test_stops_of_a_prefilled_answer_hold_only_with_the_prefill(tmp_path):
    """Without a prefill the answer opens its own fence, and "\\ndef " would end it before its first function."""
    request, response = held("mbpp", SEPTEMBER, tmp_path, True)
    assert request.stop[-1] == "\ndef "
    assert response == "```python\ndef answer"
    request, response = held("mbpp", SEPTEMBER, tmp_path, False)
    assert (request.prefill, response) == ("", " answer")
    assert "\ndef " not in request.stop


def test_the_prefill_that_the_first_script_leaves_to_its_user(tmp_path):
    """Its comment: "sometimes you should uncomment the latter part"."""
    request, response = held("mbpp", APRIL, tmp_path, True, prefill="```python\ndef")
    assert (request.max_tokens, request.stop[-1]) == (1024, "\ndef ")
    assert response == "```python\ndef answer"


def test_stops_of_ones_own_are_not_added_to(tmp_path):
    request, _ = held("humaneval", STANDARD, tmp_path, True, stop=("END",))
    assert request.stop == ("END",)


# Denominators (FACTS, "Denominators recovered"): 164, 399, 180; the full MBPP's test split has 500.
@pytest.mark.parametrize(
    ("name", "published", "here", "first"),
    [
        ("humaneval", 164, 164, "HumanEval/0"),
        ("mbpp", 399, 279, "2"),
        ("mbpp_full", 500, 352, "12"),
        ("leetcode", 180, 180, "weekly-contest-381-minimum-number-of-pushes-to-type-word-i"),
    ],
)
def test_rows_and_ids(data_dir, name, published, here, first):
    items = real_items(name, data_dir)
    assert BENCHMARKS[name].rows == published
    assert len(items) == here
    assert items[0].id == first


def test_leetcode_by_difficulty(data_dir):
    items = real_items("leetcode", data_dir)
    assert BENCHMARKS["leetcode"].groups == ("difficulty",)
    assert Counter(item.labels["difficulty"] for item in items) == {"Easy": 45, "Medium": 91, "Hard": 44}
    assert BENCHMARKS["leetcode"].reference(items[0], STANDARD) is None


@pytest.mark.parametrize(
    ("name", "row", "why"),
    [
        ("mbpp", ROWS["mbpp_full"], 'field "prompt": missing; rows of mbpp.jsonl are the benchmark "mbpp_full"'),
        ("mbpp_full", ROWS["mbpp"], 'field "text": missing; rows of the sanitized set are the benchmark "mbpp"'),
        ("mbpp_full", ROWS["mbpp_full"] | {"task_id": "x"}, 'field "task_id": expected a number'),
        ("mbpp", ROWS["mbpp"] | {"code": "x = 1"}, 'field "code": defines no function'),
        ("leetcode", ROWS["leetcode"] | {"meta": None}, 'field "meta": expected an object with a difficulty'),
        ("leetcode", ROWS["leetcode"] | {"meta": {}}, 'field "difficulty": missing'),
        ("humaneval", ROWS["humaneval"] | {"entry_point": "third"}, 'field "prompt": defines no function third'),
    ],
)
def test_a_row_that_can_not_be_used_is_named(tmp_path, name, row, why):
    with pytest.raises(InputError) as refusal:
        read_rows(name, [row], tmp_path)
    assert "row 1" in str(refusal.value)
    assert why in str(refusal.value)


def test_a_broken_row_is_set_aside_and_no_row_is_a_sentence(tmp_path):
    row, benchmark = ROWS["humaneval"], BENCHMARKS["humaneval"]
    file = tmp_path / "HumanEval.jsonl.gz"
    broken = {key: value for key, value in row.items() if key != "test"}
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, (row, broken, row))).encode()))
    read = benchmark.read(str(file), benchmark.published)
    assert len(read.items) == 1
    assert [where.split(":")[0] for where in read.set_aside] == [
        'HumanEval.jsonl.gz row 2, field "test"',
        "HumanEval.jsonl.gz row 3",
    ]
    file.write_bytes(gzip.compress(json.dumps(broken).encode()))
    with pytest.raises(InputError, match="humaneval: no row can be used"):
        read_from(benchmark, str(file))


def test_rows_of_other_splits_are_no_part_of_the_full_set(tmp_path):
    rows = [ROWS["mbpp_full"] | {"task_id": number} for number in (10, 11, 510, 511)]
    read = read_rows("mbpp_full", rows, tmp_path)
    assert [item.id for item in read.items] == ["11", "510"]
    assert read.set_aside == ()


@pytest.mark.parametrize("name", ["mbpp", "leetcode"])
def test_sets_that_no_hub_has_ask_for_a_file(name, monkeypatch):
    monkeypatch.delenv("PREFTREE_DATA", raising=False)
    with pytest.raises(InputError, match=f"{name}: no hub has its rows; name a file or folder"):
        locate(name, BENCHMARKS[name].published, None)
