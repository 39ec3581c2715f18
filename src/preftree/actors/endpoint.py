"""Any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, a vendor; one, or several that share the load.

In:  requests; base URLs, a model's name, and the name of the environment variable that holds the key.
Out: samples, one HTTP request for each, with the usage that the server reports; counts of what happened.
Always true: the key is in the header only, never in a message or an address; a 429 is waited for and is no attempt;
time-outs, resets, garbage and 5xx are tried again with growing pauses, `_LONGEST_PAUSE_S` at most whatever the server
asks for; any other refusal is an ActorError with the server's words (what can be printed of them), and one of the
request's own text (too long, filtered) a RequestRefusedError.

An actor is known by its model and by what changes answers, not by its addresses: a server may be added, moved or taken
away while a journal goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from preftree.actors import ActorSettings, Capabilities, Event, Prices, check
from preftree.actors.clock import Clock
from preftree.actors.limits import Bucket, asked_pause_s
from preftree.actors.protocol import Asked, FormError, answered, asked, fault, refusal
from preftree.actors.servers import Server, Servers, pause_s
from preftree.actors.thoughts import check_tags
from preftree.actors.web import Reply, Web, WebFault
from preftree.errors import ActorError, InputError
from preftree.records import Request, Sample, digest

_RETRIED = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
# Faults of a server that is away or overloaded, whatever it is asked. Others may lie in the request.
_DOWN = frozenset({"unreachable", "time-out", "reset", "502", "503", "504", "529"})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# Of what a server says: characters that are shown, and bytes and characters that are looked at for them.
_SHOWN, _LOOKED_AT = 300, 1 << 14


class EndpointActor:
    """Samples from one model, served at one address or several."""

    def __init__(self, settings: ActorSettings, clock: Clock | None = None) -> None:
        _check_settings(settings)
        self.name: str = settings.name
        self.prices: Prices = settings.prices
        self.capabilities = Capabilities(chat=True, raw_text=True, prefill=settings.prefill, logprobs=True)
        deciding = [settings.prefill, settings.extra_body, settings.thought_tags]
        self.identity: str = f"endpoint:{settings.model}:{digest(deciding)[:16]}"
        self._settings = settings
        self._key = _key(settings)
        self._clock = clock or Clock()
        self._servers = Servers(
            [_server(url, self._key, settings, self._clock) for url in settings.urls], self._clock, settings.patience_s
        )

    async def sample(self, request: Request) -> tuple[Sample, ...]:
        check(self, request)
        wanted = list(zip(request.samples, asked(request, self._settings), strict=True))
        if len(wanted) == 1:
            return (await self._one(request, *wanted[0]),)
        under_way = [asyncio.ensure_future(self._one(request, index, body)) for index, body in wanted]
        try:
            return tuple(await asyncio.gather(*under_way))
        finally:
            # One refusal is the answer of the whole request: nothing more is paid for.
            for one in under_way:
                one.cancel()

    async def score(self, request: Request, continuation: str) -> tuple[float, ...]:
        raise ActorError(f"actor {self.name} is an endpoint and can't score a given text: score with a local model")

    async def score_all(self, request: Request, continuations: Sequence[str]) -> tuple[Sample, ...]:
        raise ActorError(f"actor {self.name} is an endpoint and can't score a given text: score with a local model")

    def events(self) -> tuple[Event, ...]:
        return tuple(
            Event(server.url, name, count)
            for server in self._servers.all
            for name, count in sorted(server.events.items())
        )

    async def close(self) -> None:
        for server in self._servers.all:
            await server.web.close()

    # ------------------------------------------------------------ one sample

    async def _one(self, request: Request, index: int, body: Asked) -> Sample:
        """One sample; tried again as the opening docstring says."""
        call = self._servers.call(body.tokens)
        attempt = 0
        while True:
            try:
                sending = await self._servers.take(call)
            except TimeoutError as silence:
                raise ActorError(f"actor {self.name}: {silence}") from silence
            try:
                came = await self._ask(sending.server, request, index, body)
            except BaseException:
                self._servers.dropped(sending)
                raise
            if isinstance(came, Sample):
                self._servers.answered(sending, came.input_tokens + came.output_tokens)
                return came
            if isinstance(came, ActorError):
                self._servers.answered(sending, None)
                raise came
            if came.limited:
                self._servers.limited(sending, came.why, came.after_s)
                continue
            self._servers.failed(sending, came.why)
            call.avoid = sending.server
            if came.name in _DOWN and sending.server.down and self._servers.answered_at is not None:
                # A model that has answered will do so again: that it is away is nobody's attempt.
                continue
            attempt += 1
            if attempt == self._settings.attempts:
                raise ActorError(f"actor {self.name}: {came.why} ({attempt} attempts)")
            pause = pause_s(attempt, _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            if came.after_s and not self._servers.others_open(sending.server):
                # What one server asks for does not keep the call from another.
                pause = min(came.after_s, _LONGEST_PAUSE_S)
            await self._clock.sleep(pause)

    async def _ask(self, server: Server, request: Request, index: int, body: Asked) -> Sample | _Failure | ActorError:
        """One attempt: a sample, a failure that may be tried again, or the error for one that may not."""
        url = server.url + body.path
        try:
            reply = await server.web.post(body.path, body.body)
        except WebFault as broken:
            server.events[broken.name] += 1
            return _Failure(broken.name, f"{url} {self._safe(broken.why)}")
        status = reply.status
        if status == 429 or status in _RETRIED:
            server.events[str(status)] += 1
            why = f"{url} answered {status}: {self._words(reply)}"
            return _Failure(str(status), why, status == 429, asked_pause_s(reply.headers, self._clock.date()))
        if status >= 300:
            refused = refusal(status, fault(reply.content))
            server.events[refused.name] += 1
            return refused.error(f"actor {self.name}: {url} answered {status}: {self._words(reply)}")
        try:
            sample = answered(reply.content, request, index, self._settings.thought_tags)
        except FormError as wrong:
            server.events[wrong.name] += 1
            return _Failure(
                wrong.name, f"{url} gave an answer that is not of OpenAI's form ({wrong.name}): {self._words(reply)}"
            )
        server.events["filtered" if sample.finish_reason == "filtered" else "answered"] += 1
        return sample

    def _words(self, reply: Reply) -> str:
        """What the server said, in short and without the key."""
        said = fault(reply.content)
        # Not JSON, or not an object: its text is what there is.
        text = ""
        if said:
            with contextlib.suppress(RecursionError):
                text = str(said.get("message", said))
        return self._safe(text or reply.content[:_LOOKED_AT].decode("utf-8", "replace")) or "nothing"

    def _safe(self, text: str) -> str:
        """Without the key and what a terminal would obey, on one line."""
        if self._key:
            text = text.replace(self._key, "***")
        shown = (char if char.isprintable() and char != "\ufffd" else " " for char in text[:_LOOKED_AT])
        return " ".join("".join(shown).split())[:_SHOWN]


@dataclass(frozen=True, slots=True)
class _Failure:
    """An attempt that may be made again. `limited`: the server was not at fault, it wants a pause."""

    name: str
    why: str
    limited: bool = False
    after_s: float | None = None


# ---------------------------------------------------------------- settings


def _check_settings(settings: ActorSettings) -> None:
    name, urls = settings.name, settings.urls
    if any("@" in url or "?" in url for url in urls):
        # Addresses stand in messages, counts and logs: this one must not stand in its own.
        raise InputError(f"actor {name}: base_url holds a password or a query; name a variable in api_key_env instead")
    if not urls or not all(url.startswith(("http://", "https://")) for url in urls):
        raise InputError(f"actor {name}: base_url is {settings.base_url!r}, expected http(s)://host/v1")
    if len(set(urls)) < len(urls):
        raise InputError(f"actor {name}: base_url holds an address twice")
    for field in ("attempts", "max_connections", "timeout_s", "patience_s", "requests_per_minute", "tokens_per_minute"):
        value = getattr(settings, field)
        # None is no limit, which two of them may be.
        if value is not None and not value > 0:
            raise InputError(f"actor {name}: {field} is {value}, expected more than 0")
    check_tags(name, settings.thought_tags)
    taken = {"model", "messages", "prompt", "stream", "n"} & set(settings.extra_body)
    if taken:
        raise InputError(f"actor {name}: extra_body holds {min(taken)}, which is not for it to set")


def _server(url: str, key: str, settings: ActorSettings, clock: Clock) -> Server:
    now, requests, tokens = clock.now(), settings.requests_per_minute, settings.tokens_per_minute
    return Server(
        url,
        Web(url, key, timeout_s=settings.timeout_s),
        settings.max_connections,
        None if requests is None else Bucket(requests, now),
        None if tokens is None else Bucket(tokens, now),
    )


def _key(settings: ActorSettings) -> str:
    if not settings.api_key_env:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise InputError(f"actor {settings.name}: the environment variable {settings.api_key_env} holds no key")
    if not key.isprintable():
        raise InputError(
            f"actor {settings.name}: the key in the environment variable {settings.api_key_env} holds a line end or"
            " another character that can't be printed"
        )
    return key
