"""Search in Wikipedia, or in a local corpus that stands in for it.

In:  a query. Out: the introductions of the best pages, in the form in which UltraInteract's observations show them.
Always true: a corpus is asked if one is set, Wikipedia's API otherwise; neither stands in for the other.
"""

from __future__ import annotations

import asyncio
from typing import Any

from preftree.environment.tools.corpus import Corpus, Page
from preftree.environment.tools.host import Host
from preftree.environment.tools.settings import ToolError

_NUM_PAGES = 3


async def wikipedia_search(query: str, *, host: Host) -> str:
    """Looks up a topic or question in Wikipedia and gives the titles and summaries of the best articles."""
    if not isinstance(query, str) or not query.strip():
        raise ToolError("wikipedia_search: expected query as text")
    query = query.strip()
    path = host.settings.wikipedia_corpus
    if path is not None:
        corpus = await host.once(Corpus, path)
        pages = await asyncio.to_thread(corpus.search, query, _NUM_PAGES)
    else:
        pages = await _ask_wikipedia(query, host)
    if not pages:
        return f"No page found for: {query}"
    return "\n\n".join(f"Page: {page.title}\nSummary: {page.text}" for page in pages)


async def _ask_wikipedia(query: str, host: Host) -> list[Page]:
    """One request for the search and the introductions of what it found (MediaWiki's TextExtracts)."""
    parameters = {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "generator": "search",
        "gsrsearch": query,
        "gsrlimit": str(_NUM_PAGES),
        "prop": "extracts",
        "exintro": "1",
        "explaintext": "1",
        "exlimit": "max",
        "redirects": "1",
    }
    try:
        data = await host.get_json(host.settings.wikipedia_url, parameters)
    except ToolError as error:
        raise ToolError(f"wikipedia_search: {error}") from None
    if "error" in data:
        raise ToolError(f"wikipedia_search: Wikipedia refuses the query ({_said(data['error'])})")
    try:
        return _pages(data)
    except (KeyError, TypeError, AttributeError):
        raise ToolError("wikipedia_search: Wikipedia answers in a form that is not known here") from None


def _pages(data: dict[str, Any]) -> list[Page]:
    """The pages that have an introduction, best first. No "query" at all: nothing was found."""
    found = data.get("query", {"pages": []})["pages"]
    # `index` is a page's rank; pages come in the order of their ids.
    ranked = sorted(found, key=lambda page: int(page["index"]))
    return [Page(str(page["title"]), page["extract"].strip()) for page in ranked if page.get("extract")]


def _said(error: Any) -> str:
    return str(error.get("info") or error.get("code")) if isinstance(error, dict) else str(error)
