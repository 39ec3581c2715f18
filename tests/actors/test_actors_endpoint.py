"""The endpoint actor against a real HTTP server in this process that speaks OpenAI's protocol, faults included."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from preftree.actors import ActorSettings, Event, Prices, check, endpoint, make_actor
from preftree.actors.clock import Clock
from preftree.actors.protocol import FormError, answered
from preftree.errors import ActorError, InputError, RequestRefusedError, UnclearRefusalError
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


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "_FIRST_PAUSE_S", 0.01)


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


def test_one_request_a_sample_each_with_its_seed(server: Server) -> None:
    request = Request(CHAT, samples=(3, 0, 1), stop=("END",), temperature=0.5, top_p=0.9, max_tokens=7, logprobs=True)
    samples = ask(settings(server.url), request)
    assert [sample.index for sample in samples] == [3, 0, 1]
    assert len({sample.text for sample in samples}) == 3
    assert (samples[0].input_tokens, samples[0].output_tokens, samples[0].cached_tokens) == (10, 3, 8)
    assert samples[0].logprobs == (-0.5,)
    path, body, _ = server.asked[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    sent = {name: body[name] for name in ("model", "temperature", "top_p", "max_tokens", "stop", "logprobs")}
    assert sent == {
        "model": "big",
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["END"],
        "logprobs": True,
    }
    assert {sample.text for sample in ask(settings(server.url), request)} == {sample.text for sample in samples}


def test_raw_text_goes_to_completions(server: Server) -> None:
    (sample,) = ask(settings(server.url), Request(text="once", prefill=" upon"))
    path, body, _ = server.asked[0]
    assert (path, body["prompt"]) == ("/v1/completions", "once upon")
    assert sample.text.startswith(" raw")


def test_a_prefill_that_comes_back_is_cut_off(server: Server) -> None:
    server.reply = lambda _, body: good(body, message={"content": "Step 1: add"})
    (sample,) = ask(settings(server.url, prefill=True), Request(CHAT, prefill="Step 1:"))
    assert sample.text == " add"
    assert server.asked[0][1]["messages"][-1] == {"role": "assistant", "content": "Step 1:"}
    assert server.asked[0][1]["continue_final_message"] is True
    assert server.asked[0][1]["add_generation_prompt"] is False


def test_a_prefill_is_refused_unless_the_endpoint_is_said_to_take_one(server: Server) -> None:
    with pytest.raises(ActorError, match=r"far can't do a given start of the answer \(prefill\)"):
        ask(settings(server.url), Request(CHAT, prefill="Step 1:"))
    assert server.asked == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param({"finish_reason": "length"}, ("length", None), id="length"),
        pytest.param(
            {"finish_reason": "content_filter", "message": {"content": None}}, ("filtered", None), id="filter"
        ),
        pytest.param({"message": {"content": "a", "reasoning_content": "hm"}}, ("stop", "hm"), id="thought"),
    ],
)
def test_what_a_choice_says(server: Server, choice: dict[str, Any], expected: tuple[str, str | None]) -> None:
    server.reply = lambda _, body: good(body, **choice)
    (sample,) = ask(settings(server.url), Request(CHAT))
    assert (sample.finish_reason, sample.thought) == expected


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(bad(500), id="500"),
        pytest.param(bad(503), id="503"),
        pytest.param(None, id="reset"),
        pytest.param((200, {}, b"<html>"), id="garbage"),
        pytest.param((200, {}, b'{"choices": []}'), id="no-choice"),
        pytest.param((200, {}, b"[1]"), id="a-list"),
        pytest.param((502, {}, b"bad gateway"), id="502-without-json"),
    ],
)
def test_passing_faults_are_tried_again(server: Server, fault: Reply | None) -> None:
    server.reply = lambda number, body: fault if number < 2 else good(body)
    assert len(ask(settings(server.url, attempts=3), Request(CHAT))) == 1
    assert len(server.asked) == 3


def test_attempts_end(server: Server) -> None:
    server.reply = lambda *_: bad(503, "overloaded")
    with pytest.raises(ActorError, match=r"far: http://.*/chat/completions answered 503: overloaded \(3 attempts\)"):
        ask(settings(server.url, attempts=3), Request(CHAT))
    assert len(server.asked) == 3


def test_a_limit_is_waited_for_and_is_no_attempt(server: Server) -> None:
    server.reply = lambda number, body: bad(429, **{"Retry-After": "0.02"}) if number < 6 else good(body)
    assert len(ask(settings(server.url, attempts=1), Request(CHAT))) == 1
    assert len(server.asked) == 7


def test_a_slow_server_is_a_failed_attempt(server: Server) -> None:
    done = threading.Event()

    def slow(number: int, body: dict[str, Any]) -> Reply:
        if number == 0:
            done.wait(5)
        return good(body)

    server.reply = slow
    assert len(ask(settings(server.url, timeout_s=0.2, attempts=2), Request(CHAT))) == 1
    done.set()
    assert len(server.asked) == 2


def test_a_refusal_gives_the_servers_words_without_the_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAR_KEY", KEY)
    server.reply = lambda *_: bad(401, f"the key {KEY} is not known")
    with pytest.raises(ActorError, match=r"answered 401: the key \*\*\* is not known") as caught:
        ask(settings(server.url, api_key_env="FAR_KEY"), Request(CHAT, samples=(0,)))
    assert KEY not in str(caught.value)
    assert [asked[2] for asked in server.asked] == [f"Bearer {KEY}"]


LONG = "This model's maximum context length is 512 tokens."


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        # What servers say, each in its own way, of a prompt that is too long …
        pytest.param(
            400,
            {"error": {"message": LONG, "param": "messages", "code": "context_length_exceeded"}},
            UnclearRefusalError,
            id="openai-long",
        ),
        pytest.param(
            400,
            {"object": "error", "message": LONG, "type": "BadRequestError", "param": None, "code": 400},
            UnclearRefusalError,
            id="vllm-long",
        ),
        pytest.param(
            400,
            {"error": {"code": 400, "message": LONG, "type": "exceed_context_size_error", "n_ctx": 512}},
            UnclearRefusalError,
            id="llama.cpp-long",
        ),
        pytest.param(422, {"error": LONG, "error_type": "validation"}, UnclearRefusalError, id="tgi-long"),
        pytest.param(413, b"<html>too large</html>", UnclearRefusalError, id="a-proxy"),
        # … and of a field that they do not know.
        pytest.param(
            422, {"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}, UnclearRefusalError, id="fastapi-field"
        ),
        pytest.param(400, {"error": {"message": "no", "code": ["odd"]}}, UnclearRefusalError, id="odd-code"),
        pytest.param(400, [], UnclearRefusalError, id="a-list"),
        pytest.param(
            400,
            {"error": {"message": "filtered", "param": "prompt", "code": "content_filter"}},
            RequestRefusedError,
            id="azure-filter",
        ),
        pytest.param(
            400,
            {"error": {"message": "filtered", "code": "400", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            RequestRefusedError,
            id="azure-inner",
        ),
        pytest.param(
            403,
            {"error": {"code": 403, "message": "flagged", "metadata": {"reasons": ["x"], "flagged_input": "y"}}},
            RequestRefusedError,
            id="openrouter-flagged",
        ),
        pytest.param(403, {"error": {"code": 403, "message": "no access"}}, ActorError, id="no-access"),
        pytest.param(401, {"error": {"message": "no key", "code": "invalid_api_key"}}, ActorError, id="no-key"),
        pytest.param(402, {"error": {"message": "no credit"}}, ActorError, id="no-credit"),
        pytest.param(404, {"error": {"message": "no model", "code": "model_not_found"}}, ActorError, id="no-model"),
        pytest.param(400, {"error": {"message": "no model", "param": "model"}}, ActorError, id="no-model-400"),
        pytest.param(
            400,
            {"error": {"message": "use another", "param": "max_tokens", "code": "unsupported_parameter"}},
            ActorError,
            id="openai-parameter",
        ),
    ],
)
def test_a_refusal_is_the_requests_own_shared_or_unclear(
    server: Server, status: int, body: Any, error: type[ActorError]
) -> None:
    server.reply = lambda *_: (status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    with pytest.raises(ActorError, match=f"far: http://.*/chat/completions answered {status}: ") as caught:
        ask(settings(server.url), Request(CHAT))
    assert type(caught.value) is error
    assert len(server.asked) == 1


def test_an_unreachable_endpoint_is_one_sentence() -> None:
    with pytest.raises(ActorError, match=r"far: http://127.0.0.1:9/v1/chat/completions can't be reached.*2 attempts"):
        ask(settings("http://127.0.0.1:9/v1", attempts=2), Request(CHAT))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"base_url": "localhost:8000"}, "base_url", id="no-scheme"),
        pytest.param({"api_key_env": "NO_SUCH_KEY_HERE"}, "NO_SUCH_KEY_HERE holds no key", id="no-key"),
        pytest.param({"attempts": 0}, "attempts", id="no-attempts"),
        pytest.param({"kind": "oracle"}, "expected local or endpoint", id="kind"),
    ],
)
def test_wrong_settings_are_one_sentence(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_actor(ActorSettings(**({"name": "far", "kind": "endpoint", "base_url": "http://x/v1"} | more)))


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        pytest.param(Request(), InputError, "either messages or text", id="empty"),
        pytest.param(Request(CHAT, text="x"), InputError, "either messages or text", id="both"),
        pytest.param(Request(CHAT, temperature=-1.0), InputError, "temperature", id="cold"),
        pytest.param(Request(CHAT, top_p=0.0), InputError, "top_p", id="top-p"),
        pytest.param(Request(CHAT, max_tokens=0), InputError, "max_tokens", id="no-tokens"),
        pytest.param(Request(CHAT, stop=("",)), InputError, "stop", id="empty-stop"),
        pytest.param(Request(CHAT, logprobs=True), ActorError, "can't do log-probabilities", id="no-logprobs"),
    ],
)
def test_check_refuses_before_a_call(request_: Request, error: type[Exception], words: str) -> None:
    from preftree.actors.scripted import ScriptedActor

    with pytest.raises(error, match=words):
        check(ScriptedActor({}), request_)


def test_prices_count_cached_tokens_apart() -> None:
    sample = Sample(0, "x", input_tokens=1_000_000, output_tokens=500_000, cached_tokens=400_000)
    assert Prices(2.0, 0.5, 8.0).cost_usd(sample) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 0.5 * 8.0)


def test_the_page_of_settings_names_each_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "actors.md").read_text()
    told = {}
    for names, default in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", page, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.strip('` "'))
    assert told.pop("name") == "the key above"
    example = ActorSettings()
    defaults = {field.name: getattr(example, field.name) for field in dataclasses.fields(example)}
    del defaults["name"]
    # As YAML writes them: false, 300, and nothing for an empty text.
    assert told == {
        name: f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"')
        for name, value in defaults.items()
    }


# ---------------------------------------------------------------- several servers, counts, and what else is sent


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


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(bad(500), "500", id="500"),
        pytest.param(bad(529), "529", id="529"),
        pytest.param(None, "reset", id="reset"),
        pytest.param((200, {"content-length": "999"}, b'{"choices": ['), "half answer", id="half-body"),
        pytest.param((200, {}, b'{"choices": [{"message": {"con'), "half answer", id="half-json"),
        pytest.param((200, {}, b"<html>"), "garbage", id="a-page"),
        pytest.param((200, {}, b"\xff\xfe"), "garbage", id="not-utf-8"),
        pytest.param((200, {}, b"[1]"), "garbage", id="a-list"),
        pytest.param((200, {}, b'{"hello": 1}'), "garbage", id="another-form"),
        pytest.param((200, {}, b'{"choices": [], "usage": {}}'), "no choices", id="no-choices"),
        pytest.param((200, {}, json.dumps(GOOD | {"usage": None}).encode()), "no usage", id="no-usage"),
        pytest.param((200, {}, json.dumps(GOOD).encode()), "garbage", id="half-usage"),
        pytest.param(bad(429, **{"Retry-After": "3600"}), "429", id="429"),
    ],
)
def test_each_fault_is_counted_by_name(server: Server, fault: Reply | None, name: str) -> None:
    server.reply = lambda number, body: fault if number < 2 else good(body)
    _, counts = sampled(settings(server.url, attempts=3, patience_s=1e5), Request(CHAT))
    assert counts == {name: 2, "answered": 1}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param({"error": {"message": "no", "code": "content_filter"}}, "filtered", id="filtered"),
        pytest.param({"error": {"message": "no", "code": "context_length_exceeded"}}, "too long", id="too-long"),
        pytest.param({"error": {"message": "no"}}, "refused", id="refused"),
    ],
)
def test_each_refusal_is_counted_by_name(server: Server, body: Any, name: str) -> None:
    server.reply = lambda *_: (400, {}, json.dumps(body).encode())

    async def refused() -> tuple[Event, ...]:
        actor = make_actor(settings(server.url))
        with pytest.raises(RequestRefusedError):
            await actor.sample(Request(CHAT))
        await actor.close()
        return actor.events()

    assert asyncio.run(refused()) == (Event(server.url, name, 1),)


def test_others_stand_in_for_a_server_that_is_away(server: Server) -> None:
    away = settings(("http://127.0.0.1:9/v1", server.url), attempts=2)
    samples, counts = sampled(away, *(Request(CHAT, samples=(i,)) for i in range(40)))
    assert len(samples) == 40
    assert counts["answered"] == 40
    assert 1 <= counts["unreachable"] <= 20


def test_a_model_that_has_answered_is_waited_for(server: Server) -> None:
    """It is away for 30 requests; a call has 6 attempts."""
    server.reply = lambda number, body: bad(503) if 0 < number < 30 else good(body)
    first, second = (Request(CHAT, samples=(i,)) for i in range(2))

    async def one_after_the_other() -> None:
        actor = endpoint.EndpointActor(settings(server.url, attempts=6), Hasty())
        await actor.sample(first)
        await actor.sample(second)
        await actor.close()

    asyncio.run(one_after_the_other())
    assert len(server.asked) == 31


def test_an_actor_is_known_by_what_changes_answers_not_by_its_address() -> None:
    def identity(**more: Any) -> str:
        return make_actor(ActorSettings(kind="endpoint", **({"model": "m", "base_url": "http://a/v1"} | more))).identity

    assert identity() == identity(base_url=("http://b/v1", "http://c/v1"), max_tokens_field="max_completion_tokens")
    others = [{"model": "n"}, {"prefill": True}, {"extra_body": {"top_k": 5}}, {"thought_tags": ()}]
    assert len({identity(), *(identity(**other) for other in others)}) == 5


def test_more_fields_are_sent_and_some_left_out(server: Server) -> None:
    server.reply = lambda _, body: good(body | {"seed": 0})
    more = {"chat_template_kwargs": {"enable_thinking": False}, "seed": None, "top_p": None}
    ask(settings(server.url, extra_body=more, max_tokens_field="max_completion_tokens"), Request(CHAT, max_tokens=9))
    _, body, _ = server.asked[0]
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["max_completion_tokens"] == 9
    assert not {"max_tokens", "seed", "top_p"} & set(body)


@pytest.mark.parametrize(
    ("message", "finish", "expected"),
    [
        pytest.param({"content": "<think>hm</think>yes"}, "stop", ("hm", "yes"), id="tags"),
        pytest.param({"content": "<think>hm"}, "length", ("hm", ""), id="cut"),
        pytest.param({"content": "yes", "reasoning": "hm"}, "stop", ("hm", "yes"), id="field"),
        pytest.param({"content": "b</think>yes", "reasoning_content": "a"}, "stop", ("a\nb", "yes"), id="both"),
        pytest.param({"content": None, "reasoning_content": "hm"}, "length", ("hm", ""), id="cut-in-the-field"),
    ],
)
def test_thoughts_are_no_part_of_the_text(
    server: Server, message: dict[str, Any], finish: str, expected: tuple[str, str]
) -> None:
    server.reply = lambda _, body: good(body, message=message, finish_reason=finish)
    (sample,) = ask(settings(server.url), Request(CHAT))
    assert (sample.thought, sample.text) == expected
    assert (sample.finish_reason, sample.output_tokens) == (finish, 3)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"base_url": ()}, "base_url is", id="no-address"),
        pytest.param({"base_url": ("http://x/v1", "http://x/v1/")}, "an address twice", id="twice"),
        pytest.param({"tokens_per_minute": 0.0}, "tokens_per_minute is 0.0, expected more than 0", id="no-tokens"),
        pytest.param({"extra_body": {"messages": []}}, "extra_body holds messages", id="messages"),
    ],
)
def test_wrong_settings_of_several_servers(more: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_actor(ActorSettings(**({"name": "far", "kind": "endpoint", "base_url": "http://x/v1"} | more)))


# ---------------------------------------------------------------- what a server that means ill may send


def usage(prompt: Any = 10, completion: Any = 3, cached: Any = None) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(usage(), (10, 3, 0), id="no-cache"),
        pytest.param(usage() | {"prompt_tokens_details": None}, (10, 3, 0), id="no-details"),
        pytest.param(usage(0, 0, 0), (0, 0, 0), id="nothing"),
        pytest.param(usage(2**31 - 1, 3, 2**31 - 1), (2**31 - 1, 3, 2**31 - 1), id="most"),
        pytest.param(usage(-1), "garbage", id="below-nothing"),
        pytest.param(usage(10, -5), "garbage", id="output-below-nothing"),
        pytest.param(usage(10, 3, -1), "garbage", id="cached-below-nothing"),
        pytest.param(usage(10, 3, 11), "garbage", id="more-cached-than-read"),
        pytest.param(usage(2**31), "garbage", id="absurd"),
        pytest.param(usage(10, 10**20), "garbage", id="absurd-output"),
        pytest.param(usage(True), "garbage", id="a-truth"),
        pytest.param(usage(10, 3, False), "garbage", id="a-cached-truth"),
        pytest.param(usage(10.0), "garbage", id="a-float"),
        pytest.param(usage("10"), "garbage", id="a-text"),
        pytest.param(usage(None), "garbage", id="empty"),
        pytest.param([], "no usage", id="a-list"),
    ],
)
def test_only_numbers_of_tokens_are_usage(said: Any, expected: tuple[int, int, int] | str) -> None:
    content = json.dumps(GOOD | {"usage": said}).encode()
    if isinstance(expected, str):
        with pytest.raises(FormError) as caught:
            answered(content, Request(CHAT), 0, ())
        assert caught.value.name == expected
    else:
        sample = answered(content, Request(CHAT), 0, ())
        assert (sample.input_tokens, sample.output_tokens, sample.cached_tokens) == expected


@pytest.mark.parametrize(
    ("others", "least", "most"),
    [pytest.param((), 30.0, 30.0, id="alone"), pytest.param(("/another",), 0.0, 0.01, id="another-is-there")],
)
def test_a_5xx_does_not_say_how_long_a_call_sleeps(
    server: Server, others: tuple[str, ...], least: float, most: float
) -> None:
    server.reply = lambda number, body: bad(503, **{"Retry-After": "31536000"}) if number < 1 else good(body)
    slept = []

    class Noting(Hasty):
        async def sleep(self, delay_s: float) -> None:
            slept.append(delay_s)

    async def one() -> None:
        urls = (server.url, *(server.url + other for other in others))
        actor = endpoint.EndpointActor(settings(urls, attempts=2), Noting())
        await actor.sample(Request(CHAT))
        await actor.close()

    asyncio.run(one())
    assert len(slept) == 1
    assert least <= slept[0] <= most
    assert [path.startswith("/v1/another") for path, _, _ in server.asked] == [False, bool(others)]


DEEP = b"[" * 100_000
HUGE = b"x" * (17 << 20)


@pytest.mark.parametrize(
    ("reply", "name", "error"),
    [
        pytest.param((200, {}, DEEP), "garbage", ActorError, id="deep"),
        pytest.param((200, {}, b'{"choices": ' + DEEP), "garbage", ActorError, id="deep-choices"),
        pytest.param((400, {}, DEEP), "refused", UnclearRefusalError, id="deep-refusal"),
        pytest.param((500, {}, b'{"error": ' + DEEP), "500", ActorError, id="deep-fault"),
        pytest.param(
            (400, {}, b'{"error": {"code": ' + b"[" * 500 + b"]" * 500 + b"}}"),
            "refused",
            UnclearRefusalError,
            id="deep-code",
        ),
        pytest.param((200, {"content-length": str(1 << 40)}, HUGE), "too large", ActorError, id="endless"),
        pytest.param((400, {}, HUGE), "too large", ActorError, id="huge-refusal"),
        pytest.param(
            (200, {"content-encoding": "gzip"}, gzip.compress(HUGE, 1)), "too large", ActorError, id="unpacked"
        ),
        pytest.param((400, {}, HUGE[: 8 << 20]), "refused", UnclearRefusalError, id="large-refusal"),
    ],
)
def test_deep_and_huge_bodies_are_faults_with_a_name(
    server: Server, reply: Reply, name: str, error: type[ActorError]
) -> None:
    server.reply = lambda *_: reply

    async def one() -> tuple[Event, ...]:
        actor = endpoint.EndpointActor(settings(server.url, attempts=2), Hasty())
        with pytest.raises(ActorError, match="far: http://") as caught:
            await actor.sample(Request(CHAT))
        await actor.close()
        assert type(caught.value) is error
        assert len(str(caught.value)) < 500
        return actor.events()

    assert asyncio.run(one()) == (Event(server.url, name, 1 if name == "refused" else 2),)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            json.dumps({"error": {"message": "\x1b]0;hi\x07\x1b[2J no\r\n\u202ego\ud800\x00"}}).encode(), id="json"
        ),
        pytest.param(b"\x1b]0;hi\x07\x1b[2J no\r\n\xffgo\x00", id="not-json"),
    ],
)
def test_a_servers_words_are_plain_text_on_one_line(server: Server, body: bytes) -> None:
    server.reply = lambda *_: (401, {}, body)
    with pytest.raises(ActorError) as caught:
        ask(settings(server.url), Request(CHAT))
    assert str(caught.value).endswith("answered 401: ]0;hi [2J no go")


@pytest.mark.parametrize(
    ("more", "key"),
    [
        pytest.param({"base_url": "http://user:pa55word@x/v1"}, "", id="password"),
        pytest.param({"base_url": ("http://x/v1", "user:pa55word@x/v1")}, "", id="no-scheme"),
        pytest.param({"base_url": "http://x/v1?key=pa55word"}, "", id="query"),
        pytest.param({"api_key_env": "FAR_KEY"}, "pa55word\nx: y", id="line-end"),
        pytest.param({"api_key_env": "FAR_KEY"}, "pa55word\x00", id="zero"),
    ],
)
def test_no_secret_stands_where_it_is_shown(more: dict[str, Any], key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The environment itself can't hold a zero.
    monkeypatch.setattr(endpoint.os, "environ", {"FAR_KEY": key})
    with pytest.raises(InputError, match="FAR_KEY" if key else "api_key_env") as caught:
        make_actor(ActorSettings(**({"name": "far", "kind": "endpoint", "base_url": "http://x/v1"} | more)))
    assert "pa55" not in str(caught.value)
