"""The instruction of any row, by its form; and when two rows ask the same.

In:  a row's value: a problem, UltraInteract's columns, TRL's, ShareGPT's, UltraChat's, OpenOrca's, plain rows.
Out: what is asked, its task where the row has one, and a key that all rows of one problem share.
Always true: only what a user asks first counts, never an answer, an observation or a critique.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from preftree.problems.questions import normalise_question

# The words around a problem in the published rows (FACTS section 2, "Prompts of training").
_PROMPTS = re.compile(
    r"(?:\s*(?:"
    r"Write Python code to solve the task[:.]|"
    r"Tool available:|\[1\] Python interpreter|"
    r"When you send a message containing Python code to python, it will be executed in a stateful Jupyter notebook "
    r"environment\.|"
    r"Solve the following math problem step-by-step\.|"
    r"Simplify your answer as much as possible\.|"
    r"Present your final answer as \\boxed\{Your Answer\}\."
    r"))+\s*"
)
_CONVERSATIONS = ("trajectory", "prompt", "messages", "conversations", "data")
_PLAIN = ("instruction", "prompt", "question", "problem")
_USERS = {"user", "human"}


@dataclass(frozen=True, slots=True)
class Asked:
    """`key` is common to the rows of one problem; `id` names the row, or its problem, where it has a name."""

    text: str
    task: str
    key: str
    id: str


def asked(value: Any) -> Asked | None:
    """What a row asks; None where no known field holds it."""
    if not isinstance(value, dict):
        return None
    text = _first(value)
    if text is None:
        return None
    bare = _PROMPTS.sub("", text, count=1) if _PROMPTS.match(text) else text
    task, group, name = (value.get(field) for field in ("task", "group", "id"))
    key = group if isinstance(group, str) and group else normalise_question(bare)
    return Asked(bare, task if isinstance(task, str) else "", key, str(name) if name is not None else "")


def _first(value: dict[str, Any]) -> str | None:
    """The first user message, or the plain text."""
    for field in _CONVERSATIONS:
        turns = value.get(field)
        if isinstance(turns, list) and turns:
            for turn in turns:
                if isinstance(turn, str):
                    return turn
                if isinstance(turn, dict) and turn.get("role", turn.get("from")) in _USERS:
                    said = turn.get("content", turn.get("value"))
                    return said if isinstance(said, str) else None
    texts = (value.get(field) for field in _PLAIN)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)
