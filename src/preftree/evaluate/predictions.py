"""Given responses, read from a file and set against a benchmark's items.

In:  rows {"id", "response"[, "sample"]}: `response` is text, or a list of texts where a benchmark has several turns;
     `id` is that of the published row, a number or text, or, where rows have none, its place in the file, from 0.
Out: predictions in the order of their rows; for each item, its own by sample.
Always true: a row that can't be used, an id that no item has, and two rows for one item and sample are each an
InputError that names file, row and field; other fields are no concern of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from preftree.engine.calls import whole
from preftree.errors import InputError
from preftree.evaluate.benchmark import Benchmark, Form, Item
from preftree.problems.places import Place, file_values, place_files


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row: `where` names it, `responses` are its texts, one a turn."""

    where: str
    id: str
    sample: int
    responses: tuple[str, ...]


def prediction_rows(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a file with their numbers, from 1 (of lines, the line's own); each is an object with an id."""
    file = Path(path)
    if not file.is_file():
        raise InputError(f'{path}: no such file; expected rows {{"id": …, "response": …}}')
    for value in file_values(place_files(Place(path))[0]):
        where = f"{path} row {value.number}"
        if value.broken or not isinstance(value.content, dict):
            raise InputError(f"{where}: {value.broken or 'expected a JSON object, got ' + _kind(value.content)}")
        if "id" not in value.content:
            raise InputError(f'{where}, field "id": missing')
        identity = value.content["id"]
        if isinstance(identity, bool) or not isinstance(identity, (int, str)):
            raise InputError(f'{where}, field "id": expected text or a whole number, got {_kind(identity)}')
        yield value.number, value.content


def read_predictions(path: str) -> list[Prediction]:
    """All rows as predictions."""
    return [_prediction(f"{path} row {number}", row) for number, row in prediction_rows(path)]


def by_item(
    predictions: Sequence[Prediction], benchmark: Benchmark, items: Sequence[Item], form: Form
) -> dict[str, dict[int, Prediction]]:
    """The predictions of each item by sample, in the order of the items; an item without one is left out."""
    known = {item.id: item for item in items}
    found: dict[str, dict[int, Prediction]] = {}
    for one in predictions:
        item = known.get(one.id)
        if item is None:
            raise InputError(
                f'{one.where}, field "id": {benchmark.name} has no item {json.dumps(one.id)}{_near(known)}'
            )
        mine = found.setdefault(one.id, {})
        if one.sample in mine:
            raise InputError(
                f"{mine[one.sample].where} and {one.where.rpartition(' row ')[2]}: two responses to item "
                f'{json.dumps(one.id)}; several samples of an item differ in "sample"'
            )
        _check_turns(one, benchmark, item, form)
        mine[one.sample] = one
    return {item.id: found[item.id] for item in items if item.id in found}


def _prediction(where: str, row: dict[str, Any]) -> Prediction:
    sample = row.get("sample", 0)
    if isinstance(sample, bool) or not isinstance(sample, int) or sample < 0:
        raise InputError(f'{where}, field "sample": expected a whole number from 0, got {json.dumps(sample)}')
    if "response" not in row:
        raise InputError(f'{where}, field "response": missing')
    said = row["response"]
    texts = [said] if isinstance(said, str) else said
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f'{where}, field "response": expected text, or a list of texts, one a turn')
    return Prediction(where, str(row["id"]), sample, tuple(map(whole, texts)))  # as a model's own answers are kept


def _check_turns(one: Prediction, benchmark: Benchmark, item: Item, form: Form) -> None:
    """A benchmark with a conversation of its own kind takes any number of turns."""
    if benchmark.converse is not None:
        return
    turns = 1 + len(benchmark.ask(item, form).then)
    if len(one.responses) != turns:
        expected = "one text" if turns == 1 else f"a list of {turns} texts, one a turn"
        raise InputError(f'{one.where}, field "response": expected {expected}, got {len(one.responses)}')


def _near(known: dict[str, Item]) -> str:
    first, *_, last = [*known, *known] or ["", ""]
    return f" (there are {len(known):,}, from {json.dumps(first)} to {json.dumps(last)})"


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
