"""What a command says on stdout: tables that fit the terminal, plain lines into a pipe, or one JSON document.

In:  rich tables, sentences, plain values. Out: text on stdout.
Always true: on a terminal a table is never wider than it, and no figure is cut or broken: where the columns don't fit,
each row becomes a block of `name: value`. Into a pipe or a file goes a line a row, its values whole and set apart by
tabs, without colours. `NO_COLOR`, `TERM=dumb` and `FORCE_COLOR` (as on a terminal) are rich's to honour.
"""

from __future__ import annotations

import json
import math
import os
import select
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def emit(document: Any) -> None:
    """The one JSON document of `--json`. JSON has no infinities: a figure that is none is null."""
    print(json.dumps(_finite(document), indent=1, allow_nan=False))


def show(table: Table) -> None:
    """A table, then an empty line."""
    console = stdout()
    if not console.is_terminal:
        print("\n".join(_lines(console, table)), end="\n\n")
        return
    if _fit(console, table):
        console.print(table)
    else:
        for line in _blocks(console, table):
            say(line)
    console.print()


def say(text: str, *, prefix: str = "") -> None:
    """A sentence: filled on a terminal (a path longer than the line stays whole, to be copied), else as it is."""
    console = stdout()
    for line in text.split("\n"):
        if not console.is_terminal:
            print(prefix + line)
            continue
        margin = " " * (len(line) - len(line.lstrip()))
        rows = textwrap.wrap(
            prefix + line, console.width, subsequent_indent=margin + "  " if margin else "",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        print("\n".join(rows))


def stdout() -> Console:
    from rich.console import Console

    class Stdout(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich would end the process; the command line decides what that means

    return Stdout()


# ---------------------------------------------------------------- into a pipe


def _lines(console: Console, table: Table) -> list[str]:
    heads, rows = _cells(console, table)
    title = [str(table.title)] if table.title else []
    caption = [_plain(console, table.caption)] if table.caption else []
    return title + ["\t".join(cells) for cells in [heads, *rows]] + caption


def _cells(console: Console, table: Table) -> tuple[list[str], list[list[str]]]:
    heads = [_plain(console, column.header) for column in table.columns]
    columns = [[_plain(console, cell) for cell in column.cells] for column in table.columns]
    return heads, [list(row) for row in zip(*columns, strict=True)]


def _plain(console: Console, cell: Any) -> str:
    """A cell as one line of text; a plain string is rich's markup, as it is in a table."""
    text = console.render_str(cell).plain if isinstance(cell, str) else str(cell)
    return " ".join(text.split())


# ---------------------------------------------------------------- on a terminal


def _fit(console: Console, table: Table) -> bool:
    """Give every column its width, so that no word is broken; False where they can't stand side by side.

    rich alone narrows the widest column first, and breaks its words while others have room.
    """
    from rich.cells import cell_len

    heads, rows = _cells(console, table)
    least = [0] * len(heads)
    most = [0] * len(heads)
    for cells in [heads, *rows]:
        for at, cell in enumerate(cells):
            least[at] = max(least[at], *(cell_len(word) for word in cell.split() or [""]))
            most[at] = max(most[at], cell_len(cell))
    padding = table.padding[1] + table.padding[3]
    edge = bool(table.box) and table.show_edge
    around = padding * len(heads) - (0 if table.pad_edge else padding)
    around += (len(heads) - 1 if table.box else 0) + (2 if edge else 0)
    room = console.width - around - sum(least)
    if room < 0:
        return False
    for at in sorted(range(len(heads)), key=lambda at: most[at] - least[at]):
        more = min(most[at] - least[at], room)
        room -= more
        table.columns[at].width = least[at] + more
        table.columns[at].no_wrap = False
        table.columns[at].overflow = "fold"
    return True


def _blocks(console: Console, table: Table) -> list[str]:
    """Each row on its own: its first value, and the others by the names of their columns below it."""
    heads, rows = _cells(console, table)
    lines = [str(table.title)] if table.title else []
    for row in rows:
        lines += [row[0]] if row[0] else []
        named = [(name, cell) for name, cell in zip(heads[1:], row[1:], strict=True) if cell]
        lines += [f"  {name}: {cell}" if name else f"  {cell}" for name, cell in named]
    return [*lines, *([_plain(console, table.caption)] if table.caption else [])]


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


# ---------------------------------------------------------------- a reader that has gone


def reader_has_gone() -> bool:
    """Whether stdout or stderr is a pipe that nobody reads any more; other pipes that break are failures."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        poll.register(stream.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def silence() -> None:
    """What is still in the buffers goes nowhere, so that the end of Python is silent too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
