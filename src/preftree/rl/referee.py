"""Judging answers for code that is not ours: from any thread, with or without a loop of its own.

In:  problems by id, conversations. Out: actions with observation and verdict, and the next user message.
Always true: an answer is run and judged as in growing and evaluation, once: verdicts stand in a journal.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Awaitable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from preftree.engine import Engine, opening, past_of, reply, settle, together, trace_critique
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.errors import InputError
from preftree.forest import Forest
from preftree.records import Action, Message, Problem
from preftree.verify import Judge

Out = TypeVar("Out")


class Referee:
    """A context manager. `out` keeps the verdicts; without it they live as long as the referee."""

    def __init__(
        self, problems: Iterable[Problem], out: Path | None = None, environment: EnvironmentSettings | None = None
    ) -> None:
        self.problems = {problem.id: problem for problem in problems}
        self._scratch = None if out is not None else tempfile.TemporaryDirectory(prefix="preftree-")
        self._out = out or Path(str(self._scratch and self._scratch.name))
        self._settings = environment or EnvironmentSettings()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="preftree-referee", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self._engine = self._wait(self._open())
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the jail and the judging processes."""
        if self._closed:
            return
        self._closed = True

        async def work() -> None:
            await self._judge.close()
            await self._interpreter.__aexit__(None, None, None)
            self._engine.forest.close()

        self._wait(work())
        self._end()

    def problem(self, name: str) -> Problem:
        """The problem of this id; InputError where there is none."""
        if name not in self.problems:
            raise InputError(f'no problem has the id "{name}"')
        return self.problems[name]

    def prompt(self, name: str) -> tuple[Message, ...]:
        """What a model is asked: the words that growing uses."""
        return opening(self.problem(name))

    def judge_all(self, answers: Sequence[tuple[str, str]]) -> list[Action]:
        """(problem's id, answer): each run and judged on its own, side by side."""

        async def work() -> list[Action]:
            return await together(*(self._settled(name, text, ()) for name, text in answers))

        return self._wait(work())

    async def step(self, name: str, text: str, earlier: Sequence[Action]) -> tuple[Action, str]:
        """One turn of a conversation, from any loop: the action with its verdict, and what the model is told."""
        future: Future[Action] = asyncio.run_coroutine_threadsafe(self._settled(name, text, earlier), self._loop)
        action = await asyncio.wrap_future(future)
        return action, reply(action, trace_critique(self.problem(name), action))

    async def _settled(self, name: str, text: str, earlier: Sequence[Action]) -> Action:
        action = Action(text, "policy", "rollout", 0)
        return await settle(self._engine, self.problem(name), action, past_of(earlier))

    async def _open(self) -> Engine:
        self._interpreter = await Interpreter(self._settings).__aenter__()
        self._judge = Judge()
        return Engine(Forest(self._out), self._interpreter, self._judge)

    def _wait(self, work: Awaitable[Out]) -> Out:
        async def run() -> Out:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._scratch is not None:
            self._scratch.cleanup()


def reward_of(action: Action) -> float | None:
    """1 or 0; none where nobody could tell."""
    if action.verdict is None or action.verdict.outcome == "undecided":
        return None
    return 1.0 if action.verdict.correct else 0.0
