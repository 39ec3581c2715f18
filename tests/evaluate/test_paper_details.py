"""Grading details of the paper's evaluation code that move numbers, mathematics: each by name, end to end."""

import json

import pytest
from math_bench import grades, item_of, outcomes

from preftree.evaluate.benchmark import PROTOCOLS, Form
from preftree.evaluate.benchmarks.theoremqa import extract_answer
from preftree.evaluate.registry import find_benchmark, find_protocol
from preftree.verify import match_answer, match_answer_2024_09

OLD, NEW, STANDARD = PROTOCOLS


def _printed(text):
    return f"```python\nprint({text!r})\n```"


# name: set, changed fields, response, outcomes in 2024-04, 2024-09 and standard
TEXT = {
    "the reference times 100 passes": ("math", {"answer": "0.5"}, "\\boxed{50}", "correct", "correct", "wrong"),
    "the reference over 100 passes": ("math", {"answer": "50"}, "\\boxed{0.5}", "correct", "correct", "wrong"),
    "times 1000 does not": ("math", {"answer": "0.5"}, "\\boxed{500}", "wrong", "wrong", "wrong"),
    "within 1e-4 of it": ("math", {"answer": "1.5"}, "\\boxed{1.5001}", "correct", "correct", "wrong"),
    "not within 1e-4": ("math", {"answer": "1.5"}, "\\boxed{1.5002}", "wrong", "wrong", "wrong"),
    "pi as 3.14": ("math", {"answer": "25\\pi"}, "\\boxed{78.5}", "correct", "correct", "wrong"),
    "5 apples against 5": ("math", {"answer": "5"}, "the answer is 5 apples", "wrong", "wrong", "correct"),
    "5 feet against 5": ("math", {"answer": "5"}, "\\boxed{5 feet}", "wrong", "correct", "correct"),
    "after the last \"answer:\"": ("math", {"answer": "5"}, "Answer: 4\nAnswer: 5", "correct", "correct", "correct"),
    "after \"the answer is\"": ("math", {"answer": "5"}, "So the answer is 5", "wrong", "correct", "correct"),
    "after the last \"is\"": ("math", {"answer": "5"}, "In the end x is 5", "wrong", "correct", "wrong"),
    "before \"is the answer\"": ("math", {"answer": "5"}, "5 is the answer", "wrong", "correct", "wrong"),
    "the last box": ("math", {"answer": "5"}, "\\boxed{4} or \\boxed{5}", "correct", "correct", "correct"),
    "the number alone": ("math", {"answer": "5"}, "5", "correct", "correct", "wrong"),
    "an equation as the reference": ("math", {"answer": "y = 2x"}, "\\boxed{y = 2x}", "correct", "wrong", "correct"),
    "a unit with \"are \" in it": (
        "math", {"answer": "5\\text{ square feet}"}, "\\boxed{5\\text{ square feet}}", "correct", "wrong", "correct",
    ),
    "a base with letters": ("math", {"answer": "152A_{11}"}, "\\boxed{152A_{11}}", "wrong", "correct", "correct"),
    "GSM-Plus: None is right": ("gsm_plus", {"answer": "None"}, "\\boxed{None}", "correct", "correct", "correct"),
    "GSM-Plus: it can't be told is wrong": (
        "gsm_plus", {"answer": "None"}, "The answer is: it can't be determined", "wrong", "wrong", "wrong",
    ),
    "GSM-Plus: a number is wrong": ("gsm_plus", {"answer": "None"}, "\\boxed{5}", "wrong", "wrong", "wrong"),
    "TheoremQA: 4% for a float": ("theoremqa", {"Answer": 0.5}, "\\boxed{0.519}", "correct", "correct", "correct"),
    "TheoremQA: not 5%": ("theoremqa", {"Answer": 0.5}, "\\boxed{0.526}", "wrong", "wrong", "wrong"),
    "TheoremQA: an integer after rounding": (
        "theoremqa", {"Answer": 25, "Answer_type": "integer"}, "\\boxed{25.4}", "correct", "correct", "correct",
    ),
    "TheoremQA: no 4% for an integer": (
        "theoremqa", {"Answer": 25, "Answer_type": "integer"}, "\\boxed{25.6}", "wrong", "wrong", "wrong",
    ),
    "TheoremQA: lists are sorted": (
        "theoremqa", {"Answer": [1, 2], "Answer_type": "list of integer"}, "\\boxed{[2, 1]}", "correct", "correct",
        "correct",
    ),
    "TheoremQA: True anywhere is true": (
        "theoremqa", {"Answer": True, "Answer_type": "bool"}, "\\boxed{not True at all}", "correct", "correct", "wrong",
    ),
    "TheoremQA: of two the first": (
        "theoremqa", {"Answer": 5, "Answer_type": "integer"}, "\\boxed{5 or 6}", "correct", "correct", "wrong",
    ),
    "TheoremQA: an option": (
        "theoremqa", {"Answer": "(b)", "Answer_type": "option"}, "Answer: b", "correct", "correct", "correct",
    ),
}  # fmt: skip

PROGRAM = {
    "several lines of output": ("math", {"answer": "30"}, _printed("10\n20\n30"), "wrong", "wrong", "correct"),
    "the output times 100": ("math", {"answer": "0.5"}, _printed("50"), "correct", "correct", "wrong"),
    "the output in words": ("math", {"answer": "5"}, _printed("The answer is 5"), "wrong", "correct", "wrong"),
    "None is printed": ("gsm_plus", {"answer": "None"}, _printed("None"), "correct", "correct", "correct"),
    "TheoremQA: the last line, after its colon": (
        "theoremqa", {"Answer": 0.5}, _printed("7\nThe result: 0.5"), "correct", "correct", "wrong",
    ),
    "TheoremQA: text without code by the same rule": (
        "theoremqa", {"Answer": 0.5}, "We see.\nThe result is 0.5.", "correct", "correct", "wrong",
    ),
    "TheoremQA: a box is no Python": (
        "theoremqa", {"Answer": 0.5}, "So it is \\boxed{0.5}.", "wrong", "wrong", "correct",
    ),
    "TheoremQA: exit() is wrong": ("theoremqa", {"Answer": 0.5}, "0.5 exit()", "wrong", "wrong", "wrong"),
}  # fmt: skip


@pytest.mark.parametrize("mode", ["text", "program"])
def test_details(mode, tmp_path):
    details = TEXT if mode == "text" else PROGRAM
    for name in ("math", "gsm_plus", "theoremqa"):
        mine = {key: detail for key, detail in details.items() if detail[0] == name}
        asked = []
        for _, changes, response, *_ in mine.values():
            item = item_of(name, tmp_path, **changes)
            asked += [(item, Form(protocol, mode), response) for protocol in PROTOCOLS]
        found = outcomes(name, asked, tmp_path / name)
        for at, (key, detail) in enumerate(mine.items()):
            assert found[3 * at : 3 * at + 3] == list(detail[3:]), key


def test_eurus_is_the_protocol_of_table_3():
    assert find_protocol("eurus") == OLD


@pytest.mark.parametrize(
    ("response", "old", "new"),
    [
        pytest.param("x\nANSWER:\n5\n", "5", "5", id="case-and-line"),
        pytest.param("Answer: \\boxed{4}. Done", "4", "4", id="box-after-mark"),
        pytest.param("It is 5. Fine", "It is 5. Fine", "5", id="before-the-stop"),
        pytest.param("\\boxed{\\frac{1}{2}} and {", "\\frac{1}{2}", "\\frac{1}{2}", id="braces"),
        pytest.param("\\boxed{} x = 3", "\\boxed{} x = 3", "3", id="empty-box"),
        pytest.param("\\fbox{3}", "3", "3", id="fbox"),
    ],
)
def test_where_the_matchers_look(response, old, new):
    assert (match_answer(response), match_answer_2024_09(response)) == (old, new)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        pytest.param("1\nThe answer is 5.", "5", id="is"),
        pytest.param("Results are [2, 3]", "[2, 3]", id="are"),
        pytest.param("must be True", "True", id="be"),
        pytest.param("x: 4", "4", id="colon"),
        pytest.param("5", "5", id="alone"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_theoremqa_takes_the_end_of_the_last_line(output, answer):
    assert extract_answer(output) == answer


def test_the_verdict_names_what_was_looked_at(tmp_path):
    """Votes over samples are by this answer, so it must not be the whole response."""
    item = item_of("math", tmp_path)
    forms = [Form(protocol) for protocol in PROTOCOLS]
    found = grades("math", [(item, form, "One and one.\nSo \\boxed{2}") for form in forms], tmp_path / "forest")
    assert [grade.verdict.answer for grade in found] == ["2", "2", "2"]


# ---------------------------------------------------------------- prompts

BOXED = (
    "Solve the following math problem step-by-step.\n"
    "Simplify your answer as much as possible. Present your final answer as \\boxed{Your Answer}.\n"
)
PLAIN = "Solve the following math problem step-by-step.\nSimplify your answer as much as possible.\n"
TOOL = (
    "Tool available:\n[1] Python interpreter\n"
    "When you send a message containing Python code to python, it will be executed in a stateful Jupyter notebook "
    "environment."
)
PRESENT = " Present code in ```python```"
FORMS = (
    "Solve the following math problem step-by-step.\n"
    "Simplify your answer as much as possible. The answer can only be one of the following forms:\n"
    "1. a numerical value like 0.1, no symbol at all.\n2. a list of number like [2, 3, 4].\n3. True/False.\n"
    "4. an option like (a), (b), (c), (d)\n\n"
)
STOP = ("\n###\nProblem: ",)


@pytest.mark.parametrize(
    ("name", "protocol", "mode", "messages", "tokens", "stop"),
    [
        ("math", OLD, "text", [("user", BOXED + "What is $1+1$?")], 1024, STOP),
        ("math", NEW, "text", [("user", BOXED + "What is $1+1$?")], 1024, STOP),
        ("math", OLD, "program", [("user", f"{TOOL}\n{PLAIN}What is $1+1$?")], 2048, STOP),
        ("math", NEW, "program", [("user", f"{TOOL}{PRESENT}\n{PLAIN}What is $1+1$?")], 2048, STOP),
        (
            "asdiv", OLD, "program",
            [("user", f"{TOOL.replace('interpreter', 'intepreter')}\n{PLAIN}Two and three?")], 2048, STOP,
        ),
        ("asdiv", NEW, "program", [("user", f"{TOOL}{PRESENT}\n{BOXED}Two and three?")], 2048, STOP),
        ("svamp", OLD, "text", [("user", f"{BOXED}A pack costs 7 dollars. How much are two?")], 1024, STOP),
        ("theoremqa", OLD, "text", [("user", f"{BOXED}Question: Half?")], 1024, ("Question:",)),
        (
            "theoremqa", OLD, "program", [("system", f"{TOOL}\n{FORMS}"), ("user", "Question: Half?")], 1024,
            ("Question:",),
        ),
        ("theoremqa", NEW, "program", [("user", f"{TOOL}\n{FORMS}Question: Half?")], 1024, ("Question:",)),
    ],
)  # fmt: skip
def test_what_the_papers_code_asks(name, protocol, mode, messages, tokens, stop, tmp_path):
    asked = find_benchmark(name).ask(item_of(name, tmp_path), Form(protocol, mode))
    assert [(message.role, message.content) for message in asked.messages] == messages
    assert (asked.sampling.temperature, asked.sampling.max_tokens, asked.sampling.stop) == (0.0, tokens, stop)
    assert (asked.text, asked.sampling.prefill, asked.then) == (None, "", ())


def test_what_the_harness_asks(tmp_path):
    """Raw text with its worked examples; compared with the harness itself by `benchmarks.agreement`."""
    words = find_benchmark("gsm8k").ask(item_of("gsm8k", tmp_path), Form(STANDARD))
    assert words.text is not None
    assert words.text.count("\nA: ") == words.text.count("The answer is ") == 8
    assert words.text.endswith("The answer is 8.\n\nQ: Two and three?\nA:")
    assert (words.sampling.stop, words.sampling.max_tokens) == (("Q:", "</s>", "<|im_end|>"), 256)
    competition = find_benchmark("math500").ask(item_of("math500", tmp_path), Form(STANDARD))
    assert competition.text is not None
    assert competition.text.count("I hope it is correct.") == 4
    assert competition.text.endswith("\n\nProblem:\nWhat is $1+1$?\n\nSolution:")
    theorem = find_benchmark("theoremqa").ask(item_of("theoremqa", tmp_path), Form(STANDARD))
    assert theorem.messages[0].content.endswith("Question: Half?\nLet's think step by step.")


def test_what_ultrainteract_asks_with_a_program(tmp_path):
    for name in ("gsm8k", "math", "theoremqa"):
        (message,) = find_benchmark(name).ask(item_of(name, tmp_path), Form(STANDARD, "program")).messages
        assert message.content.startswith(TOOL)
    assert json.dumps(message.content).count("Python interpreter") == 1
