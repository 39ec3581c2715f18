"""What the tools of one run share: their settings, one HTTP client, and files read once.

In:  settings. Out: answers of web services, things made from files. Always true: a service gets one request at a time
from this process, as public ones ask; what it refuses or can't answer is a ToolError in one sentence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from preftree.environment.tools.settings import ToolError, ToolSettings

if TYPE_CHECKING:
    import httpx

_ATTEMPTS = 4
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})

T = TypeVar("T")


class Host:
    """One event loop. Nothing is opened before a tool asks for it."""

    def __init__(self, settings: ToolSettings) -> None:
        self.settings = settings
        self._client: httpx.AsyncClient | None = None
        self._made: dict[Any, asyncio.Task[Any]] = {}

    async def get_json(self, url: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object behind a GET. Refusals for now (429, 5xx) and lost connections are tried again."""
        import httpx

        client = self._http()
        why = ""
        for attempt in range(_ATTEMPTS):
            pause_s = _FIRST_PAUSE_S * 2**attempt
            try:
                response = await client.get(url, params=dict(parameters))
            except httpx.RequestError as error:
                why = f"can't be reached ({str(error) or type(error).__name__})"
            else:
                if response.status_code not in _RETRIED:
                    return _object(response)
                why = f"answers {response.status_code}"
                pause_s = max(pause_s, _asked_pause_s(response))
            if attempt < _ATTEMPTS - 1:
                await asyncio.sleep(min(pause_s, _LONGEST_PAUSE_S))
        raise ToolError(f"{url} {why}, {_ATTEMPTS} times")

    async def once(self, make: Callable[[str], T], path: str) -> T:
        """What `make` makes of a file, beside the event loop, for all callers once."""
        if (make, path) not in self._made:
            self._made[make, path] = asyncio.create_task(asyncio.to_thread(make, path))
        # A caller that is cancelled does not take the others' file away.
        made: T = await asyncio.shield(self._made[make, path])
        return made

    async def close(self) -> None:
        """Close what was opened."""
        for one in await asyncio.gather(*self._made.values(), return_exceptions=True):
            if hasattr(one, "close"):
                one.close()
        self._made.clear()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _http(self) -> httpx.AsyncClient:
        import httpx

        import preftree

        if self._client is None:
            contact = f" ({self.settings.contact})" if self.settings.contact else ""
            self._client = httpx.AsyncClient(
                headers={"User-Agent": f"preftree/{preftree.__version__}{contact} httpx/{httpx.__version__}"},
                timeout=httpx.Timeout(self.settings.timeout_s, pool=None),
                limits=httpx.Limits(max_connections=1),
                follow_redirects=True,
            )
        return self._client


def _object(response: httpx.Response) -> dict[str, Any]:
    where = response.url.copy_with(query=None)
    if not response.is_success:
        raise ToolError(f"{where} answers {response.status_code}")
    try:
        data = response.json()
    except ValueError:
        raise ToolError(f"{where} answers no JSON") from None
    if not isinstance(data, dict):
        raise ToolError(f"{where} answers no JSON object")
    return data


def _asked_pause_s(response: httpx.Response) -> float:
    """The pause that the service asks for, in seconds; a date is not waited for."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0
