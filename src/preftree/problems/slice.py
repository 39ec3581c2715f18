"""Which rows of GSM8K's training set the package carries: `python -m preftree.problems.slice train.jsonl`.

In:  the published training rows. Out: 400 of them, as published, in file order, the same ones each time.
Taken are short questions with a short program in which every number comes from the question, from an earlier step or
from common knowledge (60 minutes, 100 cents) and can't be mistaken for another, and every step is used: rows from
which a small model can learn.
"""

from __future__ import annotations

import json
import random
import re
import sys
from fractions import Fraction
from pathlib import Path

from preftree.problems.calculator import Step, steps_of
from preftree.problems.gsm8k import problem_of
from preftree.problems.rows import BadRowError, Row

NUM_ROWS = 400
_SEED = "gsm8k slice"
_MAX_QUESTION = 220
_MAX_CODE = 60
_MAX_STEPS = 4
_COMMON = frozenset(("1", "2", "3", "4", "5", "7", "10", "12", "24", "30", "50", "52", "60", "100", "365", "1000"))
_COUNTED = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORDS = {word: str(i) for i, word in enumerate(_COUNTED, start=2)} | {"dozen": "12"}
# Two equal numbers may be two quantities; a result divided by itself never was meant.
_ITSELF = re.compile(r"\b([a-z])\b[/-]\b\1\b")


def choose(rows: list[Row]) -> list[Row]:
    """The rows of the slice."""
    good = [row for row in rows if teaches(row)]
    kept = random.Random(_SEED).sample(range(len(good)), min(NUM_ROWS, len(good)))
    return [good[i] for i in sorted(kept)]


def teaches(row: Row) -> bool:
    """Whether the row is short and its program complete."""
    try:
        problem = problem_of(row, "train")
    except BadRowError:
        return False
    program = problem.references[0].program
    if program is None or len(problem.instruction) > _MAX_QUESTION:
        return False
    code = [line for line in program.split("\n") if not line.startswith("#")]
    if _ambiguous(steps_of(problem.references[0].rationale or "") or [], problem.instruction):
        return False
    complete = _grounded(code, problem.instruction) and _all_used(code) and not _ITSELF.search(program)
    return complete and len(code) <= _MAX_STEPS and len("\n".join(code)) <= _MAX_CODE


def _ambiguous(steps: list[Step], question: str) -> bool:
    """Whether a number in a step could be one of two things: an earlier result, another one, the question's own."""
    given = {Fraction(n) for n in _numbers(question)}
    earlier: set[Fraction] = set()
    for step in steps:
        used = {Fraction(token) for token in step.tokens if token[0].isdigit()}
        if used & earlier & given or step.value in earlier:
            return True
        earlier.add(step.value)
    return False


def _numbers(question: str) -> set[str]:
    numbers = {number.replace(",", "") for number in re.findall(r"\d[\d,]*(?:\.\d+)?|\.\d+", question)}
    return {f"0{number}" if number.startswith(".") else number for number in numbers}


def _grounded(code: list[str], question: str) -> bool:
    numbers = _numbers(question)
    named = {value for word, value in _WORDS.items() if re.search(rf"\b{word}s?\b", question, re.I)}
    # $18.00 is written 18 in a program.
    whole = {number.split(".")[0] for number in numbers if not number.partition(".")[2].strip("0")}
    literals = {n for line in code for n in re.findall(r"\d+(?:\.\d+)?", line)}
    return literals <= numbers | named | whole | _COMMON


def _all_used(code: list[str]) -> bool:
    names = [line[0] for line in code[:-1]]
    return all(re.search(rf"\b{name}\b", " ".join(part.split(" = ")[-1] for part in code)) for name in names)


if __name__ == "__main__":
    for chosen in choose([json.loads(line) for line in Path(sys.argv[1]).read_text("utf-8").splitlines()]):
        print(json.dumps(chosen, ensure_ascii=False))
