"""The viewer's server: this machine only, reading only, behind a token in the address.

In:  a library. Out: a page at http://127.0.0.1:PORT/TOKEN/ until it is interrupted.
Always true: no request changes anything; a request without the token, or for another host's name (a page elsewhere that
has its name point here), gets nothing; the page may load from here only, and run no script but its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sqlite3
from collections.abc import Callable
from importlib import resources
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from preftree.errors import InputError, PreftreeError
from preftree.report.text import clean
from preftree.report.viewer.library import Library, Shelf
from preftree.report.viewer.query import Query

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
# The page's scripts, each after those that it imports.
MODULES = ("draw.js", "pairs.js", "story.js", "tree.js", "list.js", "source.js", "keys.js", "view.js")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_FILES = {"": ("page.html", "text/html"), "page.css": ("page.css", "text/css")} | {
    name: (name, "text/javascript") for name in MODULES
}
_AT_ONCE = 500
_LARGEST = 2**62  # what the index can hold as a number
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def serve(library: Library, port: int, opened: Callable[[str, str], None]) -> None:
    """Serve until interrupted; `opened` is told the address, and one that leads there a single time: a browser is
    started with it, as the words that a program is started with can be read by every user of a machine."""
    asyncio.run(_serve(library, port, opened))


async def _serve(library: Library, port: int, opened: Callable[[str, str], None]) -> None:
    token, once = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    runner = web.AppRunner(application(library, token, once), access_log=None, logger=_logger())
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except (OSError, OverflowError) as fault:
        await runner.cleanup()
        raise InputError(f"view: port {port} can't be listened on ({fault}); choose another, or 0") from fault
    try:
        base = f"http://{HOST}:{runner.addresses[0][1]}"
        opened(f"{base}/{token}/", f"{base}/{once}/")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _logger() -> logging.Logger:
    """Faults of this program are told on the terminal; requests that are none are not: they may hold anything."""
    logger = logging.Logger("preftree.view", logging.ERROR)
    handler = logging.StreamHandler()
    handler.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))
    logger.addHandler(handler)
    return logger


def application(library: Library, token: str, once: str = "") -> web.Application:
    """The routes, all of them under the token. `once` leads there too, the first time that it is asked for."""
    app = web.Application(middlewares=[_guard(token, once)])

    def of(request: web.Request) -> Shelf:
        place = _number(request, "forest", 0)
        if not 0 <= place < len(library.shelves):
            raise web.HTTPNotFound(text="no such forest")
        return library.shelves[place]

    async def file(request: web.Request) -> web.Response:
        name = request.match_info.get("name", "")
        if name not in _FILES:
            raise web.HTTPNotFound()
        path, kind = _FILES[name]
        return web.Response(text=asset(path), content_type=kind, charset="utf-8")

    async def about(request: web.Request) -> web.Response:
        return await _answer(library.about)

    async def trees(request: web.Request) -> web.Response:
        query, start = query_of(request.query), _number(request, "start", 0)
        return await _answer(of(request).trees, query, max(0, start), _AT_ONCE)

    async def tree(request: web.Request) -> web.Response:
        return await _answer(of(request).tree, request.query.get("id", ""))

    async def pair(request: web.Request) -> web.Response:
        turn, place = _number(request, "turn", 0), _number(request, "pair", 0)
        return await _answer(of(request).pair, request.query.get("id", ""), turn, place)

    async def problem(request: web.Request) -> web.Response:
        return await _answer(of(request).of_problem, request.query.get("id", ""))

    async def folder(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/{token}/"})

    base = f"/{token}"
    app.router.add_get(base, folder)
    app.router.add_get(f"{base}/api/about", about)
    app.router.add_get(f"{base}/api/trees", trees)
    app.router.add_get(f"{base}/api/tree", tree)
    app.router.add_get(f"{base}/api/pair", pair)
    app.router.add_get(f"{base}/api/problem", problem)
    app.router.add_get(f"{base}/", file)
    app.router.add_get(f"{base}/{{name}}", file)
    return app


def asset(name: str) -> str:
    """A file of the page."""
    return (resources.files("preftree.report.viewer") / "page" / name).read_text("utf-8")


def query_of(words: Any) -> Query:
    """A query from an address; HTTPBadRequest names a field that is no number."""

    def number(name: str, kind: type) -> Any:
        return _parsed(name, words.get(name, ""), kind, None)

    return Query(
        **{name: words.get(name, "") for name in ("task", "dataset", "stage", "flag", "words", "wrong", "right")},
        **{name: number(name, int) for name in ("depth", "min_pairs", "max_pairs", "min_tokens")},
        min_usd=number("min_usd", float),
        order=words.get("order", "order"),
    )


def _guard(token: str, once: str) -> Any:
    """A name in `Host` that is not this machine's is a page elsewhere whose name was made to point here."""
    unused = [once] if once else []

    def same(given: str, secret: str) -> bool:
        return secrets.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.path.lstrip("/").split("/")[0]
        host = request.headers.get("Host", "").partition(":")[0].lower()
        response: web.StreamResponse
        if host in _NAMES and request.method == "GET" and unused and same(given, unused[0]):
            unused.clear()
            response = web.Response(status=302, headers={"Location": f"/{token}/"})
        elif host not in _NAMES or not same(given, token):
            response = web.Response(status=404, text="not found")
        elif request.method not in ("GET", "HEAD"):
            response = web.Response(status=405, text="this page only shows", headers={"Allow": "GET, HEAD"})
        else:
            response = await _handled(request, handler)
        response.headers.update(_HEADERS)
        return response

    return guard


async def _handled(request: web.Request, handler: Any) -> web.StreamResponse:
    """An answer always, in words: what a forest's file refuses is said in the page, not on the terminal."""
    try:
        for value in request.query.values():
            value.encode()  # no half of a character: nothing here holds one
        response: web.StreamResponse = await handler(request)
        return response
    except UnicodeEncodeError:
        return web.Response(status=400, text="the address holds what is no text")
    except web.HTTPException as refusal:
        return web.Response(status=refusal.status, text=refusal.text)
    except (PreftreeError, sqlite3.Error, OSError) as fault:
        return web.Response(status=500, text=clean(fault))


async def _answer(call: Callable[..., Any], *arguments: Any) -> web.Response:
    """What the library says, from a thread: a slow look holds up nobody else's page."""
    found = await asyncio.to_thread(call, *arguments)
    if found is None:
        raise web.HTTPNotFound(text="no such thing here")
    return web.Response(text=json.dumps(found, ensure_ascii=True, allow_nan=False), content_type="application/json")


def _number(request: web.Request, name: str, default: int) -> int:
    number: int = _parsed(name, request.query.get(name, ""), int, default)
    return number


def _parsed(name: str, text: str, kind: type, default: Any) -> Any:
    try:
        number = kind(text) if text else default
    except ValueError:
        raise web.HTTPBadRequest(text=f"{name}: expected a number") from None
    if number is not None and not abs(number) <= _LARGEST:  # also what is not a number
        raise web.HTTPBadRequest(text=f"{name}: expected a number of usual size")
    return number
