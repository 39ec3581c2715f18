"""What there is to name: the settings of a stage, recipes, benchmarks and the like.

In:  the name of a stage. Out: plain rows and names.
Always true: all is read from packaged files (the schemas, which are made from the settings' own classes, and
`names.json`), which tests hold equal to what they were made from; no list is kept by hand. Nothing heavy is loaded, not
even `preftree.recipe`: completion reads this at every key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import preftree
from preftree.errors import InputError, nearest


@dataclass(frozen=True, slots=True)
class Setting:
    name: str  # with dots: policy.max_turns; NAME stands for a name of one's own
    type: str
    default: Any  # None where it has none, or one that is made when it is needed
    meaning: str
    values: tuple[Any, ...] = ()  # where only these are allowed


def registered(what: str) -> list[str]:
    """The names of a registry: benchmarks, suites, verifiers, …"""
    names: dict[str, list[str]] = json.loads((_packaged() / "names.json").read_text("utf-8"))
    return names[what]


def stage_names() -> list[str]:
    """The stages that have settings of their own."""
    names = (entry.name.removesuffix(".json") for entry in (_packaged() / "schemas").iterdir())
    return sorted(name for name in names if name != "recipe")


def recipe_names() -> list[str]:
    """The packaged recipes."""
    return sorted(entry.name.removesuffix(".yaml") for entry in (_packaged() / "recipes").iterdir())


def stage_settings(kind: str) -> list[Setting]:
    """All settings of a stage, those of inner classes by their path. "exec" has those of growing's environment."""
    if kind == "exec":
        return [setting for setting in stage_settings("grow") if setting.name.startswith("environment.")]
    if kind not in (names := stage_names()):
        raise InputError(f'no stage "{kind}"{nearest(kind, [*names, "exec", *recipe_names()])}')
    schema = json.loads((_packaged() / "schemas" / f"{kind}.json").read_text("utf-8"))
    return list(_flat(schema, schema["$defs"], ""))


def _packaged() -> Path:
    return Path(preftree.__file__).parent / "recipe"


def _flat(schema: Mapping[str, Any], definitions: Mapping[str, Any], before: str) -> Iterator[Setting]:
    for name, field in schema["properties"].items():
        path = f"{before}{name}"
        if inner := _inner(field):
            yield from _flat(definitions[inner], definitions, f"{path}.")
            continue
        if (named := field.get("additionalProperties")) and isinstance(named, dict):
            yield Setting(path, "settings by name", field.get("default"), field.get("description", ""))
            yield from _flat(definitions[_inner(named)], definitions, f"{path}.NAME.")
            continue
        yield Setting(path, _type(field), field.get("default"), field.get("description", ""), _values(field))


def _inner(field: Mapping[str, Any]) -> str:
    return str(field.get("$ref", "")).rpartition("/")[2]


def _type(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option) for option in field["anyOf"]))
    if "enum" in field:
        return " or ".join(str(value) for value in field["enum"])
    if "$ref" in field:
        return "settings"
    words = {"string": "text", "boolean": "true or false", "null": "nothing", "object": "settings"}
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return words.get(field.get("type", ""), str(field.get("type", "any")))


def _values(field: Mapping[str, Any]) -> tuple[Any, ...]:
    if "anyOf" in field:
        return tuple(value for option in field["anyOf"] for value in _values(option))
    return tuple(field.get("enum", (True, False) if field.get("type") == "boolean" else ()))
