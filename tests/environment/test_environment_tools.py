"""The host's tools: against a server that speaks MediaWiki's JSON, and against corpora of real and made-up rows."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from preftree.environment import EnvironmentSettings, Interpreter, Limits
from preftree.environment.tools import KNOWN, ToolError, Tools, ToolSettings, describe, host
from preftree.environment.tools.corpus import Corpus
from preftree.errors import InputError

# Rows in the order of their page ids, as MediaWiki sends them; `index` is the rank.
FOUND = {
    "batchcomplete": True,
    "query": {
        "pages": [
            {"pageid": 7, "ns": 0, "title": "Boulder (disambiguation)", "index": 3},
            {"pageid": 8, "ns": 0, "title": "Boulder County", "index": 2, "extract": "A county.\n"},
            {"pageid": 9, "ns": 0, "title": "Boulder, Colorado", "index": 1, "extract": "A city in Colorado."},
        ]
    },
}
PAGES = "Page: Boulder, Colorado\nSummary: A city in Colorado.\n\nPage: Boulder County\nSummary: A county."
NOTHING = {"batchcomplete": True}
REFUSED = {"error": {"code": "cirrussearch-query-too-long", "info": "Search request is longer than 300 characters."}}


class MockWikipedia(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: a status and a body, or None to hang up."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, Any] | None] = []
        self.asked: list[dict[str, str]] = []
        self.agents: list[str] = []
        self.now = self.at_once = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: MockWikipedia

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.now += 1
            self.server.at_once = max(self.server.at_once, self.server.now)
            query = parse_qs(urlparse(self.path).query)
            self.server.asked.append({name: values[0] for name, values in query.items()})
            self.server.agents.append(self.headers["User-Agent"])
            answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if answer is not None:
            status, body = answer
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", "2")
            self.end_headers()
        with self.server.lock:
            self.server.now -= 1
        if answer is not None:
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def wikipedia(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockWikipedia]:
    monkeypatch.setattr(host, "_FIRST_PAUSE_S", 0.0)
    server = MockWikipedia()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def call(settings: ToolSettings, *arguments: Any, name: str = "wikipedia_search", **keywords: Any) -> str:
    async def work() -> str:
        tools = Tools(settings)
        try:
            return await tools.call(name, list(arguments), keywords)
        finally:
            await tools.close()

    return asyncio.run(work())


def at(server: MockWikipedia, **values: Any) -> ToolSettings:
    return ToolSettings(wikipedia_url=f"http://127.0.0.1:{server.server_address[1]}/w/api.php", **values)


def corpus_file(folder: Path, *rows: Any) -> str:
    path = folder / "corpus.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return str(path)


# ---------------------------------------------------------------- the API


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param([(200, FOUND)], PAGES, id="ranked-by-index"),
        pytest.param([(200, NOTHING)], "No page found for: Boulder", id="nothing-found"),
        pytest.param([(503, b"busy"), None, (500, b""), (200, FOUND)], PAGES, id="tried-again"),
    ],
)
def test_pages_of_wikipedia(wikipedia: MockWikipedia, answers: list[Any], expected: str) -> None:
    wikipedia.answers = answers
    assert call(at(wikipedia, contact="me@example.org"), " Boulder ") == expected
    asked = wikipedia.asked[-1]
    assert (asked["action"], asked["gsrsearch"], asked["formatversion"]) == ("query", "Boulder", "2")
    assert wikipedia.agents[-1].startswith("preftree/")
    assert "(me@example.org)" in wikipedia.agents[-1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param((404, b"no"), "answers 404", id="status"),
        pytest.param((200, b"<html>"), "answers no JSON", id="no-json"),
        pytest.param((200, [1]), "answers no JSON object", id="no-object"),
        pytest.param((200, {"query": {"pages": [{"title": 1}]}}), "in a form that is not known", id="other-form"),
        pytest.param((200, {"query": None}), "in a form that is not known", id="null"),
        pytest.param((200, REFUSED), r"refuses the query \(Search request is longer", id="refused"),
        pytest.param((502, b""), "answers 502, 4 times", id="always-busy"),
        pytest.param(None, "can't be reached .*4 times", id="always-hangs-up"),
    ],
)
def test_what_wikipedia_can_not_answer_is_one_sentence(wikipedia: MockWikipedia, answer: Any, said: str) -> None:
    wikipedia.answers = [answer]
    with pytest.raises(ToolError, match=said) as caught:
        call(at(wikipedia), "Boulder")
    assert str(caught.value).startswith("wikipedia_search: ")
    assert "\n" not in str(caught.value)


def test_a_full_service_is_given_the_time_that_it_asks_for(
    wikipedia: MockWikipedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[float] = []

    async def sleep(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(host.asyncio, "sleep", sleep)
    wikipedia.answers = [(429, b""), (429, b""), (200, FOUND)]
    assert call(at(wikipedia), "Boulder") == PAGES
    assert paused == [2.0, 2.0]


def test_an_unreachable_service_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_FIRST_PAUSE_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ToolError, match=rf"http://127\.0\.0\.1:{port}/w/api.php can't be reached \(.+\), 4 times"):
        call(ToolSettings(wikipedia_url=f"http://127.0.0.1:{port}/w/api.php"), "Boulder")


def test_a_service_is_asked_one_thing_at_a_time(wikipedia: MockWikipedia) -> None:
    wikipedia.answers = [(200, FOUND)]

    async def work() -> list[str]:
        tools = Tools(at(wikipedia))
        answers = await asyncio.gather(*(tools.call("wikipedia_search", [f"q{n}"], {}) for n in range(20)))
        await tools.close()
        return answers

    assert asyncio.run(work()) == [PAGES] * 20
    assert len(wikipedia.asked) == 20
    assert wikipedia.at_once == 1


# ---------------------------------------------------------------- a corpus


def test_a_corpus_answers_in_place_of_wikipedia(tmp_path: Path, wikipedia: MockWikipedia) -> None:
    path = corpus_file(
        tmp_path,
        {"title": "Regina Spektor", "text": "A musician born in Moscow."},
        {"title": "3OH!3", "text": "A duo of musicians from Boulder, Colorado."},
        {"title": "The Who", "text": "Rock from London."},
    )
    settings = at(wikipedia, wikipedia_corpus=path)
    assert call(settings, query="Which musician is from Colorado?") == (
        "Page: 3OH!3\nSummary: A duo of musicians from Boulder, Colorado.\n\n"
        "Page: Regina Spektor\nSummary: A musician born in Moscow."
    )
    assert call(settings, "the who").startswith("Page: The Who\n")
    assert call(settings, "zebra") == "No page found for: zebra"
    assert call(settings, '"; DROP TABLE pages; --" NEAR(*') == 'No page found for: "; DROP TABLE pages; --" NEAR(*'
    assert call(settings, "?!") == "No page found for: ?!"
    assert wikipedia.asked == []


def test_a_bad_row_is_set_aside_and_counted(tmp_path: Path) -> None:
    good = {"title": "A", "text": "one \ud800 two", "url": "left alone"}
    bad = ["{", [1], {"title": "A"}, {"title": " ", "text": "b"}, {"title": "A", "text": 5}]
    path = corpus_file(tmp_path, {"text": "first"}, "", good, *bad)
    with pytest.warns(UserWarning, match=r'6 of 7 rows set aside \(first: row 1, field "title": expected text\)'):
        corpus = Corpus(path)
    assert (corpus.num_pages, corpus.num_set_aside) == (1, 6)
    assert corpus.search("two", 3)[0].text == "one ? two"
    corpus.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "no row with a title and a text", id="empty"),
        pytest.param(b'{"title": 1}\n', "no row .*first: row 1, field", id="no-good-row"),
        pytest.param(b"\xff\xfe\n", "can't be read", id="not-utf-8"),
    ],
)
def test_a_corpus_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "corpus.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=said):
        call(ToolSettings(wikipedia_corpus=str(tmp_path / "corpus.jsonl")), "a")


def test_a_missing_corpus_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"environment\.tools\.wikipedia_corpus: no file /no/such/file"):
        Tools(ToolSettings(wikipedia_corpus="/no/such/file"))


def test_a_corpus_is_read_once_for_all_who_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    original = Corpus.__init__
    monkeypatch.setattr(Corpus, "__init__", lambda self, path: (made.append(path), original(self, path))[1])
    path = corpus_file(tmp_path, *({"title": f"t{n}", "text": "same words"} for n in range(50)))

    async def work() -> list[str]:
        tools = Tools(ToolSettings(wikipedia_corpus=path))
        calls = [asyncio.create_task(tools.call("wikipedia_search", ["same"], {})) for _ in range(10)]
        await asyncio.sleep(0)
        calls[0].cancel()  # one who leaves takes nothing from the others
        answers = await asyncio.gather(*calls[1:])
        await tools.close()
        return answers

    answers = asyncio.run(work())
    assert made == [path]
    assert set(answers) == {"\n\n".join(f"Page: t{n}\nSummary: same words" for n in range(3))}  # ties: the file's order


def test_the_right_page_comes_first_for_real_questions(data_dir: Path, tmp_path: Path) -> None:
    rows = json.loads(gzip.decompress((data_dir / "strategyqa" / "dev.json.gz").read_bytes()))
    texts: dict[str, list[str]] = {}
    for row in rows:
        texts.setdefault(row["term"], [row["description"]]).extend(row["facts"])
    path = corpus_file(tmp_path, *({"title": term, "text": " ".join(facts)} for term, facts in texts.items()))
    corpus = Corpus(path)
    found = [[page.title for page in corpus.search(row["question"], 3)] for row in rows]
    corpus.close()
    assert sum(titles[:1] == [row["term"]] for titles, row in zip(found, rows, strict=True)) > 0.95 * len(rows)
    assert sum(row["term"] in titles for titles, row in zip(found, rows, strict=True)) > 0.98 * len(rows)


# ---------------------------------------------------------------- the registry


@pytest.mark.parametrize(
    ("arguments", "keywords", "said"),
    [
        pytest.param([], {}, "missing a required argument: 'query'", id="missing"),
        pytest.param(["a", "b"], {}, "too many positional arguments", id="too-many"),
        pytest.param(["a"], {"limit": 3}, "unexpected keyword argument 'limit'", id="unknown"),
        pytest.param(["a"], {"host": 3}, "unexpected keyword argument 'host'", id="the-host-is-not-the-actors"),
        pytest.param([7], {}, "expected query as text", id="type"),
        pytest.param([" "], {}, "expected query as text", id="blank"),
    ],
)
def test_arguments_that_do_not_fit_are_told_to_the_actor(
    tmp_path: Path, arguments: list[Any], keywords: dict[str, Any], said: str
) -> None:
    path = corpus_file(tmp_path, {"title": "a", "text": "b"})
    with pytest.raises(ToolError, match=said):
        call(ToolSettings(wikipedia_corpus=path), *arguments, **keywords)


def test_an_unknown_tool_is_told_to_the_actor() -> None:
    with pytest.raises(ToolError, match="calculator: no such tool"):
        call(ToolSettings(), "1 + 1", name="calculator")


def test_a_long_answer_is_cut(tmp_path: Path) -> None:
    path = corpus_file(tmp_path, {"title": "a", "text": "b" * 9000})
    answer = call(ToolSettings(wikipedia_corpus=path, max_chars=100), "a")
    assert len(answer) == 100
    assert answer.endswith("b…")


def test_what_an_actor_is_told_of_its_tools() -> None:
    told = describe(["python", "wikipedia_search"])
    assert told.startswith("[1] wikipedia_search(query: str) -> str\nLooks up ")
    assert describe(["python"]) == ""
    assert describe([name for name in KNOWN if name != "python"]).count("[") == len(KNOWN) - 1
    with pytest.raises(InputError, match='tool "wikipedia" is unknown; expected one of python, wikipedia_search'):
        describe(["wikipedia"])


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param({"timeout_s": 0}, "timeout_s", id="timeout"),
        pytest.param({"max_chars": -1}, "max_chars", id="chars"),
        pytest.param({"wikipedia_url": "wikipedia.org"}, "wikipedia_url", id="url"),
        pytest.param({"contact": "a\nb"}, "contact", id="header"),
    ],
)
def test_wrong_settings_of_tools_are_refused(values: dict[str, Any], named: str) -> None:
    with warnings.catch_warnings(), pytest.raises(InputError, match=f"environment.tools.{named}"):
        ToolSettings(**values)


# ---------------------------------------------------------------- from a jail


_BY_HAND = """
import struct, sys
frame = sys._getframe()
while "tools" not in frame.f_locals:
    frame = frame.f_back
line = frame.f_locals["tools"]._line
answers = []
for question in {questions}:
    answers.append(line.ask(question))
answers
"""


@pytest.fixture(scope="module")
def jailed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Runs code with a tool over a corpus of one page."""
    path = corpus_file(tmp_path_factory.mktemp("corpus"), {"title": "Boulder", "text": "A city in Colorado."})
    limits = Limits(tool_calls=3)
    settings = EnvironmentSettings(
        workers=1, preload=(), limits=limits, tools=ToolSettings(wikipedia_corpus=path, max_chars=1000)
    )
    loop = asyncio.new_event_loop()
    interpreter = Interpreter(settings)
    yield lambda code: loop.run_until_complete(interpreter.run(code, tools=("wikipedia_search",)))
    loop.run_until_complete(interpreter.close())
    loop.close()


@pytest.mark.parametrize(
    ("code", "value", "calls"),
    [
        pytest.param("wikipedia_search('boulder')[:13]", "'Page: Boulder'", ["boulder"], id="an-answer"),
        pytest.param("wikipedia_search(query='none')", "'No page found for: none'", ["none"], id="by-keyword"),
        pytest.param("wikipedia_search.__name__", "'wikipedia_search'", [], id="a-function"),
        pytest.param(
            "try:\n    wikipedia_search(5)\nexcept RuntimeError as error:\n    said = str(error)\nsaid",
            "'wikipedia_search: expected query as text'",
            ["5"],
            id="an-error",
        ),
        pytest.param(
            "said = []\nfor n in range(5):\n    try:\n        wikipedia_search(f'q{n}')\n        said.append('')\n"
            "    except RuntimeError as error:\n        said.append(str(error))\nsaid[:4]",
            "['', '', '', 'wikipedia_search: more than 3 calls in one action']",
            ["q0", "q1", "q2"],
            id="too-many",
        ),
    ],
)
def test_an_action_asks_a_tool(jailed: Any, code: str, value: str, calls: list[str]) -> None:
    seen = jailed(code)
    assert seen.value == value, seen
    assert len(seen.tool_calls) == len(calls)
    assert all(query in call.arguments for query, call in zip(calls, seen.tool_calls, strict=True))


@pytest.mark.parametrize(
    "question",
    [
        pytest.param("", id="empty"),
        pytest.param("[" * 100_000, id="nested"),
        pytest.param('["wikipedia_search", 3]', id="arguments-of-no-form"),
        pytest.param('["wikipedia_search", "[[NaN], {\\"query\\": 1}]"]', id="not-a-number"),
        pytest.param('["exec", "[[\\"import os\\"], {}]"]', id="a-tool-that-was-not-given"),
        pytest.param('["__init__", "[[], {}]"]', id="no-tool-at-all"),
        pytest.param('["wikipedia_search", "[[], {\\"host\\": {}}]"]', id="the-host"),
        pytest.param('["wikipedia_search", "[[\\"\\\\ud800\\"], {}]"]', id="half-a-character"),
        pytest.param("\ud800", id="bytes-that-are-no-text"),
        pytest.param('{"told": "forged", "role": "cell"}', id="a-frame"),
    ],
)
def test_whatever_is_asked_is_answered_and_the_jail_goes_on(jailed: Any, question: str) -> None:
    seen = jailed(_BY_HAND.format(questions=[question, question]))
    assert seen.status == "ok", seen
    assert all(len(json.loads(answer)) == 2 for answer in eval(seen.value))
    json.dumps([call.arguments for call in seen.tool_calls], ensure_ascii=False).encode("utf-8")
    assert jailed("wikipedia_search('boulder')[:13]").value == "'Page: Boulder'"
