"""The answer that a response's code prints, as each protocol runs code.

In:  a response. Out: the text that is graded, or a grade.
Always true: code runs in the jail, through the journal; what can't be run answers nothing, and only a jail that failed
leaves an answer undecided.

The Eurus protocols: each block runs in a fresh process; a last line without `print(` is wrapped in one, so that a final
assignment is a syntax error; what the last block prints is the answer, "" where it fails; without a block that is
closed the text itself is graded. Blocks marked bash come before those marked python and always fail, since they run as
Python; 2024-09 also runs what stands in <execute> tags, after the others. As blocks share nothing, only the last one is
run. Its 5 seconds are of the processor here, not by the clock, so that a busy machine changes no score; and the order
of answers is kept: the code of 2024-09 takes results as they come, and grades them against other problems'
references, a fault that isn't repeated.

`standard`: the code of a response is one cell of a notebook, as in growing: the value of its last expression, or else
its last line, is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from preftree.engine import settle
from preftree.evaluate.benchmark import Bench, Grade, Item
from preftree.evaluate.grading.tags import between
from preftree.records import Action, Verdict

LIMIT_S = 5.0

_BASH, _PYTHON, _EXECUTE = ("```bash", "```"), ("```python", "```"), ("<execute>", "</execute>")


@dataclass(frozen=True, slots=True)
class Output:
    """What a response answers: `text` is graded; `broken`: the jail failed, so it can't be; `ran`: whether code did."""

    text: str
    ran: bool = True
    broken: bool = False
    why: str = ""


def blocks_of(response: str, protocol: str) -> list[str]:
    """The code blocks in the order in which a Eurus protocol runs them."""
    bash = ["!" + code for code in between(response, *_BASH) if "!" not in code]
    tagged = between(response, *_EXECUTE) if protocol == "eurus-2024-09" else []
    return [*bash, *between(response, *_PYTHON), *tagged]


def wrapped(code: str) -> str:
    """The code as it is run: its last line printed, unless something is printed there."""
    *lines, last = code.strip().split("\n")
    return "\n".join([*lines, last if "print(" in last else f"print({last})"])


async def output_of(bench: Bench, response: str, protocol: str) -> Output:
    """What a Eurus protocol grades of a response."""
    blocks = blocks_of(response.strip(), protocol)
    if not blocks:
        return Output(response.strip(), ran=False)
    observation = await bench.engine.printed(wrapped(blocks[-1]), LIMIT_S)
    if observation.status == "broken":
        return Output("", broken=True, why="the jail failed")
    if observation.status != "ok":
        return Output("", why=observation.status)
    return Output(observation.output.strip(), why="" if observation.output.strip() else "nothing printed")


def failed(output: Output, scores: Mapping[str, float]) -> Grade | None:
    """The grade of an output that answers nothing; None where there is something to compare."""
    if output.broken:
        return Grade(Verdict("undecided", output.why), scores)
    if not output.text:
        return Grade(Verdict("wrong", output.why or "no answer"), scores)
    return None


async def grade_cell(bench: Bench, item: Item, response: str, scores: Mapping[str, float]) -> Grade:
    """By the rule of growing: code is run as a cell, and the problem's own verifier judges its answer."""
    action = await settle(bench.engine, item.problem, Action(response, "", "evaluate", 0), ())
    assert action.verdict is not None
    return Grade(action.verdict, scores)
