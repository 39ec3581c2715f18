"""Python's notation, read and never run.

In:  a text. Out: the syntax of the one expression that it is, or the value of a literal; None for anything else.
"""

from __future__ import annotations

import ast
import warnings

# What the parser and the reader of literals raise for texts of all kinds.
_FAULTS = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)


def read_expression(text: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # "5or" is a number and a word to Python, with a warning
            return ast.parse(text.strip(), mode="eval").body
    except _FAULTS:
        return None


def read_literal(text: str) -> object:
    """A string, a number, a container of literals; None where the text is none of these."""
    expression = read_expression(text)
    try:
        return None if expression is None else ast.literal_eval(expression)
    except _FAULTS:
        return None
