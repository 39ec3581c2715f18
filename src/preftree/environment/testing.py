"""A function test: the candidate in one jail, the test in another, and this module between them.

In:  two jails, a program, test code. Out: a `TestRun`.
Always true: the test passed only if the judge's process, in which no candidate's code runs, says that it came to its
end; a candidate that ended, or passed a limit, while the test still asked it, has not passed; nor has one whose
answers make the test pass a limit.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from preftree.environment import observe
from preftree.environment.inside.action import CANDIDATE, JUDGE
from preftree.environment.inside.tested import GONE
from preftree.environment.settings import Limits
from preftree.environment.worker import Action, Worker
from preftree.records import TestRun, Tests

_GONE = "gone"
_LIMITS = ("time", "wall", "memory", "output", "processes", "killed")
_CUT_SHORT = ("unsupported", "error", "memory")  # what else a judge says of a test that could not go on
_FAILED = re.compile(r"^AssertionError\b", re.MULTILINE)


async def run_tests(candidate: Worker, judge: Worker, code: str, tests: Tests, limits: Limits) -> TestRun:
    """Run both sides; WorkerLostError if a jail fails."""
    link = _Link()
    tested = asyncio.ensure_future(candidate.act(Action(CANDIDATE, code, limits), link.answer_candidate))
    tested.add_done_callback(lambda _: link.candidate_ended())
    judging = asyncio.ensure_future(_judge(judge, tests, limits, link))
    try:
        judged = await judging
        link.judge_ended()
        ended = await tested
    except BaseException:
        for side in (tested, judging):
            side.cancel()
        await asyncio.gather(tested, judging, return_exceptions=True)
        raise
    return _outcome(ended, judged, limits, link.answered)


async def _judge(judge: Worker, tests: Tests, limits: Limits, link: _Link) -> dict[str, Any] | None:
    """The judge's frame; None if the candidate ended before it was asked anything."""
    if not await link.candidate_is_ready():
        return None
    action = Action(JUDGE, tests.code, limits, names=tests.names, prelude=tests.prelude)
    return await judge.act(action, link.answer_judge)


class _Link:
    """Hands the judge's questions to the candidate, and its replies back."""

    def __init__(self) -> None:
        self._questions: asyncio.Queue[str | None] = asyncio.Queue()
        self._replies: asyncio.Queue[str] = asyncio.Queue()
        self._candidate_ended = False
        self.answered = False  # whether the judge holds anything that the candidate made

    async def answer_candidate(self, reply: str) -> str | None:
        """The candidate's reply; the next question, or None at the end."""
        self._replies.put_nowait(reply)
        return await self._questions.get()

    async def answer_judge(self, question: str) -> str:
        self._questions.put_nowait(question)
        if self._candidate_ended and self._replies.empty():
            return GONE
        self.answered = True
        return await self._replies.get()

    async def candidate_is_ready(self) -> bool:
        """Whether its program defined what it defines, and waits for questions."""
        return await self._replies.get() != GONE

    def candidate_ended(self) -> None:
        self._candidate_ended = True
        self._replies.put_nowait(GONE)

    def judge_ended(self) -> None:
        self._questions.put_nowait(None)


def _outcome(ended: dict[str, Any], judged: dict[str, Any] | None, limits: Limits, answered: bool) -> TestRun:
    """`ended` is the candidate's frame, `judged` the judge's; `answered`: whether the candidate gave it anything."""
    cpu_s = round(ended["cpu_s"], 3)
    if judged is None or judged["value"] == _GONE:
        return _of_candidate(ended, limits, cpu_s)
    if judged["status"] == "ok":
        return TestRun("passed", "", cpu_s)
    if judged["value"] in _CUT_SHORT:
        return TestRun(judged["value"], observe.clean(judged["trace"]), cpu_s)
    if judged["status"] == "error":
        trace = observe.clean(judged["trace"])
        return TestRun("failed" if _FAILED.search(trace) else "error", _last(trace), cpu_s)
    if ended["status"] not in ("ended", "ok"):
        return _of_candidate(ended, limits, cpu_s)
    if answered and judged["status"] in _LIMITS:
        # What the program returned was too much for its test: an iterator without an end, a range of 10**15.
        return _of_candidate(judged, limits, cpu_s)
    return TestRun("broken", f"the test itself did not come to its end: {_evidence(judged, limits)}", cpu_s)


def _of_candidate(ended: dict[str, Any], limits: Limits, cpu_s: float) -> TestRun:
    status = {"wall": "time", "ok": "killed", "ended": "killed"}.get(ended["status"], str(ended["status"]))
    return TestRun(status, _evidence(ended, limits), cpu_s)


def _evidence(frame: dict[str, Any], limits: Limits) -> str:
    return _last("\n".join(observe.ending({**frame, "value": None}, None, limits)))


def _last(text: str) -> str:
    """The end of a trace, or its only sentence."""
    return text[-500:].strip()
