"""One self-contained file of chosen trees: the same page, with its data inside.

In:  a library, which trees. Out: an HTML file that needs no server and asks nobody for anything.
Always true: the data stand in an element of JSON, in which no `<` is left, so nothing in them can end it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.report.viewer.index import Query
from preftree.report.viewer.library import Library, Shelf
from preftree.report.viewer.server import asset

_MODULES = ("draw.js", "list.js", "tree.js", "view.js")


def write_static(library: Library, out: Path, trees: Sequence[str], limit: int) -> int:
    """Write the file; `trees` are ids, or else the first `limit` trees of each forest. Returns how many there are."""
    forests = [_forest(shelf, trees, limit) for shelf in library.shelves]
    missing = [name for name in trees if not any(name in forest["trees"] for forest in forests)]
    if missing:
        raise InputError(f"view: no tree {missing[0]} in {', '.join(str(s.directory) for s in library.shelves)}")
    data = {"about": library.about(), "forests": forests}
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_text(_page(data), encoding="utf-8")
    partial.replace(out)
    return sum(len(forest["rows"]) for forest in forests)


def _forest(shelf: Shelf, names: Sequence[str], limit: int) -> dict[str, Any]:
    rows = shelf.trees(Query(), 0, 10**9 if names else limit)["rows"]
    rows = [row for row in rows if not names or row["id"] in names]
    trees: dict[str, Any] = {}
    pairs: dict[str, Any] = {}
    for row in rows:
        trees[row["id"]] = shelf.tree(row["id"])
        for place, turn in enumerate(trees[row["id"]]["turns"]):
            for pair in range(turn["pairs"]):
                pairs[f"{row['id']}/{place}/{pair}"] = shelf.pair(row["id"], place, pair)
    return {"rows": rows, "trees": trees, "pairs": pairs}


def _page(data: Any) -> str:
    """The page's files put into one; its policy names the very script that may run."""
    script = "\n".join(_inlined(asset(name)) for name in _MODULES)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    embedded = json.dumps(data, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    page = asset("page.html")
    page = page.replace("<!-- policy -->", f'<meta http-equiv="Content-Security-Policy" content="{policy}">')
    page = page.replace('<link rel="stylesheet" href="page.css">', f"<style>{asset('page.css')}</style>")
    return page.replace(
        '<script type="module" src="view.js"></script>',
        f'<script type="application/json" id="data">{embedded}</script>\n<script type="module">{script}</script>',
    )


def _inlined(module: str) -> str:
    """A module without its imports and exports, which in one file have nothing to say."""
    module = re.sub(r"^import [^;]*;\n", "", module, flags=re.M)
    return re.sub(r"^export ", "", module, flags=re.M)
