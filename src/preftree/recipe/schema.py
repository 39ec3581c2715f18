"""JSON Schemas of settings files, for editors: made from the settings' own classes.

In:  the kinds of stages. Out: a schema for the settings file of one stage, and one for recipes; `write` packages them.
Always true: what a schema refuses, `typed` refuses; a field's words are those that stand beside it in its class.

An editor finds a schema by a line at the top of a YAML file:
`# yaml-language-server: $schema=PATH`, where `preftree schema recipe --path` prints PATH.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import io
import json
import textwrap
import tokenize
import types
import typing
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from preftree.actors import ActorSettings
from preftree.recipe.runner import KINDS, stage_module
from preftree.recipe.scoring import Settings as ScoreSettings

FOLDER = Path(__file__).parent / "schemas"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
# In a recipe any value may be a variable, or a file of an earlier stage.
_REFERENCE = {"type": "string", "pattern": r"^@|\$\{\w+\}"}
# Fields that hold the settings of actors by name.
_ACTORS = ("actors", "models", "policy")
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def stage_schema(kind: str) -> dict[str, Any]:
    """Of one stage's settings file, or of `preftree score`'s."""
    made = _Made(references=False)
    body = made.settings(_settings_class(kind), out=kind != "score")
    return {"$schema": _DRAFT, "title": f"preftree {kind}", **body, "$defs": made.definitions}


def recipe_schema() -> dict[str, Any]:
    """Of a recipe: variables and stages, or a base and what is changed of it."""
    made = _Made(references=True)
    stages = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": made.settings(stage_module(kind).Settings, kind=kind),
        }
        for kind in KINDS
    ]
    return {
        "$schema": _DRAFT,
        "title": "preftree recipe",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "base": {"type": "string", "description": "a packaged recipe, whose variables and stages this one changes"},
            "variables": {"type": "object"},
            "stages": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"kind": {"enum": list(KINDS)}},
                    "allOf": stages,
                },
            },
        },
        "$defs": made.definitions,
    }


def write(folder: Path = FOLDER) -> list[Path]:
    """All schemas as files."""
    folder.mkdir(exist_ok=True)
    found = {"recipe": recipe_schema()} | {kind: stage_schema(kind) for kind in (*KINDS, "score")}
    paths = []
    for name, schema in found.items():
        paths.append(folder / f"{name}.json")
        paths[-1].write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return paths


def _settings_class(kind: str) -> Any:
    return ScoreSettings if kind == "score" else stage_module(kind).Settings


class _Made:
    """Definitions, each made once."""

    def __init__(self, *, references: bool) -> None:
        self._references = references
        self.definitions: dict[str, Any] = {}

    def settings(self, cls: type, *, kind: str = "", out: bool = False) -> dict[str, Any]:
        """An object with the class's fields and no others."""
        hints, words = get_type_hints(cls), field_words(cls)
        properties: dict[str, Any] = {"kind": {"const": kind}} if kind else {}
        if out:
            properties["out"] = {"type": "string", "description": "the directory of the results"}
        required = []
        for field in dataclasses.fields(cls):
            shown = self._value(hints[field.name], field.name)
            if words.get(field.name):
                shown = {"description": words[field.name], **shown}
            default = _default(field)
            if default is not None:
                shown = {**shown, "default": default}
            properties[field.name] = shown
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                required.append(field.name)
        body: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        # On the command line, and in a recipe that has a base, the rest may stand elsewhere.
        return (
            body
            | ({"description": inspect.getdoc(cls)} if _own_words(cls) else {})
            | ({"required": required} if required and not self._references and not out else {})
        )

    def _value(self, hint: Any, name: str) -> dict[str, Any]:
        found = self._plain(hint, name)
        if self._references and found.get("type") != "string" and "$ref" not in found:
            return {"anyOf": [found, _REFERENCE]}
        return found

    def _plain(self, hint: Any, name: str) -> dict[str, Any]:
        origin, inner = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self._plain(option, name) for option in inner]}
        if origin is tuple:
            return {"type": "array", "items": self._value(inner[0], name)}
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is dict or hint is dict:
            actor = self._definition(ActorSettings) if name in _ACTORS else {}
            return {"type": "object", **({"additionalProperties": actor} if actor else {})}
        if dataclasses.is_dataclass(hint):
            return self._definition(typing.cast(type, hint))
        return {"type": _PLAIN[hint]} if hint in _PLAIN else {}

    def _definition(self, cls: type) -> dict[str, Any]:
        if cls.__name__ not in self.definitions:
            self.definitions[cls.__name__] = {}  # for classes that hold themselves
            self.definitions[cls.__name__] = self.settings(cls)
        return {"$ref": f"#/$defs/{cls.__name__}"}


def _default(field: dataclasses.Field[Any]) -> Any:
    """What a field is where it is left out, if that is a plain value."""
    value = field.default
    if isinstance(value, (str, int, float, bool)):
        return value
    return (
        list(value) if isinstance(value, tuple) and all(isinstance(item, (str, int, float)) for item in value) else None
    )


def _own_words(cls: type) -> bool:
    return bool(cls.__doc__) and not str(cls.__doc__).startswith(f"{cls.__name__}(")


@functools.cache
def field_words(cls: type) -> dict[str, str]:
    """What stands beside each field of a class: the comment on its line, or the string below it."""
    source = textwrap.dedent(inspect.getsource(cls))
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    words: dict[str, str] = {}
    for place, node in enumerate(body.body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        below = body.body[place + 1] if place + 1 < len(body.body) else None
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            words[node.target.id] = " ".join(below.value.value.split())
        elif comment := comments.get(node.end_lineno or 0):
            words[node.target.id] = comment
    return words


if __name__ == "__main__":
    for path in write():
        print(path)
