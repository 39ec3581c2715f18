"""How a response's code is run: what counts as a block, what is printed, what a failure answers."""

import pytest
from math_bench import grades, item_of

from preftree.evaluate.benchmark import PROTOCOLS, Form
from preftree.evaluate.grading import programs
from preftree.evaluate.grading.programs import blocks_of, wrapped

OLD, NEW, STANDARD = PROTOCOLS


def _block(code, tag="python"):
    return f"Step 1: we compute.\n```{tag}\n{code}\n```\n"


@pytest.mark.parametrize(
    ("response", "old", "new"),
    [
        pytest.param("no code", [], [], id="none"),
        pytest.param("```python\na\n``` and ```python\nb\n```", ["\na\n", "\nb\n"], ["\na\n", "\nb\n"], id="two"),
        pytest.param("```python\na\n", [], [], id="never-closed"),
        pytest.param("```\na\n```", [], [], id="no-tag"),
        pytest.param("```bash\nls\n```", ["!\nls\n"], ["!\nls\n"], id="bash"),
        pytest.param(
            "```python\na\n```\n```bash\nls\n```", ["!\nls\n", "\na\n"], ["!\nls\n", "\na\n"], id="bash-first"
        ),
        pytest.param("```bash\n!ls\n```", [], [], id="bash-with-bang-left-out"),
        pytest.param("<execute>a</execute>", [], ["a"], id="execute-in-2024-09-only"),
        pytest.param("<execute>a</execute> ```python\nb\n```", ["\nb\n"], ["\nb\n", "a"], id="execute-comes-last"),
    ],
)
def test_blocks(response, old, new):
    assert blocks_of(response, OLD) == old
    assert blocks_of(response, NEW) == new


@pytest.mark.parametrize(
    ("code", "run"),
    [
        pytest.param("x = 2\nx", "x = 2\nprint(x)", id="value"),
        pytest.param("x = 2\nprint(x)", "x = 2\nprint(x)", id="printed"),
        pytest.param("x = 2", "print(x = 2)", id="assignment"),
        pytest.param("f()\n\n", "print(f())", id="blank-lines-after"),
        pytest.param("if x:\n    y", "if x:\nprint(    y)", id="indented"),
        pytest.param("x # print(x)", "x # print(x)", id="in-a-comment"),
    ],
)
def test_a_last_line_without_print_is_wrapped_in_one(code, run):
    assert wrapped(code) == run


# Responses to "Two and three?" and what each protocol makes of them; "" where nothing is answered.
RESPONSES = {
    "last expression": (_block("x = 5\nx"), "correct", "correct"),
    "printed": (_block("print(2 + 3)"), "correct", "correct"),
    "a final assignment fails": (_block("x = 5"), "wrong", "wrong"),
    "a final assignment of what was printed": (_block("print(5)\nx = 5"), "wrong", "correct"),
    "the last block counts": (_block("print(4)") + _block("print(5)"), "correct", "correct"),
    "blocks share nothing": (_block("x = 5") + _block("print(x)"), "wrong", "correct"),
    "several lines": (_block("print(4)\nprint(5)"), "wrong", "correct"),
    "an error after printing": (_block("print(5)\n1 / 0\nprint()"), "wrong", "wrong"),
    "an error in the last of two": (_block("print(5)") + _block("1 / 0"), "wrong", "wrong"),
    "without code the text is graded": ("So \\boxed{5}", "correct", "correct"),
    "a block that is not closed is text": ("```python\nx = 4\n#\n\\boxed{5}", "correct", "wrong"),
    "nothing printed": (_block("print('')"), "wrong", "wrong"),
    "says so to standard error": (_block("import sys\nprint(6, file=sys.stderr)\nprint(5)"), "correct", "correct"),
    "an exit without error": (_block("print(5)\nimport sys\nsys.exit(0) # print("), "correct", "correct"),
    "imports": (_block("import sympy\nsympy.Integer(5)"), "correct", "correct"),
}


def test_what_runs_answer(tmp_path):
    item = item_of("gsm8k", tmp_path)
    forms = [Form(protocol, "program") for protocol in PROTOCOLS]
    asked = [(item, form, text) for text, _, _ in RESPONSES.values() for form in forms]
    found = iter(grade.verdict for grade in grades("gsm8k", asked, tmp_path / "forest"))
    for name, (_, paper, notebook) in RESPONSES.items():
        old, new, standard = (next(found) for _ in forms)
        assert (old.outcome, new.outcome, standard.outcome) == (paper, paper, notebook), f"{name}: {old} {standard}"


def test_a_program_that_never_ends_answers_nothing(tmp_path, monkeypatch):
    """5 seconds of the processor (here 1); what it printed before is lost."""
    assert programs.LIMIT_S == 5.0
    monkeypatch.setattr(programs, "LIMIT_S", 1.0)
    item = item_of("gsm8k", tmp_path)
    text = _block("print(5, flush=True)\nwhile True: pass\nprint()")
    (grade,) = grades("gsm8k", [(item, Form(OLD, "program"), text)], tmp_path / "forest")
    assert (grade.verdict.outcome, grade.verdict.why) == ("wrong", "time")


def test_answers_are_graded_against_their_own_references(tmp_path):
    """The code of 2024-09 took results in the order of completion; a slow first answer keeps its place here."""
    slow = item_of("gsm8k", tmp_path)
    quick = item_of("gsm8k", tmp_path, answer="It is 4.\n#### 4")
    form = Form(NEW, "program")
    asked = [(slow, form, _block("import time\ntime.sleep(0.5)\nprint(5)")), (quick, form, _block("print(4)"))]
    found = [grade.verdict.outcome for grade in grades("gsm8k", asked, tmp_path / "forest")]
    assert found == ["correct", "correct"]


def test_code_is_run_once(tmp_path):
    """A run stands in the journal: a second grading finds it, though the program would print another number."""
    item = item_of("gsm8k", tmp_path)
    asked = [(item, Form(OLD, "program"), _block("import time\nprint(time.perf_counter_ns())"))]
    first, again = (grades("gsm8k", asked, tmp_path / "forest")[0].verdict.answer for _ in range(2))
    assert first == again
