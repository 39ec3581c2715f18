"""What the benchmarks of mathematics share: how each protocol asks, in text and with a program, and how it grades.

In:  items, in a form. Out: what is asked, a grade, and harnesses' figures beside it.
Always true: both modes are asked in all three protocols; the prompts are those of the public code, word for word.

    eurus-2024-04  OpenBMB/Eurus at its first commit (845bcc6): one user message, fastchat's mistral template there,
                   the model's own here, which for the paper's models differ in white space alone. Programs: of
                   GSM-Plus, SVAMP and ASDiv (and so of GSM8K, which it doesn't have) with "intepreter" misspelled.
    eurus-2024-09  the last (fd72db1). Of the same sets the tool's part is a system message, or, for templates that
                   refuse one, as those of the paper's models do, the start of the user message: so it is here.
    standard       lm-evaluation-harness: gsm8k_cot's eight examples for word problems, minerva_math's four for MATH,
                   as raw text, 256 tokens; marks of an answer are read as everywhere in preftree. With a program, which
                   no harness has, UltraInteract's prompt.

All are greedy. Beside the verdict: `strict_match` and `flexible_extract` as gsm8k_cot filters answers, `hash_match` as
gsm8k does; `exact_match` as minerva_math extracts and compares one, `string_match` by MATH's own strings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from preftree.engine import Sampling, opening
from preftree.evaluate.benchmark import Asked, Bench, Form, Grade, GradeAnswer, Item, Metric
from preftree.evaluate.grading.answers import grade_answer, grade_as_paper
from preftree.evaluate.grading.harness import (
    flexible_extract,
    hash_match,
    minerva_answer,
    normalise_minerva,
    same_number_text,
    same_string,
    strict_match,
)
from preftree.evaluate.grading.programs import failed, grade_cell, output_of
from preftree.evaluate.items import packaged
from preftree.records import Message
from preftree.verify import find_answer

MODES = ("text", "program")
ACCURACY_AND_FILTERS = (
    Metric("accuracy"),
    Metric("strict_match", "strict_match"),
    Metric("flexible_extract", "flexible_extract"),
    Metric("hash_match", "hash_match"),
)
ACCURACY_AND_STRINGS = (
    Metric("accuracy"),
    Metric("exact_match", "exact_match"),
    Metric("string_match", "string_match"),
)

_STOP = ("\n###\nProblem: ",)
_HARNESS_TOKENS = 256

Scores = Callable[[Bench, Item, str], Awaitable[dict[str, float]]]


def prompt(name: str) -> str:
    """A prompt of mathematics."""
    return packaged(f"prompts/mathematics/{name}.txt")


def tool(interpreter: str = "interpreter", present: str = "") -> str:
    """The prompts of 2024-04 and 2024-09 differ in these words."""
    return prompt("tool").replace("{interpreter}", interpreter).replace("{present}", present)


PRESENT = " Present code in ```python```"


# ---------------------------------------------------------------- asking


def ask_word_problem(item: Item, form: Form) -> Asked:
    """Sets of Eurus's `evaluate_subset_*.py`."""
    question = item.problem.instruction
    if form.protocol == "standard":
        if form.mode == "program":
            return _ask_as_grown(item)
        text = f"{prompt('word_problems')}Q: {question}\nA:"
        return Asked(text=text, sampling=Sampling(0.0, max_tokens=_HARNESS_TOKENS, stop=("Q:", "</s>", "<|im_end|>")))
    if form.mode == "text":
        return user(prompt("boxed") + question, 1024, _STOP)
    if form.protocol == "eurus-2024-04":
        return user(tool("intepreter") + prompt("plain") + question, 2048, _STOP)
    return user(tool(present=PRESENT) + prompt("boxed") + question, 2048, _STOP)


def ask_competition(item: Item, form: Form) -> Asked:
    """MATH, by Eurus's `evaluate_math_*.py`."""
    question = item.problem.instruction
    if form.protocol == "standard":
        if form.mode == "program":
            return _ask_as_grown(item)
        text = f"{prompt('competition')}Problem:\n{question}\n\nSolution:"
        return Asked(text=text, sampling=Sampling(0.0, max_tokens=_HARNESS_TOKENS, stop=("Problem:",)))
    if form.mode == "text":
        return user(prompt("boxed") + question, 1024, _STOP)
    present = PRESENT if form.protocol == "eurus-2024-09" else ""
    return user(tool(present=present) + prompt("plain") + question, 2048, _STOP)


def user(text: str, max_tokens: int, stop: tuple[str, ...] = ()) -> Asked:
    """One user message, answered greedily."""
    return Asked((Message("user", text),), sampling=Sampling(0.0, max_tokens=max_tokens, stop=stop))


def _ask_as_grown(item: Item) -> Asked:
    return Asked(opening(item.problem), sampling=Sampling(0.0, max_tokens=1024))


# ---------------------------------------------------------------- grading


def graded(scores: Scores) -> GradeAnswer:
    """The grade of an answer, with the figures that harnesses would give the same response."""

    async def grade(bench: Bench, item: Item, form: Form, responses: Sequence[str]) -> Grade:
        response = responses[-1]
        figures = await scores(bench, item, response)
        if form.protocol == "standard":
            if form.mode == "program":
                return await grade_cell(bench, item, response, figures)
            answer = minerva_answer(response) or find_answer(response, item.problem.task)
            return await grade_answer(bench, item, answer, item.problem.verifier, figures)
        if form.mode == "text":
            return await grade_as_paper(bench, item, response, form.protocol, figures)
        output = await output_of(bench, response, form.protocol)
        return failed(output, figures) or await grade_as_paper(bench, item, output.text, form.protocol, figures)

    return grade


async def no_scores(bench: Bench, item: Item, response: str) -> dict[str, float]:
    """For sets that no harness has."""
    return {}


async def filters(bench: Bench, item: Item, response: str) -> dict[str, float]:
    """Under the filters of lm-evaluation-harness's gsm8k_cot and gsm8k."""
    wanted = item.problem.answer
    found = {
        "strict_match": strict_match(response),
        "flexible_extract": flexible_extract(response),
        "hash_match": hash_match(response),
    }
    return {name: float(same_number_text(answer, wanted)) for name, answer in found.items()}


async def strings(bench: Bench, item: Item, response: str) -> dict[str, float]:
    """minerva_math's answer, normalised and compared as there; our answer under MATH's strings."""
    reference, given = item.problem.answer, minerva_answer(response)
    exact = False
    if given is not None and (answer := normalise_minerva(given)):
        exact = (await bench.engine.verdict("minerva-math", answer, normalise_minerva(reference))).correct
    found = given or find_answer(response, "Math_CoT")
    same = found is not None and same_string(found, reference)
    return {"exact_match": float(exact), "string_match": float(same)}


# ---------------------------------------------------------------- references


def as_program(code: str) -> str:
    return f"```python\n{code}\n```"


def printing(answer: str) -> str:
    """A program that answers, for references that have none."""
    return as_program(f"print({answer!r})")
