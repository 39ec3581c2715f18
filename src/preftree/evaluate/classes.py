"""Which samples of a problem give the same answer: what self-consistency counts as one vote.

In:  a problem, its samples' answers (of a problem with tests: their programs). Out: a class for each, None for no vote.
Always true: the samples are compared with one another alone, never with the reference, and in no order: two answers
are joined if the problem's verifier accepts one with the other as its reference, either way round, and a class is
whatever is joined, directly or through others (equality under a tolerance is not transitive). Programs are one answer
if they give the same on the inputs of the tests; one that gives nothing there has no vote.

Cost: equal texts are one answer; each other pair takes microseconds where the rule decides it cheaply, and otherwise at
most two questions to the judge's processes, none for pairs that are joined already. Programs run once each.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from preftree.engine import Engine, together
from preftree.evaluate.outputs import recording, told
from preftree.records import Observation, Problem, Tests, digest
from preftree.verify import VERIFIERS
from preftree.verify.registry import verify_quickly

# Of a program from standard input to standard output, so many of its runs are compared.
_MOST_CASES = 10
# Outcomes that say nothing of the program: it is compared by its text.
_UNKNOWN = ("unsupported", "broken")


async def answer_classes(
    engine: Engine, problem: Problem, answers: Sequence[str | None], rule: str = ""
) -> list[int | None]:
    """Numbers from 0, in the order of each class's first sample. `rule`: another verifier than the problem's."""
    rule = rule or problem.verifier
    given = [answer.strip() if answer is not None and answer.strip() else None for answer in answers]
    if problem.tests is not None:
        distinct = list(dict.fromkeys(answer for answer in answers if answer is not None and answer.strip()))
        outputs = await together(*(_outputs(engine, problem, problem.tests, program) for program in distinct))
        by_text = dict(zip(distinct, outputs, strict=True))
        keys = [by_text[answer] if answer is not None and answer.strip() else None for answer in answers]
    elif rule in VERIFIERS:
        joined = await _joined(engine, rule, list(dict.fromkeys(a for a in given if a is not None)))
        keys = [None if answer is None else joined[answer] for answer in given]
    else:
        keys = given
    numbers: dict[str, int] = {}
    return [None if key is None else numbers.setdefault(key, len(numbers)) for key in keys]


async def _joined(engine: Engine, kind: str, texts: list[str]) -> dict[str, str]:
    """Each text's class, named by one of its members."""
    parent = {text: text for text in texts}

    def root(text: str) -> str:
        while parent[text] != text:
            parent[text] = text = parent[parent[text]]
        return text

    dear: list[tuple[str, str]] = []
    for a, b in itertools.combinations(texts, 2):
        if root(a) == root(b):
            continue
        verdicts = [verify_quickly(kind, a, b), verify_quickly(kind, b, a)]
        if any(verdict is not None and verdict.correct for verdict in verdicts):
            parent[root(a)] = root(b)
        elif None in verdicts:
            dear += [pair for pair, verdict in zip(((a, b), (b, a)), verdicts, strict=True) if verdict is None]
    for answer, reference in dear:
        # Joined through others by now: whether they are equal changes nothing.
        if root(answer) != root(reference) and (await engine.judge.judge(kind, answer, reference)).correct:
            parent[root(answer)] = root(reference)
    return {text: root(text) for text in texts}


async def _outputs(engine: Engine, problem: Problem, tests: Tests, program: str) -> str | None:
    """What a program gives, as a digest, from the journal where it stands there."""
    key = digest(["outputs", tests, problem.instruction, program])
    seen = engine.forest.observation(key)
    if seen is None:
        if tests.code:
            seen = await _of_calls(engine, problem, tests, program)
        else:
            seen = await _of_runs(engine, tests, program)
        await engine.forest.add_observation(key, seen)
    return seen.value


async def _of_calls(engine: Engine, problem: Problem, tests: Tests, program: str) -> Observation:
    calls = recording(tests, problem.instruction)
    if calls is None:
        return _by_text(program)
    run = await engine.interpreter.test(program, calls)
    if run.status in _UNKNOWN:
        return _by_text(program)
    return Observation(run.status, value=told(run), cpu_s=run.cpu_s)


async def _of_runs(engine: Engine, tests: Tests, program: str) -> Observation:
    printed, cpu_s = [], 0.0
    for case in tests.cases[:_MOST_CASES]:
        run = await engine.interpreter.run_program(program, case.input)
        cpu_s += run.cpu_s
        printed.append([line.split() for line in run.output.strip().splitlines()] if run.status == "ok" else None)
    if all(lines is None for lines in printed):
        return Observation("error", cpu_s=cpu_s) if tests.cases else _by_text(program)
    return Observation("ok", value=digest(printed), cpu_s=cpu_s)


def _by_text(program: str) -> Observation:
    return Observation("none", value=digest(program.strip()))
