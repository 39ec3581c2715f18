"""From YAML and key=value words to typed settings.

In:  a recipe (packaged name or file), overrides. Out: a `Recipe`: variables filled in, stages as plain mappings;
and, stage by stage, frozen dataclasses.
Always true: an unknown key is an error that names the nearest known one; nothing is guessed.

A recipe has `variables` (what `key=value` sets) and `stages` in order. `${name}` is the value of a variable;
`@stage/file` is a path in the output of an earlier stage. A file of one's own names its `base` and sets variables.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from preftree.errors import InputError, nearest
from preftree.records import from_json

T = TypeVar("T")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# YAML 1.1 reads "1e-4" as text; everyone who writes a learning rate means the number.
# Types as whoever writes settings knows them.
_KIND_WORDS = {
    "expected int": "expected a whole number", "expected float": "expected a number", "expected str": "expected text",
    "expected bool": "expected true or false", "got str": "got text", "got int": "got a number",
    "got float": "got a number", "got bool": "got true or false", "got dict": "got a mapping", "got list": "got a list",
    "got NoneType": "got nothing",
}  # fmt: skip
_KINDS = re.compile("|".join(rf"\b{words}\b" for words in _KIND_WORDS))
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


@dataclass(frozen=True, slots=True)
class Recipe:
    name: str
    out: Path
    variables: dict[str, Any]
    stages: dict[str, dict[str, Any]]


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A packaged recipe by name, or a YAML file, with overrides: `variable=value` or `stage.field=value`."""
    data = _read(name)
    values = [_override(word) for word in overrides]
    for path, value in values:
        if len(path) == 1:
            _known(path[0], data["variables"], f'{name}: no variable "{path[0]}"')
            data["variables"][path[0]] = value
    variables = _fill_variables(data["variables"], name)
    stages: dict[str, dict[str, Any]] = _fill(data["stages"], variables, name)
    for path, value in values:
        if len(path) > 1:
            _known(path[0], stages, f'{name}: no stage "{path[0]}"')
            _put(stages[path[0]], path[1:], value, name)
    if not isinstance(variables.get("out"), str):
        raise InputError(f"{name}: variable out: expected a directory")
    return Recipe(data["name"], Path(variables["out"]), variables, stages)


def load_section(words: Sequence[str]) -> dict[str, Any]:
    """The settings of one stage, from at most one YAML file and any number of key=value words."""
    section: dict[str, Any] = {}
    for word in words:
        if "=" not in word:
            if section:
                raise InputError(f'"{word}": expected key=value (one settings file at most, first)')
            section = _mapping(_yaml(Path(word)), word)
        else:
            path, value = _override(word)
            _put(section, path, value, "command line")
    return section


def typed(cls: type[T], section: Mapping[str, Any], where: str) -> T:
    """Settings as a frozen dataclass. Raises InputError that names the place, the field and what was expected."""
    paths = _check_names(cls, section, where, "")
    missing = [
        field.name
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
        and field.name not in section
    ]
    if missing:
        raise InputError(f'{where}: setting "{missing[0]}" is missing; add {missing[0]}=…')
    try:
        return from_json(cls, dict(section))
    except ValueError as fault:
        raise InputError(f"{where}: {_as_written(str(fault), paths)}") from fault


def _check_names(cls: Any, section: Mapping[str, Any], where: str, before: str) -> dict[str, str]:
    """Refuse unknown names, those of inner settings too; returns the path of each class among the settings."""
    hints = typing.get_type_hints(cls)
    paths = {cls.__name__: before}
    for key, value in section.items():
        _known(key, hints, f'{where}: unknown setting "{before}{key}"')
        hint = hints[key]
        options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        inner = [option for option in options if dataclasses.is_dataclass(option)]
        if inner and isinstance(value, Mapping):
            paths |= _check_names(inner[0], value, where, f"{before}{key}.")
    return paths


def _as_written(fault: str, paths: Mapping[str, str]) -> str:
    """What `from_json` says, in the words of whoever wrote the settings: paths in place of classes, kinds by name."""
    for name, path in paths.items():
        if fault.startswith(f"{name}.") or fault.startswith(f"{name}: "):
            fault = path + fault[len(name) + 1 :].lstrip()
            break
    return _KINDS.sub(lambda found: _KIND_WORDS[found[0]], fault)


# ---------------------------------------------------------------- reading


def _read(name: str) -> dict[str, Any]:
    """The merged text of a recipe: its base first, its own values over it."""
    packaged = resources.files("preftree.recipe") / "recipes"
    names = sorted(entry.name.removesuffix(".yaml") for entry in packaged.iterdir() if entry.name.endswith(".yaml"))
    if name in names:
        data = _mapping(_parse((packaged / f"{name}.yaml").read_text("utf-8"), name), name)
    elif Path(name).suffix in (".yaml", ".yml"):
        data = _mapping(_yaml(Path(name)), name)
    else:
        raise InputError(f'no recipe "{name}"{nearest(name, names)} (or give a .yaml file)')
    if "base" not in data:
        if not {"name", "variables", "stages"} <= set(data):
            raise InputError(f"{name}: expected base, or name, variables and stages")
        return data
    base = _read(str(data.pop("base")))
    stages = _mapping(data.pop("stages", {}), f"{name}, stages")
    base["name"] = data.pop("name", base["name"])
    for key, value in data.items():
        _known(key, base["variables"], f'{name}: no variable "{key}"')
        base["variables"][key] = value
    for stage, section in stages.items():
        _known(stage, base["stages"], f'{name}: no stage "{stage}"')
        _merge(base["stages"][stage], _mapping(section, f"{name}, stage {stage}"))
    return base


def _yaml(path: Path) -> Any:
    try:
        return _parse(path.read_text("utf-8"), str(path))
    except OSError as fault:
        raise InputError(f"{path}: can't be read ({fault.strerror}); expected a YAML file") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not UTF-8 (byte {fault.start}); save it as UTF-8") from fault


def _parse(text: str, where: str) -> Any:
    try:
        return _numbers(yaml.safe_load(text))
    except yaml.YAMLError as fault:
        raise InputError(f"{where}: not valid YAML ({' '.join(str(fault).split())})") from fault


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return value


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{where}: expected a mapping of names to values")
    return value


# ---------------------------------------------------------------- overrides and variables


def _override(word: str) -> tuple[list[str], Any]:
    key, sign, text = word.partition("=")
    if not sign or not key:
        raise InputError(f'"{word}": expected key=value')
    # YAML reads a lone dash as a list; who writes one (a source that is left out) means the dash.
    return key.split("."), text if text == "-" else _parse(text, word)


def _put(section: dict[str, Any], path: Sequence[str], value: Any, where: str) -> None:
    for key in path[:-1]:
        inner = section.setdefault(key, {})
        if not isinstance(inner, dict):
            raise InputError(f'{where}: "{key}" has no inner settings')
        section = inner
    section[path[-1]] = value


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _fill_variables(variables: dict[str, Any], where: str) -> dict[str, Any]:
    """Variables may name variables that stand before them."""
    filled: dict[str, Any] = {}
    for key, value in variables.items():
        filled[key] = _fill(value, filled, where)
    return filled


def _fill(value: Any, variables: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, dict):
        return {_fill(key, variables, where): _fill(item, variables, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, variables, where) for item in value]
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        _known(name, variables, f'{where}: no variable "{name}"')
    whole = _VARIABLE.fullmatch(value)
    if whole:
        return variables[whole[1]]
    return _VARIABLE.sub(lambda mark: str(variables[mark[1]]), value)


def _known(key: str, known: Iterable[str], complaint: str) -> None:
    names = list(known)
    if key not in names:
        raise InputError(complaint + nearest(key, names))


def listed(given: str | tuple[str, ...]) -> tuple[str, ...]:
    """`a,b` is the two names, as a list is."""
    words = given.split(",") if isinstance(given, str) else given
    return tuple(word.strip() for word in words if word.strip())
