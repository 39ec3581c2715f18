"""HTTP to one server: a body goes there, a reply comes back, and what goes wrong on the way has a name.

In:  a path and a body. Out: status, headers and content; or a WebFault.
Always true: connections are kept and used again; the key stands in a header and nowhere else; of a body without end
no more than `_MOST_BYTES` are kept.

aiohttp, because its pool costs the same however many connections it has: a call takes 0.25 ms of a core, where httpx,
which looks through all of them for each request, takes 4 to 6 ms with 256 in flight.
"""

from __future__ import annotations

import asyncio
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp

# Servers close idle connections (uvicorn's default: after 5 s); a request that crosses that would be lost.
_KEPT_S = 4.0
# A machine that is off does not answer at all; one that is on takes a connection at once.
_CONNECT_S = 15.0
# The longest answers with their log-probabilities are a few megabytes; this is after decompression.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. The names of headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class WebFault(Exception):
    """No reply: the connection was refused, took too long, was reset, ended in the middle of an answer, or brought more
    than an answer can be."""

    def __init__(self, name: Literal["unreachable", "time-out", "reset", "half answer", "too large"], why: str) -> None:
        super().__init__(why)
        self.name, self.why = name, why


class Web:
    """Connections to one server, opened with the first request. Who asks keeps to a number of requests at once."""

    def __init__(self, url: str, key: str, *, timeout_s: float) -> None:
        self._url = url
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, _CONNECT_S))
        self._session: aiohttp.ClientSession | None = None

    async def post(self, path: str, body: bytes) -> Reply:
        """The reply to `body`, JSON."""
        if self._session is None:
            # Bound to the loop that is running, which there is none of when an actor is made.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_S),
                headers=self._headers,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=_proxy(self._url),
            )
        try:
            async with self._session.post(self._url + path, data=body, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _read(response))
        except aiohttp.ConnectionTimeoutError as error:
            raise WebFault("unreachable", "can't be reached: it did not answer in time") from error
        except asyncio.TimeoutError as error:
            raise WebFault("time-out", "did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise WebFault("unreachable", f"can't be reached: {error}") from error
        except aiohttp.ClientPayloadError as error:
            raise WebFault("half answer", f"broke off in the middle of an answer: {_said(error)}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise WebFault("reset", f"broke off: {_said(error)}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, unless it is too large."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > _MOST_BYTES:
            # What is still to come is not waited for.
            response.close()
            raise WebFault("too large", f"sent more than {_MOST_BYTES >> 20} MiB, which is no answer")
    return bytes(content)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for an address (aiohttp itself would look that up for each request)."""
    address = urllib.parse.urlsplit(url)
    if urllib.request.proxy_bypass(address.hostname or ""):
        return None
    return urllib.request.getproxies().get(address.scheme)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
