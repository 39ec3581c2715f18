"""`preftree settings NAME`: every setting of a stage, or every variable of a recipe, with what it is now."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from preftree.cli.known import recipe_names, stage_settings
from preftree.cli.screen import emit, show


def add(commands: Any) -> None:
    command = commands.add_parser(
        "settings",
        help="the settings of a stage, or the variables of a recipe",
        description="List what can be set: of a stage each setting with its type, its default and what it is; of a "
        "recipe its variables with their values, and its stages. A setting with dots is written so on the command "
        "line (policy.max_turns=3), and as mappings in a YAML file.",
        examples=("grow", "quickstart", "train --json", "mine.yaml"),
    )
    command.add_argument("name", metavar="NAME", help="a stage (or exec), a packaged recipe, or a recipe's YAML file")
    command.add_argument("--json", action="store_true", help="print the list as JSON")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.name
    if name in recipe_names() or Path(name).suffix in (".yaml", ".yml"):
        return _recipe(name, as_json=arguments.json)
    settings = stage_settings(name)
    if arguments.json:
        emit([dataclasses.asdict(setting) for setting in settings])
        return 0
    table = _table(f"Settings of {name}", "setting", "type", "default", "what it is")
    for one in settings:
        _row(table, one.name, one.type, "" if one.default is None else _shown(one.default), one.meaning)
    show(table)
    return 0


def _recipe(name: str, *, as_json: bool) -> int:
    from preftree.recipe import load_recipe

    recipe = load_recipe(name)
    stages = {stage: section.get("kind") for stage, section in recipe.stages.items()}
    if as_json:
        emit({"recipe": recipe.name, "variables": recipe.variables, "stages": stages})
        return 0
    variables = _table(f"Variables of {recipe.name}", "variable", "value")
    for variable, value in recipe.variables.items():
        _row(variables, variable, _shown(value))
    show(variables)
    table = _table(f"Stages of {recipe.name}", "stage", "kind", "its settings")
    for stage, kind in stages.items():
        _row(table, stage, str(kind), f"{stage}.SETTING=value; preftree settings {kind}")
    show(table)
    return 0


def _table(title: str, *columns: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(*columns, title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)


def _row(table: Any, *cells: str) -> None:
    from rich.text import Text

    table.add_row(*map(Text, cells))


def _shown(value: Any) -> str:
    """As one writes it after `key=`."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
