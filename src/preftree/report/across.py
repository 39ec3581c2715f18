"""Several runs against each other: which stages belong together, and which settings differ.

In:  for each run its stages and their settings, as plain values. Out: rows with one entry a run. Pure.
Always true: a path into a run's own directory is the same setting in every run; a stage stands in one row.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from preftree.report.text import MISSING, flat


@dataclass(frozen=True, slots=True)
class Aligned:
    """Stages of one place in their runs; `stages` has one entry a run, None where a run has none."""

    label: str
    stages: tuple[Mapping[str, Any] | None, ...]


def align(runs: Sequence[Sequence[Mapping[str, Any]]]) -> list[Aligned]:
    """Stages by name; those whose names are not in every run by their kind and order ("preference-nca" and
    "preference-dpo" are one place)."""
    shared = set.intersection(*[{stage["name"] for stage in run} for run in runs])
    keyed = [_keys(run, shared) for run in runs]
    order: list[tuple[str, str, int]] = []
    for keys in keyed:  # a run's own stages stand where it has them
        place = 0
        for key in keys:
            if key in order:
                place = order.index(key) + 1
            else:
                order.insert(place, key)
                place += 1
    rows = []
    for key in order:
        stages = tuple(keys.get(key) for keys in keyed)
        rows.append(Aligned(" / ".join(dict.fromkeys(stage["name"] for stage in stages if stage)), stages))
    return rows


def _keys(stages: Sequence[Mapping[str, Any]], shared: set[str]) -> dict[tuple[str, str, int], Mapping[str, Any]]:
    keys: dict[tuple[str, str, int], Mapping[str, Any]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for stage in stages:
        if stage["name"] in shared:
            keys[("", stage["name"], 0)] = stage
            continue
        # A reward model and a policy are not the same place, whatever their order.
        sort = (stage["kind"], _sort(stage))
        keys[(sort[0], sort[1], seen[sort])] = stage
        seen[sort] += 1
    return keys


def _sort(stage: Mapping[str, Any]) -> str:
    objective = str(stage["settings"].get("objective", ""))
    return objective if objective in ("sft", "reward", "") else "preference"


def differing(runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Settings that are not the same in all runs that have their stage, as dotted keys with a value a run; variables
    first. A stage that one run alone has is compared with nothing.

    A run: `variables`, `stages` (each with name, kind, settings), `roots` (how its own directory is written in them).
    """
    # A run that no recipe made has no variables.
    variables = [
        dict(flat(_rooted(run["variables"], run["roots"], {}, out=True))) if run["variables"] else None for run in runs
    ]
    stages = align([run["stages"] for run in runs])
    labels = [{row.stages[i]["name"]: row.label for row in stages if row.stages[i]} for i in range(len(runs))]  # type: ignore[index]
    rows = _different(variables)
    for row in stages:
        tables = [
            None if stage is None else dict(flat(_rooted(stage["settings"], run["roots"], names), f"{row.label}."))
            for stage, run, names in zip(row.stages, runs, labels, strict=True)
        ]
        rows += _different(tables)
    return rows


def _different(tables: Sequence[Mapping[str, str] | None]) -> list[tuple[str, tuple[str, ...]]]:
    """Keys whose values differ between the tables that are there."""
    there = [table for table in tables if table is not None]
    keys = dict.fromkeys(key for table in there for key in table)
    apart = [key for key in keys if len({table.get(key, MISSING) for table in there}) > 1]
    return [(key, tuple((table or {}).get(key, MISSING) for table in tables)) for key in apart]


def _rooted(value: Any, roots: Sequence[str], labels: Mapping[str, str], *, out: bool = False) -> Any:
    """Paths into the run's directory as `@stage/…`, wherever the run lies; of variables, `out` itself is left out."""
    if isinstance(value, Mapping):
        return {key: _rooted(item, roots, labels) for key, item in value.items() if not (out and key == "out")}
    if isinstance(value, (list, tuple)):
        return [_rooted(item, roots, labels) for item in value]
    if not isinstance(value, str):
        return value
    for root in roots:
        if value == root:
            return "@"
        if value.startswith(f"{root}/"):
            stage, *rest = PurePath(value).relative_to(root).parts
            return "@" + "/".join([labels.get(stage, stage), *rest])
    return value if "\n" not in value else json.dumps(value)


def distinct_names(paths: Sequence[PurePath]) -> list[str]:
    """The last part of each path; of those that share it, with as many parts before it as tell them apart."""
    length = dict.fromkeys(paths, 1)
    while True:
        names = {path: "/".join(path.parts[-length[path] :]) for path in paths}
        counts = Counter(names.values())
        twice = [path for path in paths if counts[names[path]] > 1 and length[path] < len(path.parts)]
        if not twice:
            return [names[path] for path in paths]
        for path in twice:
            length[path] += 1
