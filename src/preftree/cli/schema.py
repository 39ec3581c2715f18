"""`preftree schema NAME`: JSON Schemas of settings files, so that editors complete and check them."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add(commands: Any) -> None:
    command = commands.add_parser(
        "schema",
        help="the JSON Schema of a settings file, for editors",
        description="Print the JSON Schema of a recipe or of one stage's settings file. An editor with YAML support "
        "finds it by a first line such as `# yaml-language-server: $schema=PATH`.",
        examples=("recipe", "grow --path"),
    )
    command.add_argument("name", help="recipe, or a stage: grow, export, train, evaluate, …")
    command.add_argument("--path", action="store_true", help="print where the file lies, instead of what it holds")
    command.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from preftree.errors import InputError, nearest
    from preftree.recipe.schema import FOLDER

    names = sorted(path.stem for path in FOLDER.glob("*.json"))
    if arguments.name not in names:
        raise InputError(f'schema: nothing is named "{arguments.name}"{nearest(arguments.name, names)}')
    path = FOLDER / f"{arguments.name}.json"
    print(path if arguments.path else json.dumps(json.loads(path.read_text("utf-8")), indent=1, ensure_ascii=False))
    return 0
