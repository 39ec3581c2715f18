"""A tree as plain nested values for the page: what stands in each box, in the order in which it is drawn.

In:  a Tree. Out: dicts of strings, booleans and highlighted code (the only markup, made by Pygments, which escapes).
Always true: the expanded action is drawn last in its turn, so that the next turn hangs below it.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from preftree.engine.turn import code_blocks
from preftree.records import Action, Tree, Turn
from preftree.report.text import clean, turns

# So many actions of either kind are drawn in a turn; the rest are counted.
SHOWN = 2


def tree_view(tree: Tree) -> dict[str, Any]:
    return {
        "id": clean(tree.id),
        "dataset": clean(tree.problem.dataset),
        "task": clean(tree.problem.task),
        "instruction": clean(tree.problem.instruction),
        "answer": clean(tree.problem.answer) if tree.problem.references else "",
        "depth": turns(tree.depth),
        "turns": [_turn_view(turn) for turn in tree.turns],
    }


def shown_actions(turn: Turn) -> list[tuple[Action, bool, bool]]:
    """(action, correct, expanded) of a turn as drawn: correct ones, incorrect ones, the expanded one last."""
    wrong = [action for i, action in enumerate(turn.incorrect) if i != turn.expanded]
    expanded = [] if turn.expanded is None else [turn.incorrect[turn.expanded]]
    drawn = [(action, True, False) for action in turn.correct[:SHOWN]]
    drawn += [(action, False, False) for action in wrong[: SHOWN - len(expanded)]]
    return drawn + [(action, False, True) for action in expanded]


def left_out(turn: Turn) -> int:
    return len(turn.correct) + len(turn.incorrect) - len(shown_actions(turn))


def segments(action: Action) -> list[tuple[str, str]]:
    """An action's text as ("text" | "code", content) in order; code that the text does not show comes last."""
    parts: list[tuple[str, str]] = []
    end = 0
    for begin, after, code in code_blocks(action.text):
        parts += [("text", action.text[end:begin].strip()), ("code", code.rstrip("\n"))]
        end = after
    parts.append(("text", action.text[end:].strip()))
    if action.code and not any(kind == "code" for kind, _ in parts):
        parts.append(("code", action.code))
    return [(kind, clean(content)) for kind, content in parts if content.strip()]


def _turn_view(turn: Turn) -> dict[str, Any]:
    return {
        "number": turn.index + 1,
        "num_samples": turn.num_samples,
        "actions": [_action_view(*drawn) for drawn in shown_actions(turn)],
        "left_out": left_out(turn),
        "critique": clean(turn.critique or ""),
        "reply": clean(turn.reply or ""),
        "leaked": turn.leaked,
    }


def _action_view(action: Action, correct: bool, expanded: bool) -> dict[str, Any]:
    observation, verdict = action.observation, action.verdict
    return {
        "correct": correct,
        "expanded": expanded,
        "actor": clean(action.actor),
        "stage": clean(action.stage),
        "parts": [(kind, highlight(text) if kind == "code" else text) for kind, text in segments(action)],
        "status": clean(observation.status) if observation and observation.status != "none" else "",
        "output": clean(observation.output.rstrip()) if observation else "",
        "answer": clean(verdict.answer) if verdict and verdict.answer is not None else "",
        "outcome": verdict.outcome if verdict else "",
        "why": clean(verdict.why) if verdict else "",
        "truncated": action.truncated,
    }


def highlight(code: str) -> Markup:
    """Python as escaped text in spans with Pygments' short classes; the page's style sheet has their colours."""
    from pygments import highlight as run  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

    return Markup(run(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)))
