"""What Tab offers: names of recipes, benchmarks and settings, values of settings, and files.

In:  the parsers of all commands; the words that a shell has so far. Out: completions, by argcomplete.
Always true: answering loads nothing heavy (`known` reads packaged files); only a recipe's own settings need a recipe to
be read. What can't be read offers nothing, and says nothing: the line is still being written.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from preftree.cli.known import Setting, recipe_names, registered, stage_names, stage_settings

Completer = Callable[..., Iterable[str]]
# Settings whose value is a name out of a registry.
_REGISTRIES = {"benchmarks": "benchmarks", "suite": "suites", "verifier": "verifiers"}
_MODELS = ("model", "tokenizer", "policy", "reference_model", "reward_model", "template")
# Of `stats` and `view`, which have no schema.
_PLAIN = {
    "stats": ("tokenizer",),
    "view": ("tokenizer", "template", "reward_model", "policy", "reference_model", "max_tokens"),
}


def attach(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """Say for every argument what it may be."""
    for name, parser in commands.items():
        for action in parser._actions:  # argparse has no public list of them
            completer = _completer(name, action.dest)
            if completer is not None:
                action.completer = completer  # type: ignore[attr-defined]  # argcomplete looks there


def answer(root: argparse.ArgumentParser) -> None:
    """If a shell asks (by `_ARGCOMPLETE`), print the completions and end; else nothing."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(root, always_complete_options=False)


def _completer(command: str, argument: str) -> Completer | None:
    if argument == "settings" or (command == "import" and argument == "words"):
        return _words
    if command == "run" and argument == "recipe":
        return lambda prefix, **_: [*recipe_names(), *_files(prefix, (".yaml", ".yml"))]
    if command == "run" and argument == "until":
        return _stages
    if command == "score" and argument == "benchmark":
        return lambda **_: [*registered("benchmarks"), *registered("reward_benchmarks")]
    if command == "verify" and argument == "kind":
        return lambda **_: registered("verifiers")
    if command == "schema" and argument == "name":
        return lambda **_: ["recipe", *stage_names()]
    if command == "settings" and argument == "name":
        return lambda prefix, **_: [*stage_names(), "exec", *recipe_names(), *_files(prefix, (".yaml", ".yml"))]
    if argument == "paper_tables":
        return lambda **_: registered("paper_tables")
    return None  # argcomplete offers choices where there are some, else files


# ---------------------------------------------------------------- settings


def _words(prefix: str, parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """`key=` with its values, or keys that may follow, or a settings file."""
    key, sign, value = prefix.partition("=")
    known = _known(parsed_args)
    if sign:
        return [f"{key}={one}" for one in _values(key, value, known)]
    keys = [f"{path}=" for path in _paths(prefix, known)]
    return [*keys, *_files(prefix, () if parsed_args.command in ("import", "view") else (".yaml", ".yml"))]


def _known(arguments: argparse.Namespace) -> list[Setting]:
    command = str(arguments.command)
    if command == "run":
        return _recipe_settings(str(getattr(arguments, "recipe", "")))
    if command in _PLAIN:
        return [Setting(name, "text", None, "") for name in _PLAIN[command]]
    return stage_settings(command)


def _recipe_settings(name: str) -> list[Setting]:
    """A recipe's variables, and its stages' settings; nothing where the recipe can't be read."""
    from preftree.errors import InputError
    from preftree.recipe import load_recipe

    try:
        recipe = load_recipe(name)
    except InputError:
        return []
    found = [Setting(variable, "text", value, "") for variable, value in recipe.variables.items()]
    for stage, section in recipe.stages.items():
        for one in stage_settings(str(section["kind"])):
            found.append(Setting(f"{stage}.{one.name}", one.type, one.default, one.meaning, one.values))
    return found


def _paths(prefix: str, known: Iterable[Setting]) -> list[str]:
    """Names of settings that go on from here; NAME stands for whatever was written in its place."""
    written = prefix.split(".")
    found: dict[str, None] = {}
    for one in known:
        parts = one.name.split(".")
        if len(written) > len(parts) and parts[-1] != "NAME":
            continue
        own = [
            word if part == "NAME" and word else part for part, word in zip(parts, written[:-1], strict=False)
        ] + parts[len(written) - 1 :]
        if one.type == "settings by name" or "NAME" in own:
            continue  # it is for the user to name
        if ".".join(own).startswith(prefix):
            found[".".join(own)] = None
    return list(found)


def _values(key: str, value: str, known: Iterable[Setting]) -> list[str]:
    words = key.split(".")
    for one in known:
        parts = one.name.split(".")
        if len(parts) == len(words) and all(a in (b, "NAME") for a, b in zip(parts, words, strict=True)) and one.values:
            return [json.dumps(each) if isinstance(each, bool) else str(each) for each in one.values]
    last = words[-1]
    if last in _REGISTRIES:
        before = value[: value.rfind(",") + 1] if "," in value else "[" if value.startswith("[") else ""
        return [f"{before}{name}" for name in registered(_REGISTRIES[last])]
    if last == "protocol":
        return registered("protocols")
    return [*(["embedded"] if last in _MODELS else []), *_files(value)]


def _stages(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    from preftree.errors import InputError
    from preftree.recipe import load_recipe

    try:
        return list(load_recipe(str(parsed_args.recipe)).stages)
    except InputError:
        return []


# ---------------------------------------------------------------- files


def _files(prefix: str, endings: tuple[str, ...] = ()) -> list[str]:
    """Files that begin so (with one of these endings) and directories, which end in a slash."""
    folder, _, start = prefix.rpartition("/")
    place = Path(f"{folder}/" if "/" in prefix else ".").expanduser()
    try:
        entries = sorted(place.iterdir())
    except OSError:
        return []  # no such directory: nothing to offer
    found = []
    for entry in entries:
        if not entry.name.startswith(start) or (entry.name.startswith(".") and not start):
            continue
        shown = f"{folder}/{entry.name}" if "/" in prefix else entry.name
        if entry.is_dir():
            found.append(f"{shown}/")
        elif not endings or entry.suffix in endings:
            found.append(shown)
    return found
