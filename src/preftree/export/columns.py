"""The columns of rows: as in the published UltraInteract sets, or as TRL reads them.

In:  messages and texts. Out: the part of a row that holds them.
Always true: what was said is the same in both; only the names and the nesting differ.

| rows | UltraInteract | TRL |
|---|---|---|
| SFT, history dropped | instruction, response | messages |
| SFT, history kept | instruction (one text), response | prompt, completion: the last action alone is learnt |
| SFT, whole trajectory | messages | messages |
| pairs | trajectory, chosen, rejected | prompt, chosen, rejected, source |
| unpaired | | prompt, completion, label |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preftree.records import Message

Row = dict[str, Any]


def sft_columns(columns: str, history: str, messages: Sequence[Message], response: str) -> Row:
    """One answer after its messages."""
    if history == "trajectory" or (columns == "trl" and history == "drop"):
        return {"messages": [*_chat(messages), *_answer(response)]}
    if columns == "trl":
        return {"prompt": _chat(messages), "completion": _answer(response)}
    # As a published row of a later turn has it: what was said before, in one text.
    return {"instruction": joined(messages), "response": response}


def pair_columns(columns: str, messages: Sequence[Message], chosen: str, rejected: str) -> Row:
    """Two answers after their messages. `source` tells the trainer that the direct reward loss is theirs."""
    if columns == "trl":
        sides = {"chosen": _answer(chosen), "rejected": _answer(rejected)}
        return {"prompt": _chat(messages), **sides, "source": "tree"}
    trajectory = [{"from": message.role, "value": message.content} for message in messages]
    return {"trajectory": trajectory, "chosen": chosen, "rejected": rejected}


def unpaired_columns(messages: Sequence[Message], response: str, *, label: bool) -> Row:
    """One answer, and whether it is right (KTO)."""
    return {"prompt": _chat(messages), "completion": _answer(response), "label": label}


def joined(messages: Sequence[Message]) -> str:
    """Messages as one text, a line after the other."""
    return "\n".join(message.content for message in messages)


def _chat(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
