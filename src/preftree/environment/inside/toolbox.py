"""The functions by which an action asks the host's tools.

In:  the names of the tools, the line to the host, what the earlier cells were told. Out: functions of those names.
Always true: a cell that is replayed is told what it was told then; nothing is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from preftree.environment.inside.channel import AskError, Line

Recorded = tuple[str, str, str, "str | None"]  # tool, arguments, answer, error

_dumps, _loads = json.dumps, json.loads


class Toolbox:
    """The tools of one action."""

    def __init__(self, line: Line | None, names: Sequence[str]) -> None:
        self._line, self._names = line, names
        self._record: list[Recorded] | None = None

    def functions(self) -> dict[str, Callable[..., str]]:
        """One function a tool."""
        return {name: self._function(name) for name in self._names}

    def replay(self, record: Sequence[Recorded]) -> None:
        """Answer the next cell from the record."""
        self._record = list(record)

    def listen(self) -> None:
        """Ask the host from now on."""
        self._record = None

    def _function(self, name: str) -> Callable[..., str]:
        def tool(*args: Any, **keywords: Any) -> str:
            arguments = _dumps([args, keywords], sort_keys=True)
            answer, error = self._answer(name, arguments)
            if error is not None:
                raise RuntimeError(error)
            return answer

        tool.__name__ = tool.__qualname__ = name
        return tool

    def _answer(self, name: str, arguments: str) -> tuple[str, str | None]:
        if self._record is not None:
            told = self._record.pop(0) if self._record else None
            if told is None or told[:2] != (name, arguments):
                return "", f"{name}: the record of this session has no answer to this call"
            return told[2], told[3]
        if self._line is None:
            return "", f"{name}: no tool is at hand"
        try:
            answer, error = _loads(self._line.ask(_dumps([name, arguments])))
        except AskError as fault:
            return "", f"{name}: {fault}"
        return answer, error
