"""Answering what a running action asks of the host's tools.

In:  questions, as an action's side writes them. Out: answers, and a record of what was asked and told.
Always true: an action reaches only the tools that its problem names, and only so often; whatever bytes it sends,
it gets an answer or an error that it is told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from preftree.environment.tools import ToolError, Tools
from preftree.records import ToolCall


class ToolLog:
    """Answers an action's questions by the tools, and keeps what was asked and told."""

    def __init__(self, tools: Tools, allowed: Sequence[str], limit: int) -> None:
        self._tools, self._allowed, self._limit = tools, allowed, limit
        self.calls: list[ToolCall] = []

    async def answer(self, question: str) -> str:
        """The answer to one question, as the action's side reads it."""
        try:
            tool, arguments = json.loads(question)
            args, keywords = json.loads(arguments)
            call = await self._call(str(tool), str(arguments), list(args), dict(keywords))
        except (ValueError, TypeError, RecursionError):
            return json.dumps(["", "the question is of no form that a tool understands"])
        return json.dumps([call.answer, call.error])

    async def _call(self, tool: str, arguments: str, args: list[Any], keywords: dict[str, Any]) -> ToolCall:
        if tool not in self._allowed:
            return ToolCall(tool, arguments, error=f"{tool}: no such tool here")
        if len(self.calls) >= self._limit:
            return ToolCall(tool, arguments, error=f"{tool}: more than {self._limit} calls in one action")
        try:
            call = ToolCall(tool, arguments, await self._tools.call(tool, args, keywords))
        except ToolError as error:
            call = ToolCall(tool, arguments, error=str(error))
        self.calls.append(call)
        return call
