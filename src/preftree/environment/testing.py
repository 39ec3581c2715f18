"""A function test: the candidate in one jail, the test in another, two pipes between them.

In:  two jails, a program, test code. Out: a `TestRun`.
Always true: the test passed only if the judge's process, in which no candidate's code runs, says that it came to its
end; a candidate that ended, or passed a limit, while the test still asked it, has not passed; nor has one whose
answers make the test pass a limit. The pipes are made for one test, so nothing that a candidate leaves in them is
read by the next.
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from typing import Any

from preftree.environment import observe
from preftree.environment.foresight import foreseen_questions
from preftree.environment.inside.action import CANDIDATE, JUDGE
from preftree.environment.inside.tested import GONE
from preftree.environment.settings import Limits
from preftree.environment.worker import Action, Worker
from preftree.records import TestRun, Tests

_LIMITS = ("time", "wall", "memory", "output", "processes", "killed")
_CUT_SHORT = ("unsupported", "error", "memory", "output")  # what else a judge says of a test that could not go on
_FAILED = re.compile(r"^AssertionError\b", re.MULTILINE)


async def run_tests(candidate: Worker, judge: Worker, code: str, tests: Tests, limits: Limits, shared: bool) -> TestRun:
    """Run both sides; WorkerLostError if a jail fails. `shared`: the judge's process may judge other tests after it."""
    # By the clock the judge has longer: while the candidate is late, it must be the candidate's limit that passes.
    patient = replace(limits, wall_s=2 * limits.wall_s)
    program = Action(CANDIDATE, code, limits)
    test = Action(
        JUDGE,
        tests.code,
        patient,
        names=tests.names,
        prelude=tests.prelude,
        shared=shared,
        foreseen=foreseen_questions(tests.code, tests.names),
    )
    hears_question, asks = os.pipe()
    hears_reply, replies = os.pipe()
    tested = asyncio.ensure_future(candidate.act(program, link=(hears_question, replies)))
    judging = asyncio.ensure_future(judge.act(test, link=(hears_reply, asks)))
    try:
        try:
            await asyncio.sleep(0)  # until both have sent their ends
        finally:
            for end in (hears_question, asks, hears_reply, replies):
                os.close(end)
        judged = await judging
        await candidate.end_action()
        ended = await tested
    except BaseException:
        for side in (tested, judging):
            side.cancel()
        await asyncio.gather(tested, judging, return_exceptions=True)
        raise
    return _outcome(ended, judged, limits)


def _outcome(ended: dict[str, Any], judged: dict[str, Any], limits: Limits) -> TestRun:
    """`ended` is the candidate's frame, `judged` the judge's."""
    cpu_s = round(ended["cpu_s"], 3)
    if judged["value"] == GONE:
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
    if judged["answered"] and judged["status"] in _LIMITS:
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
