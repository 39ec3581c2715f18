"""One self-contained file of chosen trees: the same page, with its data inside.

In:  a library, which trees. Out: an HTML file that needs no server and asks nobody for anything.
Always true: the data stand in an element of JSON, in which no `<` is left, so nothing in them can end it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from preftree.errors import InputError
from preftree.report.viewer.judges import RIGHT, WRONG
from preftree.report.viewer.library import Library, Shelf
from preftree.report.viewer.query import FLAGS, Query
from preftree.report.viewer.server import MODULES, asset

# The page shows so many pairs of a turn; a turn of twenty by twenty has four hundred, each a whole conversation.
_MOST_PAIRS = 20


def write_static(library: Library, out: Path, trees: Sequence[str], limit: int) -> int:
    """Write the file; `trees` are ids, or else the first `limit` trees of each forest. Returns how many there are."""
    if limit < 1:
        raise InputError(f"view: --limit: expected at least 1, got {limit}")
    forests = [_forest(shelf, trees, limit) for shelf in library.shelves]
    missing = [name for name in trees if not any(name in forest["trees"] for forest in forests)]
    if missing:
        raise InputError(f"view: no tree {missing[0]} in {', '.join(str(s.directory) for s in library.shelves)}")
    about = library.about()
    for shelf, forest in zip(about["forests"], forests, strict=True):
        shelf["choices"] = _choices(forest, [model["name"] for model in shelf["models"]])
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    partial.write_text(_page({"about": about, "forests": forests}), encoding="utf-8")
    partial.replace(out)
    return sum(len(forest["rows"]) for forest in forests)


def _forest(shelf: Shelf, names: Sequence[str], limit: int) -> dict[str, Any]:
    if names:
        found = {name: tree for name in dict.fromkeys(names) if (tree := shelf.tree(name)) is not None}
        trees = dict(sorted(found.items(), key=lambda entry: (entry[1]["row"]["seq"], entry[0])))
    else:
        rows = shelf.trees(Query(), 0, limit)["rows"]
        trees = {row["id"]: tree for row in rows if (tree := shelf.tree(row["id"])) is not None}
    pairs = {
        f"{name}/{place}/{pair}": shelf.pair(name, place, pair)
        for name, tree in trees.items()
        for place, turn in enumerate(tree["turns"])
        for pair in range(min(_MOST_PAIRS, len(turn["pairs"])))
    }
    return {"rows": [tree["row"] for tree in trees.values()], "trees": trees, "pairs": pairs}


def _choices(forest: dict[str, Any], models: Sequence[str]) -> dict[str, list[list[Any]]]:
    """What the filters of this file can be set to: of its own trees alone."""
    rows, trees = forest["rows"], forest["trees"].values()
    choices: dict[str, list[list[Any]]] = {}
    for column in ("task", "dataset", "stage", "depth"):
        choices[column] = [list(entry) for entry in sorted(Counter(row[column] for row in rows).items())]
    flags = Counter(flag for row in rows for flag in row["flags"])
    choices["flag"] = [[name, flags[name]] for name in FLAGS if flags[name]]
    choices["wrong"] = [[name, sum(_wrong(tree["rewards"], name) for tree in trees)] for name in models]
    choices["split"] = [
        [right, wrong, sum(_split(tree["rewards"], right, wrong) for tree in trees)]
        for right in models
        for wrong in models
        if right != wrong
    ]
    return choices


def _wrong(rewards: dict[str, Any], model: str) -> bool:
    return model in rewards and rewards[model]["wrong"] > 0


def _split(rewards: dict[str, Any], right: str, wrong: str) -> bool:
    if not {right, wrong} <= set(rewards):  # a tree that was finished after the models were asked
        return False
    ours, theirs = ("".join(rewards[name]["signs"]) for name in (right, wrong))
    return (RIGHT, WRONG) in set(zip(ours, theirs, strict=True))


def _page(data: Any) -> str:
    """The page's files put into one; its policy names the very script that may run."""
    script = "\n".join(_inlined(asset(name)) for name in MODULES)
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
