"""Tools: functions of the host that a running action may call.

In:  a tool's name and the arguments that an action gave it, as plain data. Out: text, or a ToolError in a sentence.
Always true: a tool answers in at most `max_chars` characters that every file can hold; arguments that do not fit its
signature are told to the actor, never raised as a failure of the run.

A tool is one async function in a module of this folder, and one line in `_MODULES`. Its parameters are the actor's,
but the keyword `host`; its docstring is what the actor is told of it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from preftree.environment.tools.host import Host
from preftree.environment.tools.settings import ToolError, ToolSettings
from preftree.errors import InputError

__all__ = ["KNOWN", "ToolError", "ToolSettings", "Tools", "describe"]

# Each tool and the module that defines it. Loaded when asked for: a jail needs none of them.
_MODULES = {"wikipedia_search": "wikipedia"}
# What a problem's `tools` may name; "python" is the interpreter itself.
KNOWN = ("python", *_MODULES)


def describe(names: Sequence[str], first: int = 1) -> str:
    """What an actor is told of these tools: numbered, with signature and docstring. "python" is no function."""
    functions = [name for name in names if name != "python"]
    return "\n".join(
        f"[{number}] {name}{_signature(name)}\n{inspect.getdoc(_function(name))}"
        for number, name in enumerate(functions, first)
    )


class Tools:
    """The tools of one run. One event loop."""

    def __init__(self, settings: ToolSettings | None = None) -> None:
        settings = settings or ToolSettings()
        if settings.wikipedia_corpus is not None and not Path(settings.wikipedia_corpus).is_file():
            raise InputError(f"environment.tools.wikipedia_corpus: no file {settings.wikipedia_corpus}")
        self._host = Host(settings)

    async def call(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> str:
        """The tool's answer; ToolError with what the actor is told if it has none."""
        if name not in _MODULES:
            raise ToolError(f"{name}: no such tool; there are {', '.join(_MODULES)}")
        try:
            bound = _signature(name).bind(*arguments, **keywords)
        except TypeError as error:
            raise ToolError(f"{name}: {error}") from None
        answer = await _function(name)(*bound.args, **bound.kwargs, host=self._host)
        return _cut(answer.encode("utf-8", "replace").decode("utf-8"), self._host.settings.max_chars)

    async def close(self) -> None:
        await self._host.close()


def _function(name: str) -> Callable[..., Awaitable[str]]:
    if name not in _MODULES:
        raise InputError(f'tool "{name}" is unknown; expected one of {", ".join(KNOWN)}')
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    function: Callable[..., Awaitable[str]] = getattr(module, name)
    return function


def _signature(name: str) -> inspect.Signature:
    """The function's, as the actor sees it."""
    whole = inspect.signature(_function(name), eval_str=True)
    return whole.replace(parameters=[one for key, one in whole.parameters.items() if key != "host"])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
