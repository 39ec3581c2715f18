"""What a list of trees is narrowed to, as a condition of the index.

In:  a `Query`, as the page's address holds it. Out: SQL with its values.
Always true: whatever was typed is a value or a quoted phrase, never an operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from preftree.report.text import clean

# What may be wrong, or worth a look, with a tree: a bit each.
FLAGS = ("leaked", "unsolved", "undecided", "truncated", "tool error", "reference", "no pair")
ORDERS = {
    "order": "seq, id",
    "pairs": "pairs DESC, seq, id",
    "depth": "depth DESC, seq, id",
    "cost": "price_usd DESC, tokens DESC, seq, id",
    "tokens": "tokens DESC, seq, id",
    "samples": "samples DESC, seq, id",
}
_MOST_WORDS = 64


@dataclass(frozen=True, slots=True)
class Query:
    """Empty fields narrow nothing. `wrong` names a model that ranks a pair wrongly, `right` one that ranks the same
    pair rightly."""

    task: str = ""
    dataset: str = ""
    stage: str = ""
    depth: int | None = None
    min_pairs: int | None = None
    max_pairs: int | None = None
    min_tokens: int | None = None
    min_usd: float | None = None
    flag: str = ""
    words: str = ""
    wrong: str = ""
    right: str = ""
    order: str = "order"


def where(query: Query, keys: Mapping[str, str]) -> tuple[str, list[Any]]:
    """`keys` gives the models' names the keys under which their rewards are kept."""
    parts: list[str] = []
    values: list[Any] = []
    for column in ("task", "dataset", "stage"):
        if wanted := getattr(query, column):
            parts.append(f"{column} = ?")
            values.append(wanted)
    for condition, wanted in (
        ("depth = ?", query.depth),
        ("pairs >= ?", query.min_pairs),
        ("pairs <= ?", query.max_pairs),
        ("tokens >= ?", query.min_tokens),
        ("price_usd >= ?", query.min_usd),
    ):
        if wanted is not None:
            parts.append(condition)
            values.append(wanted)
    if query.flag:
        parts.append(f"(flags >> {FLAGS.index(query.flag)}) & 1" if query.flag in FLAGS else "0")
    if query.words.strip():
        phrases = match(query.words)
        parts.append("row IN (SELECT rowid FROM words WHERE words MATCH ?)" if phrases else "0")
        values += [phrases] if phrases else []
    wrong, right = keys.get(query.wrong, query.wrong), keys.get(query.right, query.right)
    if query.wrong and query.right:
        parts.append("id IN (SELECT tree FROM splits WHERE right_model = ? AND wrong_model = ?)")
        values += [right, wrong]
    elif query.wrong:
        parts.append("id IN (SELECT tree FROM rewards WHERE model = ? AND wrong > 0)")
        values.append(wrong)
    return f"WHERE {' AND '.join(parts)}" if parts else "", values


def match(words: str) -> str:
    """Every word, the last one as a beginning; what stands in quotes as it stands. Empty: there is no word in it."""
    pieces = clean(words).split('"')
    phrases = [piece for place, piece in enumerate(pieces) if place % 2 and _says(piece)]
    single = [word for place, piece in enumerate(pieces) if place % 2 == 0 for word in piece.split() if _says(word)]
    quoted = [f'"{piece}"' for piece in [*phrases, *single][:_MOST_WORDS]]
    if single and not words[-1:].isspace() and not words.endswith('"'):
        quoted[-1] += "*"
    return " AND ".join(quoted)


def _says(piece: str) -> bool:
    """Signs alone are in no index of words."""
    return any(character.isalnum() for character in piece)
