"""The table of generated families: for each its generator's settings, its verifier, its question and its program.

In:  one row of a reasoning-gym generator (question, answer, metadata). Out: `Drawn`, or None for a row to pass over.
The sizes are modest: a program takes about 60 tokens or fewer, and a small model can learn the family.
A new family is one function and one line in FAMILIES.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from preftree.problems.calculator import evaluate

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    question: str
    answer: str
    program: str


@dataclass(frozen=True, slots=True)
class Family:
    """`config`: the generator's own settings. `verifier`: a rule of `preftree.verify`."""

    problem: Callable[[Row], Drawn | None]
    verifier: str = "number"
    config: dict[str, Any] = field(default_factory=dict)


def _drawn(row: Row, question: str, *lines: str) -> Drawn:
    return Drawn(question, str(row["answer"]), "\n".join(lines))


def chain_sum(row: Row) -> Drawn:
    expression = row["metadata"]["expression"]
    return _drawn(row, f"Calculate {expression}.", "# Step 1: add and subtract from left to right", expression)


def products(row: Row) -> Drawn:
    expression = row["metadata"]["expression"]
    return _drawn(row, f"Calculate {expression}.", "# Step 1: multiply", expression)


def basic_arithmetic(row: Row) -> Drawn | None:
    expression = row["metadata"]["expression"]
    tokens = tuple(re.findall(r"\d+|[-+*/()]", expression))
    # The generator divides with //, which now and then rounds; such an answer is wrong as arithmetic.
    if evaluate(tokens) != Fraction(row["answer"]):
        return None
    return _drawn(row, f"Calculate {expression}.", "# Step 1: evaluate the expression", expression)


def gcd(row: Row) -> Drawn:
    numbers = ", ".join(map(str, row["metadata"]["numbers"]))
    question = f"Find the greatest common divisor of {numbers}."
    return _drawn(row, question, "import math", "# Step 1: take the greatest common divisor", f"math.gcd({numbers})")


def lcm(row: Row) -> Drawn:
    numbers = ", ".join(map(str, row["metadata"]["numbers"]))
    question = f"Find the least common multiple of {numbers}."
    return _drawn(row, question, "import math", "# Step 1: take the least common multiple", f"math.lcm({numbers})")


def letter_counting(row: Row) -> Drawn:
    letter, text = row["metadata"]["target_letter"], " ".join(row["metadata"]["span"])
    # Capitals count: the generator lowers the text first.
    lines = (f"text = {text!r}", f"# Step 1: count {letter} in lower case", f"text.lower().count({letter!r})")
    return _drawn(row, row["question"], *lines)


def count_bits(row: Row) -> Drawn:
    number = row["metadata"]["number"]
    question = f"How many 1 bits are in the binary representation of {number}?"
    return _drawn(row, question, "# Step 1: write it in binary and count the ones", f'bin({number}).count("1")')


def spell_backward(row: Row) -> Drawn:
    word = row["metadata"]["word"]
    return _drawn(row, f"Spell this word backward: {word}", "# Step 1: reverse the word", f'"{word}"[::-1]')


def word_sequence_reversal(row: Row) -> Drawn:
    words = row["metadata"]["words"]
    question = f"Reverse the order of these words, as a comma-separated list: {', '.join(words)}"
    lines = (f'words = "{", ".join(words)}".split(", ")', "# Step 1: reverse and join", '", ".join(words[::-1])')
    return _drawn(row, question, *lines)


def word_sorting(row: Row) -> Drawn:
    metadata = row["metadata"]
    words = ", ".join(metadata["transformed_words"])
    down = metadata["direction"] == "descending"
    order = "descending" if down else "ascending"
    question = f"Sort these words in {order} ASCII order, as a comma-separated list: {words}"
    line = f'", ".join(sorted(words{", reverse=True" if down else ""}))'
    return _drawn(row, question, f'words = "{words}".split(", ")', "# Step 1: sort and join", line)


def leg_counting(row: Row) -> Drawn:
    from reasoning_gym.arithmetic.leg_counting import ANIMALS

    counts: dict[str, int] = row["metadata"]["animals"]
    asked = row["question"].strip().rpartition("\n")[2].removeprefix("Now, how")
    names = {animal: animal.replace(" ", "_") for animal in counts}
    legs = f"{', '.join(names.values())} = {', '.join(str(ANIMALS[animal]) for animal in counts)}"
    total = " + ".join(f"{count}*{names[animal]}" for animal, count in counts.items())
    lines = ("# Step 1: legs of each animal", legs, "# Step 2: multiply and add", total)
    return _drawn(row, f"How{asked}", *lines)


def simple_equations(row: Row) -> Drawn | None:
    """A linear function is zero at f(0) / (f(0) - f(1))."""
    letter, equation = row["metadata"]["variable"], row["metadata"]["equation"]
    left, _, right = equation.partition(" = ")
    if re.search(rf"{letter}\*\*|{letter}\*{letter}", left):
        return None
    sides = f"{left} - {right}" if not right.startswith("-") else f"{left} + {right[1:]}"
    lines = (
        "# Step 1: left minus right",
        f"f = lambda {letter}: {sides}",
        "# Step 2: the zero of a line",
        "f(0) / (f(0) - f(1))",
    )
    return _drawn(row, f"Solve for {letter}: {equation}", *lines)


def fraction_simplification(row: Row) -> Drawn | None:
    top, bottom = row["metadata"]["numerator"], row["metadata"]["denominator"]
    if row["metadata"]["simplified_denominator"] == 1:
        return None
    question = f"Simplify the fraction {top}/{bottom} to its lowest terms."
    lines = ("from fractions import Fraction", "# Step 1: reduce the fraction", f"Fraction({top}, {bottom})")
    return _drawn(row, question, *lines)


def bitwise_arithmetic(row: Row) -> Drawn:
    expression = row["metadata"]["problem"]
    question = f"Calculate {expression} with signed integers of any length. Give the result in hexadecimal."
    return _drawn(row, question, "# Step 1: evaluate, then write in base 16", f"hex({expression})")


def simple_geometry(row: Row) -> Drawn:
    metadata = row["metadata"]
    sides, angles = metadata["n_sides"], [f"{angle:g}" for angle in metadata["known_angles"]]
    listed = ", ".join(f"{angle}°" for angle in angles)
    known = f"A convex polygon has {sides} sides. All but one of its angles are {listed}."
    lines = ("# Step 1: all angles together", f"total = ({sides} - 2)*180", "# Step 2: take the known ones away")
    return _drawn(row, f"{known} How many degrees has the last?", *lines, f"total - {' - '.join(angles)}")


def count_primes(row: Row) -> Drawn:
    start, end = row["metadata"]["start"], row["metadata"]["end"]
    question = f"How many prime numbers are there from {start} to {end}, both included?"
    lines = (
        "# Step 1: a prime has no smaller divisor",
        "prime = lambda n: n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))",
        "# Step 2: count",
        f"sum(prime(n) for n in range({start}, {end} + 1))",
    )
    return _drawn(row, question, *lines)


FAMILIES: dict[str, Family] = {
    "chain_sum": Family(chain_sum, config={"min_terms": 2, "max_terms": 6, "max_digits": 4}),
    "products": Family(products, config={"max_digits": 4}),
    "basic_arithmetic": Family(basic_arithmetic, config={"min_terms": 2, "max_terms": 6, "max_digits": 3}),
    "gcd": Family(gcd, config={"max_value": 1000}),
    "lcm": Family(lcm, config={"max_value": 200}),
    "letter_counting": Family(letter_counting, config={"min_words": 3, "max_words": 8}),
    "count_bits": Family(count_bits, config={"max_n": 2**24}),
    "spell_backward": Family(spell_backward, "exact", {"min_word_len": 3, "max_word_len": 10}),
    "word_sequence_reversal": Family(word_sequence_reversal, "exact", {"min_words": 3, "max_words": 6}),
    "word_sorting": Family(word_sorting, "exact", {"min_words": 3, "max_words": 5, "max_word_length": 8}),
    "leg_counting": Family(leg_counting, config={"min_animals": 2, "max_animals": 4}),
    "simple_equations": Family(simple_equations, config={"min_terms": 2, "max_terms": 3, "max_value": 50}),
    "fraction_simplification": Family(fraction_simplification, "exact", {"max_value": 200, "styles": ("plain",)}),
    "bitwise_arithmetic": Family(bitwise_arithmetic, "exact", {"difficulty": 1}),
    "simple_geometry": Family(simple_geometry, config={"max_sides": 5}),
    "count_primes": Family(count_primes, config={"max_n": 500}),
}
