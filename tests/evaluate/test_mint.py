"""MINT, what is pure: names of settings, moves, counts, wording, rows, and each task's rule."""

from __future__ import annotations

import json

import mint_world
import pytest

from preftree.errors import InputError
from preftree.evaluate.benchmark import Form
from preftree.evaluate.items import read_from
from preftree.evaluate.mint import checkers
from preftree.evaluate.mint.parser import Count, Move, own_turn, read_move
from preftree.evaluate.mint.prompts import expert, invalid, opening, printed, told
from preftree.evaluate.mint.settings import MintSettings, read_settings
from preftree.evaluate.registry import find_benchmark
from preftree.records import Message, Observation

# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "settings", "canonical"),
    [
        ("mint", MintSettings(), "mint"),
        ("mint:k=5", MintSettings(), "mint"),
        ("mint:k=1", MintSettings(k=1), "mint:k=1"),
        ("mint:tag=python:k=3", MintSettings(k=3, tag="python"), "mint:k=3:tag=python"),
        ("mint:feedback=textual-gt", MintSettings(feedback="textual-gt"), "mint:feedback=textual-gt"),
    ],
)
def test_a_name_holds_the_settings(name, settings, canonical):
    if ":" in name:
        assert read_settings(name.partition(":")[2]) == settings
    found = find_benchmark(name)
    assert found.name == canonical == settings.name
    assert found.needs_judge == settings.with_feedback
    assert [metric.name for metric in found.metrics][-1] == f"success after turn {settings.k}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mint:k=0", "k: expected 1 to 10 steps"),
        ("mint:k=five", "k: expected a number"),
        ("mint:tag=bash", "tag: expected execute or python"),
        ("mint:feedback=on", "feedback: expected one of off, textual"),
        ("mint:steps=3", 'expected k=…, tag=…, feedback=…, got "steps=3"'),
        ("gsm8k:k=3", "gsm8k: has no settings"),
        ("mnit:k=3", 'no benchmark is named "mnit"'),
    ],
)
def test_a_wrong_name_is_told(name, said):
    with pytest.raises(InputError, match=said):
        find_benchmark(name)


# ---------------------------------------------------------------- moves and counts


@pytest.mark.parametrize(
    ("text", "tag", "move"),
    [
        pytest.param("<execute> x </execute>", "execute", Move("code", "x"), id="code"),
        pytest.param(
            "<execute>\na = 1\n</execute> then <execute>b</execute>", "execute", Move("code", "a = 1\nb"), id="all-code"
        ),
        pytest.param("```python\nx\n```", "execute", Move("invalid"), id="other-tag"),
        pytest.param("```python\nx\n```", "python", Move("code", "x"), id="fenced"),
        pytest.param("```python print(1) ```", "python", Move("code", "print(1)"), id="fenced-in-a-line"),
        pytest.param("<execute>x</execute>", "python", Move("invalid"), id="not-fenced"),
        pytest.param("<execute>x", "execute", Move("invalid"), id="unclosed-code"),
        pytest.param("<execute> </execute>", "execute", Move("invalid"), id="no-code"),
        pytest.param("The answer is 42.", "execute", Move("invalid"), id="nothing"),
        pytest.param("", "execute", Move("invalid"), id="empty"),
        pytest.param("is <solution> 42 </solution>.", "execute", Move("solution", "42", True), id="solution"),
        pytest.param(
            "<execute>x</execute><solution>1</solution>", "execute", Move("solution", "1", True), id="solution-wins"
        ),
        pytest.param(
            "<solution>1</solution> or <solution>2</solution>", "execute", Move("solution", "1\n2", True), id="two"
        ),
        pytest.param("<solution> 42", "execute", Move("invalid", "", True), id="unclosed-solution-takes-a-proposal"),
        pytest.param("<solution> </solution>", "execute", Move("invalid", "", True), id="empty-solution"),
    ],
)
def test_a_response_is_read_as_mint_reads_it(text, tag, move):
    assert read_move(text, tag) == move


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("<thought> a </thought>\n\n", "<thought> a </thought>"),
        ("a\nObservation:\nb", "a"),
        ("a\nHuman: b", "a"),
        ("a\n---\nTask: b", "a"),
        ("a\nExpert feedback: b", "a"),
        ("a\nTask:\nb", "a"),
        ("Observation: a", "Observation: a"),
    ],
)
def test_a_turn_ends_where_another_speaks(text, own):
    assert own_turn(text) == own


@pytest.mark.parametrize(
    ("kinds", "settings", "left", "ended"),
    [
        pytest.param("cccc", MintSettings(), (1, 2), False, id="four-of-five-steps"),
        pytest.param("ccccc", MintSettings(), (0, 2), True, id="five-steps"),
        pytest.param("iiiii", MintSettings(), (0, 2), True, id="an-invalid-action-uses-a-step"),
        pytest.param("ss", MintSettings(), (3, 0), True, id="two-proposed-solutions"),
        pytest.param("sccs", MintSettings(), (1, 0), True, id="proposals-end-it-first"),
        pytest.param("s", MintSettings(k=1), (0, 0), True, id="one-step-has-one-proposal"),
        pytest.param("c", MintSettings(k=2), (1, 2), False, id="two-steps-have-two"),
    ],
)
def test_at_most_five_steps_and_two_solutions(kinds, settings, left, ended):
    count = Count()
    for kind in kinds:
        assert not count.ended(settings)
        count = count.after({"c": Move("code"), "i": Move("invalid"), "s": Move("solution", "1", True)}[kind])
    assert count.left(settings) == left
    assert count.ended(settings) == ended


# ---------------------------------------------------------------- wording


def test_what_is_left_is_told():
    assert told("1.0", 4, 2) == "Observation:\n1.0\nYou have 4 steps left and 2 chances to propose solution left.\n"
    assert told("x", 1, 2, "Go on.") == (
        "Observation:\nx\nYou have 1 steps left and 2 chances to propose solution left.\n"
        "You should take the last step to propose a solution.\n\nExpert feedback:\nGo on.\n"
    )


@pytest.mark.parametrize(
    ("observation", "shown"),
    [
        (Observation("ok", "Out: [1, 2]", "[1, 2]"), "Out[3]: [1, 2]"),
        (Observation("ok", "Out: no\nOut: [1, 2]", "[1, 2]"), "Out: no\nOut[3]: [1, 2]"),
        (Observation("ok", "[Executed Successfully with No Output]"), "[Executed Successfully with No Output]"),
        (Observation("ok", "a" * 2000), "a" * 2000),
        (Observation("ok", "a" * 2001), "a" * 2000 + "...\n[Output Truncated]"),
        (Observation("error", " NameError: Out: x\n"), "NameError: Out: x"),
    ],
)
def test_a_run_is_shown_as_mint_shows_it(observation, shown):
    assert printed(observation, 3) == shown


def test_the_opening_is_mints(tmp_path):
    items = mint_world.items_of(mint_world.write_rows(tmp_path))
    text = opening(items["math/0"], MintSettings(k=1))
    assert "You have 1 chances to interact" in text
    assert "You can only propose a solution 1 times.\n\nTool function available" in text
    assert "retrieve accurate and comprehensive information.\n\n\n\n---\n\nTask:\nEvaluate $" in text
    assert text.endswith("\n\n\n---\n\nTask:\nWhat is 6 times 7?\n")
    code = opening(items["humaneval/0"], MintSettings())
    assert "solution 2 times.\n\n\n\n---\n\nTask:\nComplete the following code:\n\nfrom typing" in code
    assert code.endswith('Task:\nComplete the following code:\n\ndef double(x):\n    """Twice x."""\n')
    assert opening(items["mbpp/0"], MintSettings()).endswith(
        "Task:\nWrite a function to halve a number.\nassert halve(4) == 2\n"
    )
    assert opening(items["theoremqa/1"], MintSettings()).endswith(
        "Task:\nAnswer the following question with a number, a list of numbers or True or False. Which path?\n"
    )
    asked = find_benchmark("mint").ask(items["math/0"], Form())
    assert (asked.sampling.temperature, asked.sampling.max_tokens) == (0.0, 512)
    assert [message.role for message in asked.messages] == ["user"]  # no system message


def test_the_tag_of_code_is_the_settings(tmp_path):
    items = mint_world.items_of(mint_world.write_rows(tmp_path))
    fenced = opening(items["math/0"], MintSettings(tag="python"))
    assert 'using "```python" tag, for example: ```python\nprint("Hello World!")\n```.\n2)' in fenced
    assert "imported in ```python environment" in fenced
    assert "```python print(wikipedia_search('Li Bai')) ```" in fenced
    assert "execute>" not in fenced
    assert "use ```python\nYOUR_CODE_HERE\n```." in invalid(MintSettings(tag="python"))
    assert "use <execute> YOUR_CODE_HERE </execute>." in invalid(MintSettings())


@pytest.mark.parametrize("tag", ["execute", "python"])
def test_the_expert_sees_the_task_and_what_followed(tmp_path, tag):
    items = mint_world.items_of(mint_world.write_rows(tmp_path))
    for name, shown in (("humaneval/0", "check(double)"), ("math/0", "42.0")):
        for feedback, solution in (("textual-gt", shown), ("textual", "NOT GIVEN")):
            settings = MintSettings(tag=tag, feedback=feedback)
            messages = (Message("user", opening(items[name], settings)), Message("assistant", "Assistant:\nHm.\n"))
            asked = expert(items[name], settings, messages, told("x", 4, 2))
            task = items[name].problem.instruction
            assert f"\nTask:\n{task}\n\nAssistant:\nHm.\n\nObservation:\nx\nYou have 4 steps left" in asked
            assert asked.count("Task:\n") == 2  # the example's and this one
            assert f"to the assistant): {solution}" in asked or f"{solution}\n\n\nPlease provide concise" in asked
            assert "Expert feedback:\nThis is " in asked
            assert asked.endswith("Now provide your feedback.\nExpert feedback:\n")


def test_packaged_prompts_are_the_published_ones(data_dir):
    from importlib import resources

    published = data_dir / "mint" / "mint"
    pairs = {"opening": "prompt/templates/template_with_tool", "feedback": "prompt/templates/template_feedback_agent"}
    for task in ("humaneval", "mbpp", "reasoning"):
        pairs[f"example_{task}"] = f"tasks/in_context_examples/{task}/with_tool"
        pairs[f"example_{task}_feedback"] = f"tasks/in_context_examples/{task}/with_tool_and_feedback"
    for ours, theirs in pairs.items():
        packaged = resources.files("preftree.evaluate") / "prompts" / "mint" / f"{ours}.txt"
        assert packaged.read_bytes() == (published / f"{theirs}.txt").read_bytes(), ours


# ---------------------------------------------------------------- rows


def test_denominators(data_dir):
    """Code 136, math 225 (FACTS section 3); 452 rows in all."""
    mint = find_benchmark("mint")
    read = read_from(mint, str(data_dir))
    groups = [item.labels["group"] for item in read.items]
    assert (groups.count("code"), groups.count("math"), len(groups)) == (136, 225, mint.rows)
    assert read.set_aside == ()
    assert len({item.id for item in read.items}) == 452


def test_a_missing_task_is_named(tmp_path):
    rows = mint_world.write_rows(tmp_path)
    (rows / "gsm8k" / "test_prompts.json").unlink()
    with pytest.raises(InputError, match=r"gsm8k/test_prompts\.json: no such file"):
        mint_world.items_of(rows)


@pytest.mark.parametrize(
    ("task", "row", "why"),
    [
        ("math", {"id": 1, "prompt": "x"}, 'row 3, field "reference": missing'),
        ("mmlu", {"id": 1, "prompt": "x\nOptions: A ) 6", "reference": "c"}, 'field "prompt": has no option c'),
        ("mbpp", {"id": 1, "prompt": "x", "code": "def f(: 1", "reference": "assert f()"}, 'field "reference": no Py'),
        ("math", {"id": 0, "prompt": "x", "reference": "1"}, "row 3: the id math/0 a second time"),
    ],
)
def test_a_bad_row_is_set_aside(tmp_path, task, row, why):
    rows = mint_world.write_rows(tmp_path)
    with (rows / task / "test_prompts.json").open("a") as file:
        file.write(json.dumps(row) + "\n")
    found = find_benchmark("mint")
    (aside,) = found.read(str(rows), found.published).set_aside
    assert aside.startswith(f"{task}/test_prompts.json row 3")
    assert why in aside


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("c", True),
        ("C ) 18107", True),
        ("18107", True),
        ("17500", True),  # within 5% of the right option, both being digits alone
        ("17000", False),
        ("18107 apples", True),
        ("d", False),
        ("54,320", False),
        ("because", True),  # the letter anywhere
        ("a) 18107", False),  # the first option's letter with a bracket wins over what follows it
        ("6 or 18107", False),  # another option's text is in it
    ],
)
def test_choices_by_mints_rule(answer, right):
    options = {"a": "6", "b": "121", "c": "18107", "d": "54,320"}
    assert checkers.options_of("Which?\nOptions: A ) 6 , B ) 121 , C ) 18107 , D ) 54,320") == options
    assert checkers.chooses(answer, "c", options) == right


def test_choices_within_five_percent_where_both_are_digits():
    options = {"a": "200", "b": "100"}
    assert checkers.chooses("104", "b", options)
    assert not checkers.chooses("106", "b", options)


@pytest.mark.parametrize(
    ("answer", "expression"),
    [
        ("x = 5", "5"),
        ("$5$", "5"),
        ("approximately 3.2", "3.2"),
        ("5 apples", "5"),
        ("about 7", "7"),
        ("30%", "30"),
        ("12,600", "12600"),
        ("yes", "True"),
        ("Yes", "Yes"),
        ("It is True", "True"),
        ("2 or 3", "2"),
        ("c", '"(c)"'),
        ("the answer is b) two", '"(b)"'),
        ("1.28 x 10^-6", "1.28*math.pow(10, -6)"),
        ("", "0"),
    ],
)
def test_theoremqa_repairs(answer, expression):
    assert checkers.theoremqa_expression(answer) == expression


@pytest.mark.parametrize(
    ("value", "reference", "kind", "equal"),
    [
        pytest.param(1.04, 1.0, "float", True, id="4%-of-a-float"),
        pytest.param(1.05, 1.0, "float", False, id="5%-of-a-float"),
        pytest.param(25.4, 25, "integer", True, id="an-integer-after-rounding"),
        pytest.param(26, 25, "integer", False, id="no-tolerance-for-integers"),
        pytest.param([5, 0], [0, 5], "list of integer", True, id="lists-are-sorted"),
        pytest.param((0, 5), [0, 5], "list of integer", True, id="tuple"),
        pytest.param([0, 5, 5], [0, 5], "list of integer", False, id="length"),
        pytest.param(5, [5], "list of integer", False, id="no-list"),
        pytest.param(False, False, "bool", True, id="bool"),
        pytest.param("False", False, "bool", False, id="text"),
        pytest.param("(a)", "a", "option", True, id="option"),
        pytest.param(float("inf"), 25, "integer", False, id="infinite"),
        pytest.param(None, 25, "integer", False, id="nothing"),
        pytest.param({}, 25, "integer", False, id="dict"),
    ],
)
def test_theoremqa_comparison(value, reference, kind, equal):
    assert checkers.theoremqa_equal(value, reference, kind) == equal
