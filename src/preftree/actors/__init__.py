"""Who writes text: one protocol for models in this process, endpoints, and scripts.

In:  requests (messages or raw text, sampling settings, the indices of the samples wanted).
Out: one sample for each index, in the order of the request, with true token counts.
Always true: what an actor can't do is refused by `check`, in one sentence, before a call is made; every failure
to answer is an ActorError; secrets come from the environment and reach no message.

`ActorSettings` is what a recipe writes; `make_actor` is the one door from settings to an actor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from preftree.actors.thoughts import TAGS
from preftree.errors import ActorError, InputError
from preftree.records import Request, Sample


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an actor can do."""

    chat: bool = True
    raw_text: bool = False
    prefill: bool = False  # of a chat's answer; where raw text can be given, its end may be anything
    logprobs: bool = False
    score: bool = False


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    input_usd: float = 0.0
    cached_input_usd: float = 0.0
    output_usd: float = 0.0

    def cost_usd(self, sample: Sample) -> float:
        """What one sample cost."""
        fresh = sample.input_tokens - sample.cached_tokens
        cost = fresh * self.input_usd + sample.cached_tokens * self.cached_input_usd
        return (cost + sample.output_tokens * self.output_usd) / 1e6


@dataclass(frozen=True, slots=True)
class Event:
    """What happened at one server, and how often: answered, 429, time-out, reset, left alone, …"""

    server: str
    name: str
    count: int


class Actor(Protocol):
    """A model that answers. `identity` says what answers and goes into the hash of a request."""

    name: str
    identity: str
    prices: Prices
    capabilities: Capabilities

    async def sample(self, request: Request) -> tuple[Sample, ...]:
        """One sample for each index in `request.samples`, in that order."""
        ...

    async def score(self, request: Request, continuation: str) -> tuple[float, ...]:
        """Log-probabilities, in nats, of a given continuation's tokens."""
        ...

    async def score_all(self, request: Request, continuations: Sequence[str]) -> tuple[Sample, ...]:
        """The same of several continuations of one prompt, which is read once: a sample each, with its
        log-probabilities. Nothing is written, so all tokens are input; the prompt's are cached but for the first."""
        ...

    def events(self) -> tuple[Event, ...]:
        """What has happened since the actor was made, by server and name; nothing for one that asks no server."""
        return ()

    async def close(self) -> None:
        """Let go of threads and connections."""
        ...


# A setting of how answers are fetched and what they cost, never of what they are: it may change before a run goes on.
_FREE = {"free": True}


@dataclass(frozen=True, slots=True)
class ActorSettings:
    """One actor, as a recipe writes it. Fields marked free may change between the parts of one run."""

    name: str = "embedded"
    """The name shown in trees and tables."""
    kind: Literal["local", "endpoint"] = "local"
    """A model in this process, or any server that speaks OpenAI's protocol."""
    model: str = "embedded"
    """local: `embedded`, a folder or a hub id; endpoint: the model's name there."""
    max_batch: int = field(default=128, metadata=_FREE)
    """local: draws that advance together."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """local: the arithmetic of sampling; auto takes bfloat16 where the machine has instructions for it."""
    base_url: str | tuple[str, ...] = field(default="", metadata=_FREE)
    """endpoint: the address up to and including the version, such as http://host:8000/v1; or a list of addresses
    that serve the same model: they share the load, and stand in for one another."""
    prefill: bool = False
    """endpoint: the server goes on with a given start of the answer (vLLM, SGLang, llama.cpp); else none is sent."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    """endpoint: more fields of each request's JSON; a null takes out one that the server refuses, such as seed."""
    thought_tags: tuple[str, ...] = TAGS
    """Between these an answer's thoughts stand in its text; empty: they are left there."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = field(default="max_tokens", metadata=_FREE)
    """endpoint: what its server calls the limit of an answer's tokens."""
    api_key_env: str = field(default="", metadata=_FREE)
    """endpoint: the environment variable that holds the key; empty for none."""
    timeout_s: float = field(default=300.0, metadata=_FREE)
    """endpoint: seconds for one answer."""
    attempts: int = field(default=8, metadata=_FREE)
    """endpoint: how often one sample is tried; a 429 does not count, nor does what a server that is down fails."""
    patience_s: float = field(default=1800.0, metadata=_FREE)
    """endpoint: how long a call waits while no server answers, be it down or limiting."""
    max_connections: int = field(default=256, metadata=_FREE)
    """endpoint: requests in flight at once, for each address."""
    requests_per_minute: float | None = field(default=None, metadata=_FREE)
    """endpoint: for each address; empty for no limit."""
    tokens_per_minute: float | None = field(default=None, metadata=_FREE)
    """endpoint: input and output together, for each address; empty for no limit."""
    input_usd: float = field(default=0.0, metadata=_FREE)
    """US dollars for a million input tokens."""
    cached_input_usd: float = field(default=0.0, metadata=_FREE)
    """US dollars for a million input tokens that the server had cached."""
    output_usd: float = field(default=0.0, metadata=_FREE)
    """US dollars for a million output tokens."""

    @property
    def prices(self) -> Prices:
        """The three prices together."""
        return Prices(self.input_usd, self.cached_input_usd, self.output_usd)

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, without a slash at the end."""
        listed = (self.base_url,) if isinstance(self.base_url, str) else self.base_url
        return tuple(url.rstrip("/") for url in listed)


def make_actor(settings: ActorSettings) -> Actor:
    """The actor that the settings describe; InputError in one sentence if they can't work."""
    if settings.kind == "endpoint":
        from preftree.actors.endpoint import EndpointActor

        return EndpointActor(settings)
    if settings.kind == "local":
        from preftree.actors.local import LocalActor

        return LocalActor(settings)
    raise InputError(f"actor {settings.name}: kind is {settings.kind!r}, expected local or endpoint")


def check(actor: Actor, request: Request) -> None:
    """Refuse what the request is missing (InputError) or what the actor can't do (ActorError)."""
    _check_request(request)
    can = actor.capabilities
    wants = {
        "chat": (request.text is None, can.chat),
        "raw text": (request.text is not None, can.raw_text),
        "a given start of the answer (prefill)": (bool(request.prefill) and request.text is None, can.prefill),
        "log-probabilities": (request.logprobs, can.logprobs),
    }
    for what, (wanted, able) in wants.items():
        if wanted and not able:
            raise ActorError(f"actor {actor.name} can't do {what}: use another actor, or a request without it")


def _check_request(request: Request) -> None:
    if (request.text is None) == (not request.messages):
        raise InputError("a request holds either messages or text")
    if request.temperature < 0:
        raise InputError(f"temperature is {request.temperature}, expected 0 or more")
    if not 0 < request.top_p <= 1:
        raise InputError(f"top_p is {request.top_p}, expected more than 0 and at most 1")
    if request.max_tokens < 1:
        raise InputError(f"max_tokens is {request.max_tokens}, expected 1 or more")
    if "" in request.stop:
        raise InputError("a stop string is empty")
