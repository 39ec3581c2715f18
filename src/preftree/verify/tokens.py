"""Text to tokens, and the vocabulary of the notations.

In:  a normalised text. Out: tokens as text: numbers, commands, known names, single letters, signs.
Raises `UnreadableError` for what no notation has. Linear time.
"""

from __future__ import annotations

import re
from typing import NoReturn

from preftree.verify.expressions import UnreadableError

# A longer row of letters that is no known name is a word.
_MAX_LETTERS = 4

_GREEK_LETTERS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega
"""
GREEK = frozenset(_GREEK_LETTERS.split())
CONSTANTS = {
    "pi": "pi", "e": "e", "E": "e", "i": "i", "I": "i", "oo": "oo", "inf": "oo", "infty": "oo", "infinity": "oo",
}  # fmt: skip
_SAME_NAMES = """
    sqrt cbrt root sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp abs floor ceil factorial
    binomial gcd lcm min max
"""
PLAIN_FUNCTIONS = {name: name for name in _SAME_NAMES.split()} | {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "Abs": "abs", "ceiling": "ceil", "lg": "log10",
    "factorial2": "factorial2",
    "comb": "binomial", "binom": "binomial", "Min": "min", "Max": "max", "Pow": "pow", "pow": "pow",
    "Rational": "quotient", "Fraction": "quotient", "Mod": "mod", "re": "re", "im": "im", "conjugate": "conjugate",
}  # fmt: skip
# LaTeX and the plain notation agree on these and let their argument stand without brackets.
_BARE_NAMES = "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp lg gcd min max"
BARE_FUNCTIONS = frozenset(_BARE_NAMES.split())
_STRUCTURE_NAMES = "Matrix array Tuple Point Interval Interval.open Interval.Lopen Interval.Ropen Union FiniteSet Eq"
STRUCTURES = frozenset(_STRUCTURE_NAMES.split())
_NAMES = sorted(
    {*(n for n in CONSTANTS if len(n) > 1), *GREEK, *PLAIN_FUNCTIONS, *STRUCTURES, "EmptySet", "Reals"},
    key=len, reverse=True,
)  # fmt: skip
# These are letters unless a bracket follows.
_CALLED = frozenset(PLAIN_FUNCTIONS) - BARE_FUNCTIONS

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4}(?![\dA-Za-z]))?)"
    r"|(?P<styled>\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathcal|mathbb|mbox|operatorname)\*?"
    r"\s*\{[^{}]*\})"
    r"|(?P<command>\\[A-Za-z]+|\\[\\{}|])"
    r"|(?P<name>[A-Za-z]+(?:\.(?:open|Lopen|Ropen)\b)?)"
    r"|(?P<sign>\.\.\.|\*\*|[<>=!]=|[-+*/^_!'=<>()\[\]{}|,;:&~%]))",
    re.ASCII,
)
_STYLED = re.compile(r"\\(\w+)\*?\s*\{([^{}]*)\}")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([a-zA-Z]*)\}")


def tokenise(text: str, thousands: bool = True) -> list[str]:
    """The tokens; without `thousands`, the comma of 1,234 is one of them."""
    text = text.replace("$", " ") if "\\" in text else _without_quotes(text.replace("$", " "))
    text = re.sub(r"\\text\s*\{\s*,?\s*(?:and|or)\s*\}|\b(?:and|or)\b", ",", text)
    text = re.sub(r"\b(?:math|cmath|np|numpy|sympy|sp)\.(?=[A-Za-z])", "", text)
    if re.search(r"[<>=]", text):  # sympy's and, or
        text = re.sub(r"\)\s*&\s*(?=\()", r")\\cap ", re.sub(r"\)\s*\|\s*(?=\()", r")\\cup ", text))
    text = re.sub(r"\bPoint[23]D\b", "Point", text)
    text = re.sub(r"([)\]])\s*[Uu]\s*(?=[(\[])", r"\1\\cup ", text)
    text = re.sub(r"(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))", "*", text, flags=re.ASCII)
    return _tokens(_without_thousands(text) if thousands else text)


def fail(why: str) -> NoReturn:
    raise UnreadableError(why)


def _without_quotes(text: str) -> str:
    """A program's list of strings as a list."""
    return re.sub(r"(?<![A-Za-z])(['\"])([^'\"]*)\1", r"\2", text)


def _without_thousands(text: str) -> str:
    """1,234 as 1234, but not between brackets, where a comma separates values."""
    pieces, depth, start = [], 0, 0
    for i, character in enumerate(text):
        if character in "([{":
            if depth == 0:
                pieces.append(_THOUSANDS.sub(lambda m: m[0].replace(",", ""), text[start:i]))
                start = i
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                pieces.append(text[start : i + 1])
                start = i + 1
    return "".join([*pieces, _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text[start:])])


def _tokens(text: str) -> list[str]:
    """Tokens as text. `begin NAME` and `end NAME` are one token each; styled words are in braces of their own."""
    text = _ENVIRONMENT.sub(lambda m: f"\\{m[1]}X{m[2]} ", text)
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            fail(f"{text[position : position + 10]!r} is no notation")
        position = match.end()
        if match["name"]:
            tokens += _names(match["name"], called=text[position:].lstrip().startswith("("))
        elif match["styled"]:
            tokens += _styled(match["styled"])
        else:
            tokens.append(match[0].strip())
    return tokens


def _names(run: str, called: bool) -> list[str]:
    """A run of letters as known names and single letters; `called`: a bracket follows."""
    found, position = [], 0
    while position < len(run):
        left = run[position:]
        known = next(
            (n for n in _NAMES if left.startswith(n) and (n not in _CALLED or (called and n == left))), left[0]
        )
        found.append(known)
        position += len(known)
    if sum(len(name) == 1 for name in found) > _MAX_LETTERS:
        fail(f"{run} is a word")
    return found


def _styled(token: str) -> list[str]:
    match = _STYLED.fullmatch(token)
    assert match is not None
    style, words = match[1], match[2].strip()
    if style == "mathbb":
        return ["Reals"] if words == "R" else [f"\\mathbb{words}"]
    if style == "operatorname" or words in PLAIN_FUNCTIONS:
        return [words] if words in PLAIN_FUNCTIONS else fail(f"no function {words} is known")
    if style == "mathbf" and re.fullmatch(r"[A-Za-z]", words):
        return [f"\\mathbf{words}"]  # a vector is no number: bold i is not the imaginary unit
    return _tokens(words)
