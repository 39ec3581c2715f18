"""OpenAI's protocol: requests into JSON, answers into samples, refusals into errors.

In:  a request and the settings of its actor; the bytes of a reply.
Out: the path and the JSON of each sample; a sample, or the name of what is wrong with an answer.
Always true: nothing here waits, sends or keeps anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from preftree.actors import ActorSettings
from preftree.actors.thoughts import joined, split_thought
from preftree.errors import ActorError, RequestRefusedError, UnclearRefusalError
from preftree.records import Request, Sample

# Codes of a refusal for what the text says: OpenAI's own, Azure's, and gateways' over them.
_FILTERED = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Codes of a refusal for what every request of an actor has.
_SHARED = frozenset({"model_not_found", "unknown_parameter", "unsupported_parameter", "unsupported_value"})
# Codes and types of a prompt that is too long, where a server has one; many say it in words alone.
_LONG = frozenset({"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"})
_FINISH: dict[str, Literal["stop", "length", "filtered"]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
}
# Servers' own prompts and templates apart, four bytes of English make a token.
_BYTES_A_TOKEN = 4
# More tokens than this no answer has: whoever counts them so is wrong, and would end a budget.
_TOKENS_END = 2**31
# What is wrong is said in less, even where the prompt is given back with it.
_FAULT_BYTES = 1 << 20


class FormError(Exception):
    """A reply that is no answer; `name` says in what way."""

    def __init__(self, name: Literal["half answer", "garbage", "no choices", "no usage"]) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a server will not answer. `name` is what it is counted as."""

    name: Literal["filtered", "too long", "refused"]
    error: type[ActorError]


@dataclass(frozen=True, slots=True)
class Asked:
    """One sample's HTTP request. `tokens` is an estimate of what it will use, its longest answer included."""

    path: str
    body: bytes
    tokens: int


def asked(request: Request, settings: ActorSettings) -> Iterator[Asked]:
    """The HTTP requests of a request, one for each sample, in order. The messages are encoded once for all."""
    path, body = _body(request, settings)
    body |= settings.extra_body
    # A null of extra_body takes a field out, for servers that refuse it.
    body = {name: value for name, value in body.items() if value is not None}
    # A lone surrogate has no UTF-8: the escapes of plain ASCII carry it.
    common = json.dumps(body, separators=(",", ":")).encode()
    written = sum(len(message.content) for message in request.messages) + len(request.text or "")
    tokens = written // _BYTES_A_TOKEN + request.max_tokens
    for index in request.samples:
        own = b"" if "seed" in settings.extra_body else b',"seed":%d' % _seed(request.seed, index)
        yield Asked(path, common[:-1] + own + b"}", tokens)


def _body(request: Request, settings: ActorSettings) -> tuple[str, dict[str, Any]]:
    body: dict[str, Any] = {
        "model": settings.model,
        "temperature": request.temperature,
        "top_p": request.top_p,
        settings.max_tokens_field: request.max_tokens,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    if request.text is not None:
        if request.logprobs:
            body["logprobs"] = 1
        return "/completions", body | {"prompt": request.text + request.prefill}
    if request.logprobs:
        body["logprobs"] = True
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.prefill:
        # vLLM goes by the two flags, SGLang by the first, llama.cpp by the last message's role.
        messages.append({"role": "assistant", "content": request.prefill})
        body |= {"continue_final_message": True, "add_generation_prompt": False}
    return "/chat/completions", body | {"messages": messages}


def _seed(seed: int, index: int) -> int:
    """A number that servers take (31 bits), its own for each draw."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{index}".encode()).digest()[:4], "little") >> 1


# ---------------------------------------------------------------- answers


def answered(content: bytes, request: Request, index: int, tags: tuple[str, ...]) -> Sample:
    """The sample in a server's answer; FormError if it is none."""
    try:
        answer = json.loads(content)
    except ValueError as error:
        # What begins as an answer does was cut off on its way; a page of a proxy was never one.
        raise FormError("half answer" if content.lstrip()[:1] == b"{" else "garbage") from error
    except RecursionError as error:
        raise FormError("garbage") from error
    if not isinstance(answer, dict):
        raise FormError("garbage")
    if answer.get("choices") == []:
        raise FormError("no choices")
    if "choices" in answer and not isinstance(answer.get("usage"), dict):
        raise FormError("no usage")
    try:
        return _sample(answer, request, index, tags)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise FormError("garbage") from error


def _sample(answer: dict[str, Any], request: Request, index: int, tags: tuple[str, ...]) -> Sample:
    choice, usage = answer["choices"][0], answer["usage"]
    used, written = _count(usage["prompt_tokens"]), _count(usage["completion_tokens"])
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    chat = request.text is None
    message = choice["message"] if chat else {}
    text = message["content"] if chat else choice["text"]
    finish = _FINISH.get(choice.get("finish_reason") or "stop", "stop")
    if text is None:
        # Thought until the limit, or filtered: no text, yet paid for.
        text = ""
    if not isinstance(text, str):
        raise TypeError("the text is no string")
    # Some servers give the prefill back with the answer.
    if request.prefill and text.startswith(request.prefill):
        text = text[len(request.prefill) :]
    thought = None
    if chat:
        apart = message.get("reasoning_content") or message.get("reasoning")
        if not isinstance(apart, (str, type(None))):
            raise TypeError("the thought is no string")
        tagged, text = split_thought(text, tags)
        thought = joined(apart, tagged)
    return Sample(
        index=index,
        text=text,
        input_tokens=used,
        output_tokens=written,
        finish_reason=finish,
        cached_tokens=0 if cached is None else _count(cached, used),
        thought=thought,
        logprobs=_logprobs(choice, chat) if request.logprobs else None,
    )


def _count(value: Any, most: int = _TOKENS_END - 1) -> int:
    """A number of tokens, from 0 to `most`; budgets and costs rest on it."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("the usage is no number of tokens")
    return value


def _logprobs(choice: dict[str, Any], chat: bool) -> tuple[float, ...]:
    if chat:
        return tuple(float(token["logprob"]) for token in choice["logprobs"]["content"])
    return tuple(float(value) for value in choice["logprobs"]["token_logprobs"])


# ---------------------------------------------------------------- refusals


def fault(content: bytes) -> dict[str, Any]:
    """The object that says what is wrong (`error` of the body, or the body itself); empty where there is none."""
    if len(content) > _FAULT_BYTES:
        return {}
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    found = said.get("error", said) if isinstance(said, dict) else {}
    return found if isinstance(found, dict) else {"message": found}


def refusal(status: int, said: dict[str, Any]) -> Refusal:
    """Whether a refusal lies in the one request, in what all requests share, or may lie in either.

    Only structured fields are trusted, and few of them: servers say that a prompt is too long each in its own way (by
    a code, a type, a number or words alone), and may say the same of a `max_tokens` that no prompt could have. What
    this leaves open the caller decides by an experiment.
    """
    if status not in (400, 403, 413, 422):
        return Refusal("refused", ActorError)
    said_marks = (said.get("code"), said.get("type"), _part(said, "innererror").get("code"))
    marks = {mark for mark in said_marks if isinstance(mark, str)}
    # OpenRouter gives a text that its moderation flagged back beside a 403.
    if marks & _FILTERED or "flagged_input" in _part(said, "metadata"):
        return Refusal("filtered", RequestRefusedError)
    if status == 403 or marks & _SHARED or said.get("param") == "model":
        return Refusal("refused", ActorError)
    return Refusal("too long" if marks & _LONG or status == 413 else "refused", UnclearRefusalError)


def _part(said: dict[str, Any], name: str) -> dict[str, Any]:
    part = said.get(name)
    return part if isinstance(part, dict) else {}
