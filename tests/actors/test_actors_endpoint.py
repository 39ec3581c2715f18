"""The endpoint actor against a made server: what is sent, what is read, what is refused."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from made_openai import CHAT, KEY, Reply, Server, ask, bad, good, settings

from preftree.actors import ActorSettings, Prices, check, make_actor
from preftree.errors import ActorError, InputError, RequestRefusedError, UnclearRefusalError
from preftree.records import Request, Sample


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
