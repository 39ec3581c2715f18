"""How words are parsed and help is shown, the same for every command.

In:  a command's name, words about it, examples. Out: an argparse parser of it.
Always true: a wrong word is one sentence that begins with `preftree: ` and names the mend, with exit status 2; help
fits the width of the terminal, and an example that is broken over lines can still be pasted into a shell.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from preftree.errors import InputError, nearest

# Longer lines of prose are hard to read, however wide the terminal.
_WIDEST = 100
SETTINGS_HELP = "a settings file, then single settings; preftree settings {name} lists them"


class Formatter(argparse.HelpFormatter):
    """Prose is filled; an indented line stays a line, and goes on with a deeper indent where it is too long."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(shutil.get_terminal_size().columns, _WIDEST))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        # argparse's one seam for descriptions and epilogs: RawDescriptionHelpFormatter is made of it too.
        return "\n".join(filled(text, width))


def filled(text: str, width: int) -> list[str]:
    """The lines of a description at a width."""
    lines: list[str] = []
    prose: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.strip() and not line.startswith(" "):
            prose.append(line)
            continue
        lines += textwrap.wrap(" ".join(prose), width, break_long_words=False, break_on_hyphens=False)
        prose = []
        lines += _indented(line, width) if line.strip() else [""]
    return lines[:-1]


def _indented(line: str, width: int) -> list[str]:
    margin = " " * (len(line) - len(line.lstrip()))
    if line.strip().startswith(("preftree ", "echo ", "source ", "eval ")):
        return _command(line.strip(), margin, width)
    # `name   what it is`: the second column goes on under itself.
    columns = re.match(r"\s*\S+\s{2,}", line)
    inner = " " * columns.end() if columns and columns.end() < width / 2 else margin + "  "
    return textwrap.wrap(
        line.strip(), width, initial_indent=margin, subsequent_indent=inner, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _command(command: str, margin: str, width: int) -> list[str]:
    """A command of the shell, broken at blanks outside quotes, with a backslash at each break."""
    words = re.findall(r"(?:'[^']*'|\"[^\"]*\"|\S)+", command)
    lines = [margin + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) + 2 > width and lines[-1].strip():
            lines[-1] += " \\"
            lines.append(f"{margin}    {word}")
        else:
            lines[-1] += f" {word}"
    return lines


class Parser(argparse.ArgumentParser):
    """One command. `examples` are the words after `preftree NAME`."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), notes: str = "", **named: Any) -> None:
        named.setdefault("formatter_class", Formatter)
        named.setdefault("allow_abbrev", False)  # a new option would change what a script's abbreviation means
        super().__init__(*args, **named)
        if examples:
            shown = "\n".join(f"  {self.prog} {example}".rstrip() for example in examples)
            self.epilog = f"Examples:\n{shown}" + (f"\n\n{notes}" if notes else "")

    def error(self, message: str) -> NoReturn:
        """One sentence in place of the usage; the caller prints it and gives status 2."""
        name = self.prog.partition(" ")[2]
        raise InputError(f"{name}{': ' if name else ''}{message}; see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse lists every choice and suggests none; its own way to say so changes with Python's versions.
        if action.choices is not None and value not in action.choices:
            name = "command" if action.dest == "command" else action.dest
            raise argparse.ArgumentError(None, f'{name} "{value}" is unknown{nearest(value, action.choices)}')


def add_settings(command: argparse.ArgumentParser, name: str, metavar: str = "FILE.yaml | key=value") -> None:
    """The settings of a stage, as a file and as words; they may stand after options too."""
    said = SETTINGS_HELP.format(name=name)
    command.add_argument("settings", nargs="*", default=[], metavar=metavar, help=said)


def refuse(root: argparse.ArgumentParser, name: str | None, rest: Sequence[str]) -> NoReturn:
    """For words that a command doesn't take."""
    command = root
    for action in root._actions if name else ():  # argparse names its actions nowhere else
        if isinstance(action, argparse._SubParsersAction):
            command = action.choices[str(name)]
    option = next((word for word in rest if word.startswith("-")), None)
    if option is None:
        command.error(f'"{rest[0]}" is one word too many')
    known = [option for action in command._actions for option in action.option_strings]
    command.error(f'no option "{option}"{nearest(option.partition("=")[0], known)}')
