"""MathQA: multiple-choice word problems with annotated formulas (Amini et al., 2019; Apache-2.0).

In:  published rows: Problem, Rationale, options, correct (a letter), annotated_formula, category. `options` is one
     text, `a ) 24 , b ) 120 , …`, or a Python list of such texts, written out.
Out: problems and their rationale. Where the right option is a number, the question stands alone and the number is the
answer (so the paper's published row has it, and so no guess is right one time in five); otherwise the options stand
below the question and the letter is the answer. Of each formula pattern (the operations
of the annotated formula, without its numbers) at most five problems; they come long tail first: problems of rare
categories before those of common ones, then rare patterns before common ones (the paper's stratified sampling), in a
seeded order between equals. A limit takes the first of them.
"""

from __future__ import annotations

import ast
import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from preftree.problems.questions import question_id
from preftree.problems.rows import BadRowError, Row, load_rows, optional_field, published, text_field
from preftree.problems.types import Loaded, SourceSettings
from preftree.records import Problem, Reference

HUB = "allenai/math_qa"
MOST_A_PATTERN = 5

# Some were published with the letter twice: `a ) a ) 8`.
_OPTION = re.compile(r"(?:^|,\s*)([a-e]) \) (?:[a-e] \) )?")
# A number with its currency or unit: the rule "number" reads 24 of "rs . 24" and "24 cm" alike, given the 24.
_NUMBER = re.compile(
    r"(?:rs\s*\.?\s*|\$\s*)?(-?\s?\d[\d,]*(?:\.\d+)?(?:\s*/\s*\d+)?(?:\s*%)?)(?:\s*[a-z]+(?:[ /.]+[a-z]+){0,2}\.?)?",
    re.I,
)
_OPERATION_OR_NUMBER = re.compile(r"[a-z_]\w*(?=\s*\()|[^\s(),]+")


def load_mathqa(settings: SourceSettings) -> Loaded:
    strata: dict[str, tuple[str, str]] = {}

    def problem_of(row: Row) -> Problem:
        problem = _problem(row, settings.split)
        strata[problem.id] = (text_field(row, "category"), pattern(text_field(row, "annotated_formula")))
        return problem

    return load_rows(
        published(settings, HUB),
        settings,
        problem_of,
        choose=lambda problems: stratified(problems, strata, settings.seed),
        rule=f"more than {MOST_A_PATTERN} of one formula pattern",
    )


def pattern(formula: str) -> str:
    """`add(multiply(n, const_100), 5)` → `add(multiply(_,_),_)`."""
    spaced = _OPERATION_OR_NUMBER.sub(lambda m: m[0] if formula[m.end() :].lstrip().startswith("(") else "_", formula)
    return re.sub(r"\s", "", spaced)


def stratified(problems: list[Problem], strata: Mapping[str, tuple[str, str]], seed: int) -> list[Problem]:
    """At most five problems of each pattern; `strata` gives category and pattern by id."""
    categories = Counter(strata[problem.id][0] for problem in problems)
    patterns = Counter(strata[problem.id][1] for problem in problems)
    drawn = list(problems)
    random.Random(f"draw {seed}").shuffle(drawn)
    # A stable sort: the draw decides between equals.
    drawn.sort(key=lambda problem: (categories[strata[problem.id][0]], patterns[strata[problem.id][1]]))
    kept, taken = [], defaultdict[str, int](int)
    for problem in drawn:
        _, its_pattern = strata[problem.id]
        taken[its_pattern] += 1
        if taken[its_pattern] <= MOST_A_PATTERN:
            kept.append(problem)
    return kept


def _problem(row: Row, split: str) -> Problem:
    options = _options(text_field(row, "options"))
    letter = text_field(row, "correct").lower()
    if letter not in options:
        raise BadRowError("correct", f"expected one of the options {', '.join(options)}, got {letter}")
    question, number = text_field(row, "Problem"), _NUMBER.fullmatch(options[letter])
    listed = "\n".join(f"({name.upper()}) {text}" for name, text in options.items())
    instruction = question if number else f"{question}\nOptions:\n{listed}"
    answer = re.sub(r"[\s,]", "", number[1]) if number else letter.upper()
    identity = question_id("mathqa", instruction)
    return Problem(
        id=identity,
        dataset="mathqa",
        task="Math_PoT",
        instruction=instruction,
        references=(Reference(answer, _rationale(row)),),
        verifier="number" if number else "choice",
        group=identity,
        split=split,
    )


def _options(text: str) -> dict[str, str]:
    """Letter → text, in order."""
    if text.startswith("["):
        try:
            text = " , ".join(map(str, ast.literal_eval(text)))
        except (ValueError, SyntaxError) as error:
            raise BadRowError("options", "begins as a list, but is none") from error
    marks = list(_OPTION.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    options = {mark[1]: text[mark.end() : end].strip(" ,") for mark, end in zip(marks, ends, strict=False)}
    if len(options) < 2 or len(options) < len(marks) or not all(options.values()):
        raise BadRowError("options", "expected a ) text , b ) text , …, each letter once")
    return options


def _rationale(row: Row) -> str | None:
    """The rationale, without the quotation marks in which many were published."""
    text = optional_field(row, "Rationale")
    if text is not None and len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    return text or None
