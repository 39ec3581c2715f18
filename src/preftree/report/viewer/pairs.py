"""The pair that training sees: both conversations as the template renders them, token by token.

In:  a tokenizer, a tree, which pair. Out: for chosen and rejected the tokens as text, which of them are scored, and
how many both begin with.
Always true: the tokens are those of `tries.render`, which training uses.
"""

from __future__ import annotations

from typing import Any

from preftree.records import Message, Tree
from preftree.report.text import clean
from preftree.tries.render import SetAsideError, render_messages

# A character of several bytes may be cut into so many tokens.
_TOKENS_A_CHARACTER = 8
_MAX_TOKENS = 1 << 20


def pair_json(tokenizer: Any, tree: Tree, turn: int, pair: int) -> dict[str, Any] | None:
    """None if there is no such pair."""
    if not 0 <= turn < len(tree.turns):
        return None
    pairs = tree.pairs(tree.turns[turn])
    if not 0 <= pair < len(pairs):
        return None
    history = tree.history(tree.turns[turn].index)
    conversations = [(*history, Message("assistant", action.text)) for action in pairs[pair]]
    if tokenizer is None:
        sides = [_plain(messages) for messages in conversations]
        return {"tokens": False, "chosen": sides[0], "rejected": sides[1], "shared": len(history)}
    rendered = []
    for messages in conversations:
        try:
            rendered.append(render_messages(tokenizer, messages, scored=(len(messages) - 1,), max_length=_MAX_TOKENS))
        except SetAsideError as reason:
            return {"refused": str(reason)}
    shared = 0
    for ours, theirs in zip(rendered[0].tokens, rendered[1].tokens, strict=False):
        if ours != theirs:
            break
        shared += 1
    sides = [_pieces(tokenizer, sequence.tokens, sequence.spans) for sequence in rendered]
    return {
        "tokens": True,
        "chosen": sides[0],
        "rejected": sides[1],
        "shared": shared,
        "counts": [{"tokens": len(sequence.tokens), "scored": sequence.num_scored} for sequence in rendered],
    }


def _plain(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Without a tokenizer: a piece a message, the last of which is scored."""
    return [
        {"text": f"{message.role}: {clean(message.content)}\n", "scored": place == len(messages) - 1, "tokens": 1}
        for place, message in enumerate(messages)
    ]


def _pieces(tokenizer: Any, tokens: tuple[int, ...], spans: tuple[tuple[int, int], ...]) -> list[dict[str, Any]]:
    """Pieces of text, each one token, or the few that share a character."""
    pieces: list[dict[str, Any]] = []
    place = 0
    while place < len(tokens):
        end = place + 1
        text = _text(tokenizer, tokens, place, end)
        while "\ufffd" in text and end < min(len(tokens), place + _TOKENS_A_CHARACTER):
            end += 1
            text = _text(tokenizer, tokens, place, end)
        scored = any(start <= place < stop for start, stop in spans)
        pieces.append({"text": clean(text), "scored": scored, "tokens": end - place})
        place = end
    return pieces


def _text(tokenizer: Any, tokens: tuple[int, ...], start: int, stop: int) -> str:
    """Some decoders drop a space at the beginning of a text: the token before stands in front."""
    before = list(tokens[max(0, start - 1) : start])
    whole = tokenizer.decode(before + list(tokens[start:stop]), clean_up_tokenization_spaces=False)
    head = tokenizer.decode(before, clean_up_tokenization_spaces=False) if before else ""
    return str(whole[len(head) :] if whole.startswith(head) else tokenizer.decode(list(tokens[start:stop])))
