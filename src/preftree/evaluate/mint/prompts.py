"""What MINT says to a model: the opening, what came of a step, what an expert is asked.

In:  an item, settings, what came of a step. Out: text, word for word MINT's own (prompts/mint). Pure.
Always true: the tag of code is the settings' wherever the text names one; each observation ends with the steps and
proposals that are left.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from preftree.engine.prompts import fill
from preftree.environment.observe import NOTHING
from preftree.evaluate.benchmark import Item
from preftree.evaluate.items import packaged
from preftree.evaluate.mint.settings import MintSettings
from preftree.records import Message, Observation

WRONG = "Your answer is wrong."
_MAX_CHARS = 2000  # of a program's output
_CUT = "...\n[Output Truncated]"
_SPACED = ('<execute> print("Hello World!") </execute>', "<execute> YOUR_CODE_HERE </execute>")


def opening(item: Item, settings: MintSettings) -> str:
    """The first message: instructions, one example, the task. MINT sends no system message."""
    return fill(
        _text("opening", settings.tag),
        max_total_steps=str(settings.k),
        max_propose_solution=str(settings.proposals),
        tool_desc=_tools(item, settings),
        in_context_example=_example(item, settings.tag, settings.with_feedback),
        task_prompt="Task:\n" + item.problem.instruction,
    )


def invalid(settings: MintSettings) -> str:
    """What an action that is neither code nor a solution is told."""
    return _text("invalid", settings.tag)


def printed(observation: Observation, number: int) -> str:
    """What a program's run shows: its output in the form of IPython's cell `number`, the first 2,000 characters."""
    text = observation.output
    if observation.value is not None:
        mark = f"Out: {observation.value[:40]}"
        before, found, after = text.rpartition(mark)
        if found:
            text = f"{before}Out[{number}]: {mark.removeprefix('Out: ')}{after}"
    text = text or NOTHING
    return (text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS] + _CUT).strip()


def told(said: str, steps_left: int, proposals_left: int, feedback: str = "") -> str:
    """The next user message."""
    left = f"You have {steps_left} steps left and {proposals_left} chances to propose solution left.\n"
    last = "You should take the last step to propose a solution.\n" if steps_left <= 1 else ""
    return f"Observation:\n{said}\n{left}{last}" + (f"\nExpert feedback:\n{feedback}\n" if feedback else "")


def expert(item: Item, settings: MintSettings, messages: Sequence[Message], observation: str) -> str:
    """What the expert is asked: the conversation from the task on, the last observation, the reference or none."""
    task = messages[0].content.split("\n---\n", 2)[2].lstrip("\n")
    # MINT joins the parts so, each of which ends in a line's end.
    trajectory = "\n".join([task + "\n" + "\n".join(message.content for message in messages[1:]), observation])
    reference: Any = item.data["reference"]
    shown = str(reference).strip() if settings.feedback.endswith("-gt") and reference else "NOT GIVEN"
    return fill(
        _text("feedback", settings.tag),
        in_context_example=_example(item, settings.tag, with_feedback=True),
        tool_desc=_tools(item, settings),
        trajectory=trajectory,
        correct_solution=(
            f"Correct solution (please DO NOT disclose the correct solution to the assistant): {shown}\n"
        ),
    )


def _tools(item: Item, settings: MintSettings) -> str:
    return "" if item.problem.tests is not None else _text("tools", settings.tag)


def _example(item: Item, tag: str, with_feedback: bool) -> str:
    task = item.labels["task"] if item.problem.tests is not None else "reasoning"
    return _text(f"example_{task}{'_feedback' if with_feedback else ''}", tag)


@functools.cache
def _text(name: str, tag: str) -> str:
    text = packaged(f"prompts/mint/{name}.txt")
    if tag == "execute":
        return text
    # As MINT's fenced form has it: code of one line on a line of its own, but in the example of reasoning.
    for spaced in _SPACED:
        text = text.replace(spaced, spaced.replace("<execute> ", "<execute>\n").replace(" </execute>", "\n</execute>"))
    return text.replace("<execute>", "```python").replace("</execute>", "```")
