"""Pages of the site that are made when it is built, so that they can't go stale.

In:  the command line's parser, the packaged schemas and recipes, the Markdown files at the root of the repository.
Out: Markdown: reference/commands.md, reference/settings.md, architecture.md, contributing.md, changelog.md; and in a
page of the cookbook the tables in the place of `<!-- recipe: NAME -->`.
Always true: nothing is fetched; a link from a root file to docs/ and back works in the repository and in the site.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from preftree.cli import parser
from preftree.recipe import load_recipe

ROOT = Path(__file__).parents[2]
_ROOT_PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_RECIPE = re.compile(r"<!-- recipe: ([\w-]+) -->")
_VARIABLE = re.compile(r"^  (\w+):[^#\n]*?#\s*(.+)$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {"reference/commands.md": commands(parser()), "reference/settings.md": settings()}
    for name, page in _ROOT_PAGES.items():
        made[page] = root_page((ROOT / name).read_text("utf-8"))
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The tables of a recipe, and links to files at the root."""
    for name, target in _ROOT_PAGES.items():
        up = "../" * page.file.src_uri.count("/")
        markdown = markdown.replace(f"](../{up}{name}", f"]({up}{target}")
    return _RECIPE.sub(lambda mark: recipe_tables(mark[1]), markdown)


def root_page(text: str) -> str:
    """A file at the root, as a page of the site."""
    for name, target in _ROOT_PAGES.items():
        text = text.replace(f"]({name}", f"]({target}")
    return text.replace("](docs/", "](")


# ---------------------------------------------------------------- the command line


def commands(root: argparse.ArgumentParser) -> str:
    """One section a command: its help, as the terminal shows it at 100 columns."""
    os.environ["COLUMNS"], os.environ["NO_COLOR"] = "100", "1"
    lines = [
        "# The command line",
        "",
        "What `preftree COMMAND --help` prints. Settings are words `key=value` ([settings](settings.md)).",
        "Exit status: 0 done; 1 the run failed; 2 the input or the settings are wrong; 3 stopped cleanly: run again.",
        "",
        *_help(root),
    ]
    for action in root._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                lines += ["", f"## preftree {name}", "", *_help(command)]
    return "\n".join(lines) + "\n"


def _help(command: argparse.ArgumentParser) -> list[str]:
    return ["```text", command.format_help().rstrip(), "```"]


# ---------------------------------------------------------------- settings


def settings() -> str:
    """Every setting of every stage, from the packaged schemas, which are made from the settings' classes."""
    folder = resources.files("preftree.recipe") / "schemas"
    schemas = {
        entry.name.removesuffix(".json"): json.loads(entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".json")
    }
    lines = [
        "# Settings",
        "",
        "Every setting of every stage, as `preftree schema STAGE` gives them to an editor; how they are written:",
        "[recipes and settings files](../recipe-files.md).",
    ]
    shared: dict[str, Any] = {}
    for kind, schema in schemas.items():
        if kind != "recipe":
            shared |= schema.get("$defs", {})
            lines += ["", f"## {kind}", "", *_properties(schema)]
    for name, schema in sorted(shared.items()):
        lines += ["", f"## {name}", "", *_properties(schema)]
    return "\n".join(lines) + "\n"


def _properties(schema: dict[str, Any]) -> list[str]:
    words = [schema["description"], ""] if schema.get("description") else []
    head = ["| setting | values | default | what it is |", "|---|---|---|---|"]
    rows = []
    for name, field in schema["properties"].items():
        default = json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
        cells = (f"`{name}`", _kind(field), default and f"`{default}`", field.get("description", ""))
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return words + head + rows


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(option) for option in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    inner = field.get("additionalProperties")
    if field.get("type") == "object" and isinstance(inner, dict):
        return f"mapping to {_kind(inner)}"
    return str(field.get("type", "any"))


def _cell(text: str) -> str:
    """One line that can't end a cell."""
    return " ".join(text.split()).replace("|", "\\|")


# ---------------------------------------------------------------- recipes


def recipe_tables(name: str) -> str:
    """The variables of a recipe with their defaults, its stages, and what a stage's rows are mixed of."""
    recipe = load_recipe(name)
    comments = _comments(name)
    lines = ["| variable | default | |", "|---|---|---|"]
    for variable, value in recipe.variables.items():
        lines.append(f"| `{variable}` | {_code(_plain(value))} | {_cell(comments.get(variable, ''))} |")
    lines += ["", "| stage | kind | settings that stand in the recipe |", "|---|---|---|"]
    for stage, section in recipe.stages.items():
        shown = "<br>".join(_code(line) for line in _flat(section))
        lines.append(f"| `{stage}` | {section['kind']} | {shown} |")
    return "\n".join(lines)


def _flat(section: dict[str, Any], above: str = "") -> list[str]:
    """`key=value` as one would write it on the command line, nested keys with dots, each row of a mix on a line."""
    lines = []
    for key, value in section.items():
        if key == "kind" and not above:
            continue
        if isinstance(value, dict) and value:
            lines += _flat(value, f"{above}{key}.")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            lines += [f"{above}{key}: {_plain(item)}" for item in value]
        else:
            lines.append(f"{above}{key}={_plain(value)}")
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_plain(item)}" for key, item in value.items() if item is not None)
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _code(text: str) -> str:
    """As code, whatever marks of Markdown stand in it."""
    marked = html.escape(text.replace("\n", "\\n"))
    for mark in "|`*_[]":
        marked = marked.replace(mark, f"&#{ord(mark)};")
    return f"<code>{marked}</code>"


def _comments(name: str) -> dict[str, str]:
    """What stands beside the variables, in the recipe or in its base."""
    text = (resources.files("preftree.recipe") / "recipes" / f"{name}.yaml").read_text("utf-8")
    base = re.search(r"^base: ([\w-]+)$", text, re.MULTILINE)
    found = _comments(base[1]) if base else {}
    return found | dict(_VARIABLE.findall(text.partition("\nstages:")[0]))
