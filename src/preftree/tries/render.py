"""Messages or plain text to token ids and scored spans, once.

In:  a conversation and which of its assistant messages are scored, or a prompt and its completion as text.
Out: a `TokenSequence`, or `SetAsideError` with a reason in words.
Always true: the tokens of a prompt are the beginning of the tokens of prompt and completion (a template or a
tokenizer that breaks this would score the wrong tokens); a scored span ends where the template ends the turn,
so the end-of-turn tokens are learnt too; nothing is ever cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from preftree.errors import PreftreeError
from preftree.records import Message
from preftree.tries.trie import TokenSequence


class SetAsideError(PreftreeError):
    """This row can't be rendered; the message is the reason, counted and reported by whoever reads rows."""


def render_messages(
    tokenizer: Any, messages: Sequence[Message], *, scored: Sequence[int], max_length: int
) -> TokenSequence:
    """A finished conversation. `scored` are the indices of the assistant messages whose tokens count."""
    turns = [{"role": message.role, "content": message.content} for message in messages]
    whole = _template(tokenizer, turns, open_turn=False)
    spans = []
    for index in scored:
        if messages[index].role != "assistant":
            raise SetAsideError(f"message {index} is scored but was not written by the assistant")
        before = _template(tokenizer, turns[:index], open_turn=True)
        after = _template(tokenizer, turns[: index + 1], open_turn=False)
        if whole[: len(before)] != before or whole[: len(after)] != after or len(after) <= len(before):
            raise SetAsideError("the chat template does not start prompt + completion with the prompt's own tokens")
        spans.append((max(len(before), 1), len(after)))
    return _checked(whole, spans, max_length)


def render_text(tokenizer: Any, prompt: str, completion: str, *, max_length: int) -> TokenSequence:
    """Plain text. The end-of-text token is added to the completion, as TRL does, where it does not stand there."""
    end = tokenizer.eos_token or ""
    if not completion.endswith(end):
        completion += end
    before = list(tokenizer(prompt)["input_ids"]) if prompt else []
    whole = list(tokenizer(prompt + completion)["input_ids"])
    if whole[: len(before)] != before:
        raise SetAsideError("the tokens of prompt + completion do not start with the prompt's own tokens")
    return _checked(whole, [(max(len(before), 1), len(whole))], max_length)


def _template(tokenizer: Any, turns: list[dict[str, str]], *, open_turn: bool) -> list[int]:
    if not turns:
        return []
    ids = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=open_turn, return_dict=False)
    return [int(token) for token in ids]


def _checked(tokens: list[int], spans: list[tuple[int, int]], max_length: int) -> TokenSequence:
    if len(tokens) > max_length:
        raise SetAsideError(f"longer than the limit of {max_length} tokens")
    if not tokens:
        raise SetAsideError("no tokens")
    if any(stop <= start for start, stop in spans):
        raise SetAsideError("nothing to score")
    return TokenSequence(tuple(tokens), tuple(spans))
