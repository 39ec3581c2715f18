"""Judging a program by its problem's tests.

In:  a problem with tests, a program. Out: a verdict, and the observation that the actor is shown.
Always true: outcomes come of the environment, the verdict of `verify`; the actor is told how its program ended, never
what a test expected; a program is tested once, whatever asks again.
"""

from __future__ import annotations

import json
import math

from preftree.engine.calls import Engine
from preftree.records import Case, Observation, Outcome, Problem, ProgramRun, TestRun, Tests, Verdict, digest
from preftree.verify.code import judge_checked, judge_output, judge_test

# A program may take this many times as long as the reference, and never less than the settings' limit.
_SLOWER_THAN_REFERENCE = 10.0
_STATUS_SHOWN = {"passed": "ok", "failed": "ok", "unsupported": "broken"}
_SENTENCES = {
    "passed": "The tests passed.",
    "failed": "A test failed: the program's result is not the expected one.",
    "unsupported": "The tests could not be carried out.",
    "broken": "The tests could not be carried out.",
}


async def judge_code(
    engine: Engine, problem: Problem, code: str, cpu_s: float | None = None
) -> tuple[Observation, Verdict]:
    """Run the problem's tests on `code`. `cpu_s`: a protocol's own limit of CPU seconds for one test."""
    tests = problem.tests
    assert tests is not None
    key = digest(["code", tests, code] if cpu_s is None else ["code", tests, code, cpu_s])
    seen, verdict = engine.forest.observation(key), engine.forest.verdict(key)
    if seen is not None and verdict is not None:
        return seen, verdict
    cpu_s = cpu_s or await _limit_s(engine, problem, tests)
    if tests.code:
        seen, verdict = await _by_code(engine, tests, code, cpu_s)
    else:
        seen, verdict = await _by_cases(engine, tests, code, cpu_s)
    await engine.forest.add_observation(key, seen)
    await engine.forest.add_verdict(key, verdict)
    return seen, verdict


async def _by_code(engine: Engine, tests: Tests, code: str, cpu_s: float) -> tuple[Observation, Verdict]:
    run = await engine.interpreter.test(code, tests, cpu_s)
    # The trace of a failed assertion would show the actor what was expected.
    shown = _SENTENCES.get(run.status) or _last_line(run.why)
    status = _STATUS_SHOWN.get(run.status, run.status)
    outcome, why = judge_test(run)
    return Observation(status, shown, cpu_s=run.cpu_s), Verdict(outcome, why, code)


async def _by_cases(engine: Engine, tests: Tests, code: str, cpu_s: float) -> tuple[Observation, Verdict]:
    """Case by case, up to the first that is not right."""
    used_s = 0.0
    for number, case in enumerate(tests.cases, 1):
        run = await engine.interpreter.run_program(code, case.input, cpu_s)
        used_s += run.cpu_s
        outcome, why = judge_output(run, case.outputs)
        if outcome == "wrong" and run.status == "ok" and tests.checker:
            outcome, why = await _by_checker(engine, tests, case, run.output)
        if outcome != "correct":
            how = "its output is wrong" if run.status == "ok" else f"it ended with: {run.status}"
            seen = Observation(run.status, f"The program fails test {number}: {how}.", cpu_s=used_s)
            return seen, Verdict(outcome, f"case {number} of {len(tests.cases)}: {why}", code)
    return Observation("ok", _SENTENCES["passed"], cpu_s=used_s), Verdict("correct", "the tests passed", code)


async def _by_checker(engine: Engine, tests: Tests, case: Case, output: str) -> tuple[Outcome, str]:
    """The problem's own checker, in a jail: it reads what the program printed."""
    call = "import json, sys\ncheck(*json.load(sys.stdin)) is True"
    data = json.dumps([case.input, output, list(case.outputs)])
    return judge_checked(await engine.interpreter.run(f"{tests.checker}\n{call}", stdin=data))


async def _limit_s(engine: Engine, problem: Problem, tests: Tests) -> float:
    """CPU seconds for one test: the settings', or what the reference's own time makes of it."""
    floor_s = engine.interpreter.settings.limits.cpu_s
    program = next((reference.program for reference in problem.references if reference.program), None)
    if program is None:
        return floor_s
    key = digest(["reference", tests, program])
    seen = engine.forest.observation(key)
    if seen is None:
        runs: list[TestRun] | list[ProgramRun]
        if tests.code:
            runs = [await engine.interpreter.test(program, tests)]
        else:
            runs = [await engine.interpreter.run_program(program, case.input) for case in tests.cases]
        if any(run.status == "broken" for run in runs):
            return floor_s  # the jail's failure says nothing of the reference: it is measured again
        seen = Observation("ok", cpu_s=max((run.cpu_s for run in runs), default=0.0))
        await engine.forest.add_observation(key, seen)
    # In coarse steps: what a reference takes differs a little from one machine to another, and limits should not.
    return floor_s * max(1, math.ceil(seen.cpu_s * _SLOWER_THAN_REFERENCE / floor_s))


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else ""
