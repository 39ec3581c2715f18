"""The task prompts that stand before the problem in UltraInteract's rows (FACTS section 2, "Prompts of training").

In:  the first message of a row. Out: the problem itself; the tools that the prompt lists.
Always true: only lines from the start of the text are taken away.
"""

from __future__ import annotations

import re

# Line by line, and whatever tools they list.
_TASK_LINES = re.compile(
    r"(?:write python code to solve the task[.:]?|solve the following (?:math )?problem step-by-step[.:]?|"
    r"simplify your answer as much as possible\.|"
    r"(?:(?:simplify your answer as much as possible|solve the following problem step-by-step)\. )?"
    r"present your final answer as \\boxed\{your answer\}\.|tools? available:|\[\d+\] .*|"
    r"when you send a message containing python code to python, .*|"
    r"the wikipedia search tool provides access to .*|can query specific keywords or topics to .*)\s*",
    re.IGNORECASE,
)
_TOOL = re.compile(r"^\[\d+\] (?:(python) interpreter|(\w+)\()", re.IGNORECASE | re.MULTILINE)


def without_task_lines(prompt: str) -> str:
    """The problem alone; empty where there are nothing but task lines."""
    lines = prompt.strip().splitlines()
    while lines and (not lines[0].strip() or _TASK_LINES.fullmatch(lines[0].strip())):
        lines.pop(0)
    return "\n".join(lines)


def listed_tools(prompt: str) -> tuple[str, ...]:
    """Names of the tools under "Tool available:", in their order."""
    return tuple((python or name).lower() for python, name in _TOOL.findall(prompt))
