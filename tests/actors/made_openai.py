"""A real HTTP server in this process that speaks OpenAI's protocol, faults included, and actors of it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from preftree.actors import ActorSettings, endpoint, make_actor
from preftree.actors.clock import Clock
from preftree.records import Message, Request, Sample

CHAT = (Message("system", "be brief"), Message("user", "hello"))
KEY = "sk-very-secret"

Reply = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers by `reply(number, body)`; keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self.reply: Callable[[int, dict[str, Any]], Reply | None] = lambda _, body: good(body)
        self.lock = threading.Lock()

    def handle_error(self, *_: Any) -> None:
        """A client that left before the answer is part of the tests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            number = len(self.server.asked)
            self.server.asked.append((self.path, body, self.headers.get("authorization")))
        reply = self.server.reply(number, body)
        if reply is None:
            self.close_connection = True
            return
        status, headers, content = reply
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in headers:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if "content-length" in headers:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def good(body: dict[str, Any], **choice: Any) -> Reply:
    logprobs: Any = {"content": [{"logprob": -0.5}]} if "messages" in body else {"token_logprobs": [-0.5]}
    text = (
        {"message": {"content": f"answer {body['seed']}"}} if "messages" in body else {"text": f" raw {body['seed']}"}
    )
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}}
    answer = {"choices": [text | {"finish_reason": "stop", "logprobs": logprobs} | choice], "usage": usage}
    return 200, {}, json.dumps(answer).encode()


def bad(status: int, message: str = "no", **headers: str) -> Reply:
    return status, headers, json.dumps({"error": {"message": message}}).encode()


def settings(url: str | tuple[str, ...], **more: Any) -> ActorSettings:
    return ActorSettings(name="far", kind="endpoint", model="big", base_url=url, **more)


def ask(made_settings: ActorSettings, request: Request) -> tuple[Sample, ...]:
    async def one() -> tuple[Sample, ...]:
        actor = make_actor(made_settings)
        try:
            return await actor.sample(request)
        finally:
            await actor.close()

    return asyncio.run(one())


class Hasty(Clock):
    """The machine's clock, on which every wait is over at once."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead

    def later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        def jump() -> None:
            self.ahead += delay_s
            call()

        return super().later(0.0, jump)

    async def sleep(self, delay_s: float) -> None:
        self.ahead += delay_s


def sampled(made_settings: ActorSettings, *requests: Request) -> tuple[list[tuple[Sample, ...]], dict[str, int]]:
    """The samples of requests asked at once, and the counts of all servers together."""

    async def all_of_them() -> tuple[list[tuple[Sample, ...]], dict[str, int]]:
        actor = endpoint.EndpointActor(made_settings, Hasty())
        try:
            samples = await asyncio.gather(*(actor.sample(request) for request in requests))
            counts: Counter[str] = Counter()
            for event in actor.events():
                counts[event.name] += event.count
            return samples, dict(counts)
        finally:
            await actor.close()

    return asyncio.run(all_of_them())


GOOD = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
