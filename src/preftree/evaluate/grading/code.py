"""The program in an answer, and its grade by the problem's own tests.

In:  a response: a whole program, a fenced block among words, or what goes on from a text that the model was given.
Out: the program that is tested; its grade, from the engine's jails.
Always true: nothing is mended. What stands in the fence is run as it stands; an answer without one is run whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from preftree.engine.code import judge_code
from preftree.engine.prompts import fill
from preftree.evaluate.benchmark import Bench, Grade
from preftree.evaluate.items import packaged
from preftree.problems.programs import is_python
from preftree.records import Problem

_FENCE = "```"
_TAGS = ("python", "python3", "py")
_TAG_AND_CODE = re.compile(rf"[ \t]*(?:{'|'.join(_TAGS)})\b[ \t]*", re.IGNORECASE)


def code_in(response: str, *, stem: str = "", names: Sequence[str] = ()) -> str:
    """The code of an answer: of several blocks the first that defines one of `names`, or else the first that is marked
    as Python, or else the first.

    A fence that nothing closes holds all that follows. `stem` is a text that the answer may go on from; what is Python
    from there up to the first fence is the code, whatever blocks come after it.
    """
    head, fence, _ = response.partition(_FENCE)
    if not fence or _is_code(head, stem):
        return head
    blocks = _blocks(response)
    defines = re.compile(rf"^\s*(?:async\s+)?(?:def|class)\s+(?:{'|'.join(map(re.escape, names))})\b", re.MULTILINE)
    wanted = [code for _, code in blocks if names and defines.search(code)]
    marked = [code for python, code in blocks if python]
    return (wanted or marked or [code for _, code in blocks] or [""])[0]


async def grade_program(bench: Bench, problem: Problem, program: str) -> Grade:
    """Run the problem's tests on a program: judge and program in jails of their own, limits in CPU seconds."""
    _, verdict = await judge_code(bench.engine, problem, program)
    return Grade(verdict)


def indented(code: str) -> bool:
    """Whether code begins inside a block that something before it has opened."""
    return code.lstrip("\r\n")[:1] in (" ", "\t")


def prompt(name: str, **values: str) -> str:
    """A prompt of the code benchmarks, filled in."""
    return fill(packaged(f"prompts/code/{name}.txt"), **values)


def _is_code(head: str, stem: str) -> bool:
    """Whether the words before the first fence are no words but code: a body, or a definition."""
    if not head.strip() or not (indented(head) or re.search(r"^(?:async def|def|class) ", head, re.MULTILINE)):
        return False
    return is_python(head) or is_python(stem + head)


def _blocks(response: str) -> list[tuple[bool, str]]:
    """What each fence holds, and whether it is marked as Python. An empty one ("```python```") is no block."""
    found = []
    for text in response.split(_FENCE)[1::2]:
        tag, newline, rest = text.partition("\n")
        marked = _TAG_AND_CODE.match(text)
        if tag.strip().lower() in _TAGS:
            found.append((True, rest))
        elif newline and re.fullmatch(r"[\w+#.-]*", tag.strip()):
            found.append((False, rest))
        elif marked:  # the code begins beside the mark
            found.append((True, text[marked.end() :]))
        else:
            found.append((False, text))
    return [(python, code) for python, code in found if code.strip()]
