"""HTTP to one server: a body goes there, a reply comes back, and what goes wrong on the way has a name.

In:  a path and a body. Out: status, headers and content; or a WebFault.
Always true: connections are kept and used again; the key stands in a header and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import httpx

# Servers close idle connections (uvicorn's default: after 5 s); a request that crosses that would be lost.
_KEPT_S = 4.0
# A machine that is off does not answer at all; one that is on takes a connection at once.
_CONNECT_S = 15.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. The names of headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class WebFault(Exception):
    """No reply: the connection was refused, took too long, was reset, or ended in the middle of an answer."""

    def __init__(self, name: Literal["unreachable", "time-out", "reset", "half answer"], why: str) -> None:
        super().__init__(why)
        self.name, self.why = name, why


class Web:
    """Connections to one server."""

    def __init__(self, url: str, key: str, *, timeout_s: float, max_connections: int) -> None:
        self._url = url
        self._client = httpx.AsyncClient(
            headers={"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S), pool=None),
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=_KEPT_S
            ),
        )

    async def post(self, path: str, body: bytes) -> Reply:
        """The reply to `body`, JSON."""
        try:
            response = await self._client.post(self._url + path, content=body)
        except httpx.ConnectTimeout as error:
            raise WebFault("unreachable", "can't be reached: it did not answer in time") from error
        except httpx.TimeoutException as error:
            raise WebFault("time-out", "did not answer in time") from error
        except httpx.ConnectError as error:
            raise WebFault("unreachable", f"can't be reached: {error}") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            half = "incomplete" in str(error) or "without sending complete" in str(error)
            raise WebFault(
                "half answer" if half else "reset", f"broke off: {str(error) or type(error).__name__}"
            ) from error
        return Reply(response.status_code, response.headers, response.content)

    async def close(self) -> None:
        await self._client.aclose()
