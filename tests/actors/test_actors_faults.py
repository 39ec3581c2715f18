"""What servers get wrong, by name and in counts; several servers; and what one that means ill may send."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest
from made_openai import CHAT, GOOD, Hasty, Reply, Server, ask, bad, good, sampled, settings

from preftree.actors import ActorSettings, Event, endpoint, make_actor
from preftree.actors.protocol import FormError, answered
from preftree.errors import ActorError, InputError, RequestRefusedError, UnclearRefusalError
from preftree.records import Request


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
