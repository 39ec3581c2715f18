"""Messages or plain text to token ids and scored spans, once.

In:  conversations and which of their assistant messages are scored, or prompts and their completions as text.
Out: a `TokenSequence` each, or a `SetAsideError` with a reason in words.
Always true: the tokens of a prompt are the beginning of the tokens of prompt and completion (a template or a
tokenizer that breaks this would score the wrong tokens); a scored span ends where the template ends the turn,
so the end-of-turn tokens are learnt too; nothing is ever cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from preftree.errors import InputError, PreftreeError
from preftree.records import Message
from preftree.tries.segments import Segments
from preftree.tries.trie import TokenSequence


class SetAsideError(PreftreeError):
    """This row can't be rendered; the message is the reason, counted and reported by whoever reads rows."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A finished conversation. `scored` are the indices of the assistant messages whose tokens count."""

    messages: tuple[Message, ...]
    scored: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """A prompt and its completion without a chat template.

    The end-of-text token is added to the completion, as TRL does, where it does not stand there.
    """

    prompt: str
    completion: str


def render_messages(
    tokenizer: Any, messages: Sequence[Message], *, scored: Sequence[int], max_length: int
) -> TokenSequence:
    """One conversation. Raises SetAsideError."""
    return _one(tokenizer, Chat(tuple(messages), tuple(scored)), max_length)


def render_text(tokenizer: Any, prompt: str, completion: str, *, max_length: int) -> TokenSequence:
    """One text. Raises SetAsideError."""
    return _one(tokenizer, Plain(prompt, completion), max_length)


def _one(tokenizer: Any, item: Chat | Plain, max_length: int) -> TokenSequence:
    (found,) = render_all(tokenizer, [item], max_length=max_length)
    if isinstance(found, SetAsideError):
        raise found
    return found


def render_all(
    tokenizer: Any, items: Sequence[Chat | Plain], *, max_length: int, segments: Segments | None = None
) -> list[TokenSequence | SetAsideError]:
    """All of them; what several share (a prompt and its answers, a history) is rendered and tokenised once.

    Who calls it often makes the tokenizer's `segments` once.
    """
    texts = _Texts(tokenizer, segments or Segments(tokenizer))
    plans = [texts.plan_chat(item) if isinstance(item, Chat) else texts.plan_plain(item) for item in items]
    ids = texts.tokenise()
    return [plan if isinstance(plan, SetAsideError) else _sequence(plan, ids, max_length) for plan in plans]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Numbers of texts: the whole, and for each scored span what stands before it and what ends with it."""

    whole: int
    spans: tuple[tuple[int, int], ...]
    blame: str


class _Texts:
    """Distinct texts, by number. Chats come with their special tokens in the text, plain text without."""

    def __init__(self, tokenizer: Any, segments: Segments) -> None:
        self._tokenizer, self._segments = tokenizer, segments
        self._numbers: dict[tuple[str, bool], int] = {}
        self._rendered: dict[tuple[tuple[Message, ...], bool], int] = {}

    def plan_chat(self, chat: Chat) -> _Plan | SetAsideError:
        blame = "the chat template does not start prompt + completion with the prompt's own tokens"
        try:
            spans = []
            for index in chat.scored:
                if chat.messages[index].role != "assistant":
                    return SetAsideError(f"message {index} is scored but was not written by the assistant")
                before = self._chat(chat.messages[:index], open_turn=True)
                spans.append((before, self._chat(chat.messages[: index + 1], open_turn=False)))
            return _Plan(self._chat(chat.messages, open_turn=False), tuple(spans), blame)
        except TemplateError as fault:
            return SetAsideError(f"the chat template refuses it: {fault}")

    def plan_plain(self, text: Plain) -> _Plan:
        end = self._tokenizer.eos_token or ""
        whole = text.prompt + text.completion
        if not whole.endswith(end):
            whole += end
        number = self._number(whole, special=True)
        before = self._number(text.prompt, special=True) if text.prompt else -1
        blame = "the tokens of prompt + completion do not start with the prompt's own tokens"
        return _Plan(number, ((before, number),), blame)

    def _chat(self, messages: tuple[Message, ...], *, open_turn: bool) -> int:
        if not messages:
            return -1
        key = (messages, open_turn)
        if key not in self._rendered:
            turns = [{"role": message.role, "content": message.content} for message in messages]
            text = self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=open_turn)
            self._rendered[key] = self._number(text, special=False)
        return self._rendered[key]

    def _number(self, text: str, *, special: bool) -> int:
        return self._numbers.setdefault((text, special), len(self._numbers))

    def tokenise(self) -> list[list[int]]:
        """Token ids of each text, by number; a last, empty list stands for -1."""
        ids: list[list[int]] = [[] for _ in range(len(self._numbers) + 1)]
        for special in (False, True):
            wanted = [(text, number) for (text, marked), number in self._numbers.items() if marked is special]
            if not wanted:
                continue
            texts = [text for text, _ in wanted]
            found = self._tokenizer(texts)["input_ids"] if special else self._segments.tokenise(texts)
            for (_, number), tokens in zip(wanted, found, strict=True):
                ids[number] = tokens
        return ids


def _sequence(plan: _Plan, ids: list[list[int]], max_length: int) -> TokenSequence | SetAsideError:
    whole = ids[plan.whole]
    if len(whole) > max_length:
        return SetAsideError(f"longer than the limit of {max_length} tokens")
    if not whole:
        return SetAsideError("no tokens")
    spans = []
    for before, after in plan.spans:
        start, stop = len(ids[before]), len(ids[after])
        if whole[:start] != ids[before] or whole[:stop] != ids[after]:
            return SetAsideError(plan.blame)
        if stop <= max(start, 1):
            return SetAsideError("nothing to score")
        spans.append((max(start, 1), stop))
    return TokenSequence(tuple(whole), tuple(spans))


def check_template(tokenizer: Any, where: str) -> None:
    """Refuse conversations where the tokenizer has no chat template: all rows would be set aside for it."""
    if tokenizer.chat_template is None:
        raise InputError(
            f"{where}: its tokenizer has no chat template, which conversations need; name one "
            "(template=mistral-instruct, template=chatml or a .jinja file)"
        )
