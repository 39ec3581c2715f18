"""Running code like a notebook cell.

In:  an action's code, its number, the namespace that the cells of a trajectory share. Out: how it ended, the
repr of its last expression, and what a reader needs of its error: the action's own frames, not the library's.
Always true: nothing that the code does or raises leaves `run` as an exception, except the end of the process.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import sys
import textwrap
import traceback
from dataclasses import dataclass
from types import CodeType
from typing import Any

_MAX_CHARS = 20_000  # of a value or a trace; far more than an actor is shown
_MAX_CHAIN = 3
_REPEATS_SHOWN = 3

# Taken before any judged code ran: a cell that replaces a builtin must not trip the runner.
_repr, _exec, _eval, _len, _str, _isinstance = repr, exec, eval, len, str, isinstance


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cell ended. `status`: ok | error | syntax | memory; `value` the last expression's repr, if any."""

    status: str
    value: str | None = None
    trace: str = ""


def run(code: str, number: int, namespace: dict[str, Any], *, echo: bool = True) -> Ending:
    """Run a cell; it may print, raise, exit or change anything in its process. `echo`: tell its last value."""
    name = f"Cell In[{number}]"
    code = textwrap.dedent(code)
    linecache.cache[name] = (len(code), None, [f"{line}\n" for line in code.splitlines()], name)
    try:
        statements, expression = _compiled(code, name)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        return Ending("syntax", trace=_syntax_trace(error, name))
    try:
        _exec(statements, namespace)
        if expression is None:
            return Ending("ok")
        value = _eval(expression, namespace)
        if value is None or not echo:
            return Ending("ok")
        namespace["_"] = value
        text = _repr(value)
        # A str subclass could lie about its length to the checks that follow.
        return Ending("ok", value=_bounded(_str.__str__(text)))
    except SystemExit as error:
        if error.code in (None, 0):
            return Ending("ok")
        return Ending("error", trace=_trace(error))
    except MemoryError as error:
        return Ending("memory", trace=_trace(error))
    except BaseException as error:  # noqa: BLE001 (whatever the code raises is its result)
        return Ending("error", trace=_trace(error))


def _compiled(code: str, name: str) -> tuple[CodeType, CodeType | None]:
    """The statements, and the last expression apart, if the code ends with one."""
    tree = ast.parse(code, name)
    last: ast.Expression | None = None
    if tree.body and _isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    statements = compile(tree, name, "exec", dont_inherit=True)
    return statements, None if last is None else compile(last, name, "eval", dont_inherit=True)


def _syntax_trace(error: BaseException, name: str) -> str:
    text = "".join(traceback.format_exception_only(type(error), error))
    return _bounded(text.replace(f'  File "{name}"', name, 1).rstrip("\n"))


def _trace(error: BaseException) -> str:
    """The error and what led to it, each with the frames of cells only."""
    try:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))
        return _bounded("\n".join(_chain(error)))
    except BaseException:  # noqa: BLE001 (an exception class of the code's own can fail while it is printed)
        return f"{type(error).__name__}: (an exception that can't be printed)"


def _chain(error: BaseException, depth: int = 1) -> list[str]:
    cause, context = error.__cause__, None if error.__suppress_context__ else error.__context__
    lines: list[str] = []
    earlier = cause if cause is not None else context
    if earlier is not None and depth < _MAX_CHAIN:
        how = "The above exception was the direct cause of the following exception:"
        if cause is None:
            how = "During handling of the above exception, another exception occurred:"
        lines = [*_chain(earlier, depth + 1), "", how, ""]
    frames = _frames(error)
    if frames:
        lines += ["Traceback (most recent call last):", *frames]
    return [*lines, "".join(traceback.format_exception_only(type(error), error)).rstrip("\n")]


def _frames(error: BaseException) -> list[str]:
    lines: list[str] = []
    previous, repeats = "", 0
    for frame, line_number in traceback.walk_tb(error.__traceback__):
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        if not name.startswith("Cell In["):
            continue
        where = f"  {name}, line {line_number}" + ("" if function == "<module>" else f", in {function}")
        repeats = repeats + 1 if where == previous else 0
        previous = where
        if repeats < _REPEATS_SHOWN:
            source = linecache.getline(name, line_number).strip()
            lines += [where, f"    {source}"] if source else [where]
        elif lines[-1].startswith("  ["):
            lines[-1] = f"  [the same line {repeats - _REPEATS_SHOWN + 1} more times]"
        else:
            lines.append("  [the same line 1 more times]")
    return lines


def _bounded(text: str) -> str:
    if _len(text) <= _MAX_CHARS:
        return text
    half = _MAX_CHARS // 2
    return f"{text[:half]} … {text[-half:]}"


def fresh_namespace(module: Any) -> dict[str, Any]:
    """The names that cells share: those of a module called `__main__`."""
    namespace: dict[str, Any] = vars(module)
    namespace["__builtins__"] = builtins
    return namespace
