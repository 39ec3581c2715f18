"""Prompts are templates in files: the first message of a conversation, by task.

In:  a problem. Out: messages.
The wording of Math_CoT, Math_PoT and Coding is that of UltraInteract's published rows (FACTS: "Prompts of training").
"""

from __future__ import annotations

import functools
from importlib import resources

from preftree.environment.tools import describe
from preftree.records import Message, Problem


def opening(problem: Problem) -> tuple[Message, ...]:
    """The first user message of a problem: its tools, where its task uses any, then what is to be done."""
    text = fill(_template(problem.task.lower()), instruction=problem.instruction)
    if problem.task == "Math_PoT" or (problem.task == "Logic" and problem.tools):
        # Where functions alone are named, the interpreter that calls them goes without saying, as in published rows.
        alone = bool(problem.tools) and "python" not in problem.tools
        head, python = _template("tools").split("\n", 1)
        parts = (head, "" if alone else python, describe(problem.tools, first=1 if alone else 2), text)
        text = "\n".join(part for part in parts if part)
    return (Message("user", text),)


def fill(template: str, **values: str) -> str:
    """Put values into `{name}` marks, in one pass: braces inside a value are left alone."""
    parts: list[str] = []
    rest = template
    while rest:
        name = min((n for n in values if f"{{{n}}}" in rest), key=lambda n: rest.index(f"{{{n}}}"), default=None)
        if name is None:
            parts.append(rest)
            break
        before, _, rest = rest.partition(f"{{{name}}}")
        parts += [before, values[name]]
    return "".join(parts)


@functools.cache
def _template(name: str) -> str:
    return (resources.files("preftree.engine") / "prompts" / f"{name}.txt").read_text("utf-8").rstrip("\n")
