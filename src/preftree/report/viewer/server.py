"""The viewer's server: this machine only, reading only, behind a token in the address.

In:  a library. Out: a page at http://127.0.0.1:PORT/TOKEN/ until it is interrupted.
Always true: no request changes anything; a request without the token, or for another host's name (a page elsewhere that
has its name point here), gets nothing; the page may load from here only, and run no script but its own.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Callable
from importlib import resources
from typing import Any

from aiohttp import web

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


def serve(library: Library, port: int, opened: Callable[[str], None]) -> None:
    """Serve until interrupted; `opened` is told the address."""
    asyncio.run(_serve(library, port, opened))


async def _serve(library: Library, port: int, opened: Callable[[str], None]) -> None:
    token = secrets.token_urlsafe(16)
    runner = web.AppRunner(application(library, token), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, HOST, port)
    try:
        await site.start()
    except (OSError, OverflowError) as fault:
        await runner.cleanup()
        raise InputError(f"view: port {port} can't be listened on ({fault}); choose another, or 0") from fault
    try:
        opened(f"http://{HOST}:{runner.addresses[0][1]}/{token}/")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def application(library: Library, token: str) -> web.Application:
    """The routes, all of them under the token."""
    app = web.Application(middlewares=[_guard(token)])

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

    base = f"/{token}"
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


def _guard(token: str) -> Any:
    """A name in `Host` that is not this machine's is a page elsewhere whose name was made to point here."""

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.path.lstrip("/").split("/")[0]
        host = request.headers.get("Host", "").partition(":")[0].lower()
        response: web.StreamResponse
        if host not in _NAMES or not secrets.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode()):
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
