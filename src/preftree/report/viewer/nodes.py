"""A tree as plain values for the page: each node with its code in coloured pieces, what it saw, what was ruled.

In:  a tree with all its actions and calls. Out: JSON values; every string is text, none is markup.
Always true: correct and incorrect actions come in the order of the tree, so that (turn, side, place) names a node;
actions that were drawn and not chosen stand apart, as "pruned"; a pair is (place of correct, place of incorrect).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preftree.forest.looking import CallCost, SeenTree
from preftree.records import Action, Problem, Turn
from preftree.report.text import clean
from preftree.report.trees import segments
from preftree.report.viewer.judges import pair_places

# Colouring a text of a megabyte takes seconds; nobody reads so long a program.
_MOST_COLOURED = 100_000


def tree_json(seen: SeenTree) -> dict[str, Any]:
    tree = seen.tree
    return {
        "id": tree.id,
        "problem": _problem(tree.problem),
        "prompt": [{"role": message.role, "content": clean(message.content)} for message in tree.prompt],
        "turns": [
            _turn(turn, seen.drawn[place], [call for call in seen.calls if call.turn == turn.index])
            | {"pairs": pair_places(tree, place)}
            for place, turn in enumerate(tree.turns)
        ],
        "spent": _spent(seen.calls),
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "id": clean(problem.id),
        "dataset": clean(problem.dataset),
        "task": problem.task,
        "instruction": clean(problem.instruction),
        "verifier": clean(problem.verifier),
        "tools": [clean(tool) for tool in problem.tools],
        "references": [
            {
                "answer": clean(reference.answer),
                "rationale": clean(reference.rationale or ""),
                "program": code_pieces(reference.program) if reference.program else None,
            }
            for reference in problem.references
        ],
    }


def _turn(turn: Turn, drawn: Sequence[Action], calls: Sequence[CallCost]) -> dict[str, Any]:
    chosen = {_identity(action) for action in (*turn.correct, *turn.incorrect)}
    return {
        "index": turn.index,
        "samples": turn.num_samples,
        "correct": [
            _action(action, calls) | ({"praise": clean(turn.praise[place])} if place < len(turn.praise) else {})
            for place, action in enumerate(turn.correct)
        ],
        "incorrect": [_action(action, calls) for action in turn.incorrect],
        "pruned": [_action(action, calls) for action in drawn if _identity(action) not in chosen],
        "expanded": turn.expanded,
        "critique": clean(turn.critique or ""),
        "reply": clean(turn.reply or ""),
        "leaked": turn.leaked,
        "spent": _spent(calls),
    }


def _identity(action: Action) -> tuple[str, str, int, str]:
    return action.actor, action.stage, action.sample, action.text


def _action(action: Action, calls: Sequence[CallCost]) -> dict[str, Any]:
    observation, verdict = action.observation, action.verdict
    price = [
        call.price_usd
        for call in calls
        if (call.actor, call.stage, call.sample) == (action.actor, action.stage, action.sample)
    ]
    return {
        "parts": [{"code": code_pieces(text)} if kind == "code" else {"text": text} for kind, text in segments(action)],
        "actor": clean(action.actor),
        "stage": clean(action.stage),
        "sample": action.sample,
        "schema": clean(action.schema),
        "thought": clean(action.thought or ""),
        "status": clean(observation.status) if observation and observation.status != "none" else "",
        "output": clean(observation.output.rstrip()) if observation else "",
        "value": clean(observation.value) if observation and observation.value is not None else "",
        "cpu_s": observation.cpu_s if observation else 0.0,
        "tool_calls": [
            {
                "tool": clean(call.tool),
                "arguments": clean(call.arguments),
                "answer": clean(call.answer),
                "error": clean(call.error or ""),
            }
            for call in (observation.tool_calls if observation else ())
        ],
        "outcome": verdict.outcome if verdict else "",
        "why": clean(verdict.why) if verdict else "",
        "answer": clean(verdict.answer) if verdict and verdict.answer is not None else "",
        "input_tokens": action.input_tokens,
        "output_tokens": action.output_tokens,
        "price_usd": sum(price) if price else None,
        "truncated": action.truncated,
    }


def _spent(calls: Sequence[CallCost]) -> dict[str, Any]:
    roles: dict[str, list[CallCost]] = {}
    for call in calls:
        roles.setdefault(f"{call.role}: {call.actor}", []).append(call)
    rows = [
        {
            "who": clean(who),
            "calls": len(mine),
            "input_tokens": sum(call.input_tokens for call in mine),
            "output_tokens": sum(call.output_tokens for call in mine),
            "price_usd": sum(call.price_usd for call in mine),
        }
        for who, mine in sorted(roles.items())
    ]
    return {
        "calls": len(calls),
        "tokens": sum(call.input_tokens + call.output_tokens for call in calls),
        "price_usd": sum(call.price_usd for call in calls),
        "rows": rows,
    }


def code_pieces(code: str) -> list[list[str]]:
    """Python as [class, text] pieces, with Pygments' short classes: the page makes an element of each."""
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped]
    from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

    if len(code) > _MOST_COLOURED:
        return [["", clean(code)]]
    pieces: list[list[str]] = []
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(clean(code)):
        name = STANDARD_TYPES.get(kind) or STANDARD_TYPES.get(kind.parent, "")
        if pieces and pieces[-1][0] == name:
            pieces[-1][1] += text
        else:
            pieces.append([name, text])
    return pieces
