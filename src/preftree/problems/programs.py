"""What the two sources of contest problems share: cases of a bounded size, and reference programs.

In:  inputs with outputs, published solutions. Out: `Case`s, `Reference`s. Pure.
Always true: a problem keeps at most `MOST_CASES` cases of together `MOST_CHARS` characters, the first ones, so that a
data set of some ten thousand problems fits in memory and a wrong program is found out soon; a reference is Python 3.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable

from preftree.problems.names import names_under_test
from preftree.records import Case, Reference

MOST_CASES = 64
MOST_CHARS = 1 << 18
# Each is a ground truth of which a correct action can be made; some problems were published with hundreds.
MOST_REFERENCES = 5

_READS = re.compile(r"\b(?:input|raw_input|stdin|fileinput)\b|\bopen\(\s*0\b")
# What LeetCode gives its programs unasked.
_TYPING = ("Any", "Dict", "List", "Optional", "Set", "Tuple")
_CODEFORCES = re.compile(r"codeforces\.com/(?:problemset/problem/(\d+)/|contest/(\d+)/problem/)(\w+)", re.I)


def bounded_cases(pairs: Iterable[tuple[str, str]]) -> tuple[Case, ...]:
    """The first cases that fit; an input that comes twice counts once. Larger cases are passed over."""
    cases: dict[str, Case] = {}
    room = MOST_CHARS
    for given, wanted in pairs:
        if len(cases) == MOST_CASES:
            break
        size = len(given) + len(wanted)
        if given not in cases and size <= room:
            cases[given] = Case(given, (wanted,))
            room -= size
    return tuple(cases.values())


def references_of(programs: Iterable[str]) -> tuple[Reference, ...]:
    """The first distinct programs that are Python 3."""
    found: dict[str, Reference] = {}
    for program in programs:
        text = program.replace("\r\n", "\n").strip()
        if text and text not in found and is_python(text):
            found[text] = Reference("", program=with_typing(text))
            if len(found) == MOST_REFERENCES:
                break
    return tuple(found.values())


def is_python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escape sequences: published code is not ours to mend
        try:
            ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def reads_input(code: str) -> bool:
    """Whether a program seems to read standard input."""
    return _READS.search(code) is not None


def with_typing(code: str) -> str:
    """The same Python code, with the names of `typing` imported that it uses and does not bind."""
    missing = [name for name in names_under_test(code) if name in _TYPING]
    return f"from typing import {', '.join(missing)}\n\n{code}" if missing else code


def codeforces_group(contest: int | str, index: str) -> str:
    """The group of a problem of Codeforces, whichever data set tells of it."""
    return f"codeforces/{contest}/{index.upper()}"


def group_of_url(url: str) -> str | None:
    """The same, of an address; None for another site's."""
    match = _CODEFORCES.search(url)
    return codeforces_group(match[1] or match[2], match[3]) if match else None
