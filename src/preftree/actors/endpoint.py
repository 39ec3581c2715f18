"""Any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, a vendor.

In:  requests; a base URL, a model's name, and the name of the environment variable that holds the key.
Out: samples, one HTTP request for each, with the usage that the server reports.
Always true: the key is in the header only, never in a message; a 429 is waited for and is no attempt; time-outs,
resets, garbage and 5xx are tried again with growing pauses; any other refusal is an ActorError with the server's words,
and one of the request's own text (too long, filtered) a RequestRefusedError.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from preftree.actors import ActorSettings, Capabilities, Event, Prices, check
from preftree.errors import ActorError, InputError, RequestRefusedError, UnclearRefusalError
from preftree.records import Request, Sample

_RETRIED = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# A server that answers nothing but 429 for this long is not going to answer.
_LONGEST_LIMIT_S = 1800.0
# Codes of a refusal for what the text says: OpenAI's own, Azure's, and gateways' over them.
_FILTERED = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
# Codes of a refusal for what every request of an actor has.
_SHARED = frozenset({"model_not_found", "unknown_parameter", "unsupported_parameter", "unsupported_value"})
_FINISH: dict[str, Literal["stop", "length", "filtered"]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
}


class EndpointActor:
    """Samples from one model of one server."""

    def __init__(self, settings: ActorSettings) -> None:
        if not settings.base_url.startswith(("http://", "https://")):
            raise InputError(f"actor {settings.name}: base_url is {settings.base_url!r}, expected http(s)://host/v1")
        if settings.attempts < 1 or settings.max_connections < 1 or settings.timeout_s <= 0:
            raise InputError(f"actor {settings.name}: attempts, max_connections and timeout_s must be above 0")
        self.name: str = settings.name
        self.prices: Prices = settings.prices
        self.capabilities = Capabilities(chat=True, raw_text=True, prefill=settings.prefill, logprobs=True)
        self._url = settings.base_url.rstrip("/")
        self._model, self._attempts = settings.model, settings.attempts
        self.identity: str = f"endpoint:{self._url}:{settings.model}"
        self._key = _key(settings)
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx.Timeout(settings.timeout_s, pool=None),
            limits=httpx.Limits(max_connections=settings.max_connections),
        )

    async def sample(self, request: Request) -> tuple[Sample, ...]:
        check(self, request)
        asked = [asyncio.ensure_future(self._one(request, index)) for index in request.samples]
        try:
            return tuple(await asyncio.gather(*asked))
        finally:
            # One refusal is the answer of the whole request: nothing more is paid for.
            for one in asked:
                one.cancel()

    async def score(self, request: Request, continuation: str) -> tuple[float, ...]:
        raise ActorError(f"actor {self.name} is an endpoint and can't score a given text: score with a local model")

    def events(self) -> tuple[Event, ...]:
        return ()

    async def close(self) -> None:
        await self._client.aclose()

    async def _one(self, request: Request, index: int) -> Sample:
        """One sample; tried again as the opening docstring says."""
        path, body = _body(request, index, self._model)
        attempt, limited_s = 0, 0.0
        while True:
            failure = await self._ask(path, body, request, index)
            if isinstance(failure, Sample):
                return failure
            if failure.limited:
                pause_s = failure.after_s if failure.after_s is not None else _pause_s(3)
                limited_s += pause_s
                if limited_s > _LONGEST_LIMIT_S:
                    raise ActorError(f"actor {self.name}: {self._url} has limited requests for {limited_s:.0f} s")
            else:
                attempt += 1
                if attempt == self._attempts:
                    raise ActorError(f"actor {self.name}: {failure.why} ({attempt} attempts)")
                pause_s = failure.after_s if failure.after_s is not None else _pause_s(attempt)
            await asyncio.sleep(pause_s)

    async def _ask(self, path: str, body: dict[str, Any], request: Request, index: int) -> Sample | _Failure:
        """One attempt: a sample, or a failure that may be tried again; ActorError for one that may not."""
        url = self._url + path
        try:
            response = await self._client.post(url, json=body)
        except httpx.TimeoutException:
            return _Failure(f"{url} did not answer in time")
        except httpx.ConnectError as error:
            return _Failure(f"{url} can't be reached: {self._safe(str(error))}")
        except httpx.TransportError as error:
            return _Failure(f"{url} broke off: {self._safe(str(error) or type(error).__name__)}")
        if response.status_code == 429 or response.status_code in _RETRIED:
            why = f"{url} answered {response.status_code}: {self._words(response)}"
            return _Failure(why, limited=response.status_code == 429, after_s=_retry_after_s(response))
        if response.status_code >= 300:
            refused = f"actor {self.name}: {url} answered {response.status_code}: {self._words(response)}"
            raise _refusal(response.status_code, _fault(response))(refused)
        try:
            return _sample(response.json(), request, index)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return _Failure(f"{url} gave an answer that is not of OpenAI's form: {self._words(response)}")

    def _words(self, response: httpx.Response) -> str:
        """What the server said, in short and without the key."""
        fault = _fault(response)
        # Not JSON, or not an object: its text is what there is.
        text = str(fault.get("message", fault)) if fault else response.text
        return " ".join(self._safe(text).split())[:300] or "nothing"

    def _safe(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that may be made again."""

    why: str
    limited: bool = False
    after_s: float | None = None


def _fault(response: httpx.Response) -> dict[str, Any]:
    """The object that says what is wrong (`error` of the body, or the body itself); empty where there is none."""
    try:
        said = response.json()
    except ValueError:
        return {}
    fault = said.get("error", said) if isinstance(said, dict) else {}
    return fault if isinstance(fault, dict) else {"message": fault}


def _refusal(status: int, fault: dict[str, Any]) -> type[ActorError]:
    """Whether a refusal lies in the one request, in what all requests share, or may lie in either.

    Only structured fields are trusted, and few of them: servers say that a prompt is too long each in its own way (by
    a code, a type, a number or words alone), and may say the same of a `max_tokens` that no prompt could have. What
    this leaves open the caller decides by an experiment.
    """
    if status not in (400, 403, 413, 422):
        return ActorError
    marks = {str(mark) for mark in (fault.get("code"), fault.get("type"), _part(fault, "innererror").get("code"))}
    # OpenRouter gives a text that its moderation flagged back beside a 403.
    if marks & _FILTERED or "flagged_input" in _part(fault, "metadata"):
        return RequestRefusedError
    if status == 403 or marks & _SHARED or fault.get("param") == "model":
        return ActorError
    return UnclearRefusalError


def _part(fault: dict[str, Any], name: str) -> dict[str, Any]:
    part = fault.get(name)
    return part if isinstance(part, dict) else {}


def _key(settings: ActorSettings) -> str:
    if not settings.api_key_env:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise InputError(f"actor {settings.name}: the environment variable {settings.api_key_env} holds no key")
    return key


def _pause_s(attempt: int) -> float:
    """Twice as long each time, with a random part, so that many callers do not come back together."""
    longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds of Retry-After; a date there, which few servers send, counts as no number."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


# ---------------------------------------------------------------- the protocol


def _body(request: Request, index: int, model: str) -> tuple[str, dict[str, Any]]:
    """The path and the JSON of one sample's request."""
    body: dict[str, Any] = {
        "model": model,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "seed": _seed(request.seed, index),
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


def _sample(answer: Any, request: Request, index: int) -> Sample:
    """The sample in a server's answer; KeyError and its like if it is not one."""
    choice, usage = answer["choices"][0], answer["usage"]
    chat = request.text is None
    message = choice["message"] if chat else {}
    text = message["content"] if chat else choice["text"]
    finish = _FINISH.get(choice["finish_reason"] or "stop", "stop")
    if text is None:
        # Thought until the limit, or filtered: no text, yet paid for.
        text = ""
    if not isinstance(text, str):
        raise TypeError("the text is no string")
    # Some servers give the prefill back with the answer.
    if request.prefill and text.startswith(request.prefill):
        text = text[len(request.prefill) :]
    return Sample(
        index=index,
        text=text,
        input_tokens=int(usage["prompt_tokens"]),
        output_tokens=int(usage["completion_tokens"]),
        finish_reason=finish,
        cached_tokens=int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0),
        thought=message.get("reasoning_content") or message.get("reasoning") or None,
        logprobs=_logprobs(choice, chat) if request.logprobs else None,
    )


def _logprobs(choice: dict[str, Any], chat: bool) -> tuple[float, ...]:
    if chat:
        return tuple(float(token["logprob"]) for token in choice["logprobs"]["content"])
    return tuple(float(value) for value in choice["logprobs"]["token_logprobs"])
