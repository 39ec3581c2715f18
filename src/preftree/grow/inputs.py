"""Test inputs of a programming problem that came without tests (TACO; FACTS section 1, first table).

In:  a problem with empty tests and a reference solution. Out: the problem with tests, or why it has none.
Always true: a model writes inputs only; the outputs come of running the reference solution in the jail; an input on
which that fails is dropped; what ran is kept, so a run that goes on makes the same tests.

The paper's writer gave 12 inputs: 4 basic, 4 edge and 4 large ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from preftree.errors import InputError, JailError
from preftree.forest import CallKey
from preftree.grow.growth import Growth
from preftree.grow.prompts import filled
from preftree.records import Case, Message, Observation, Problem, Request, digest

NUM_INPUTS = 12
_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a writer's answer holds, or what is wrong with it."""

    values: tuple[str, ...] = ()
    fault: str = ""


async def with_inputs(growth: Growth) -> Problem | str:
    """The problem with tests made of written inputs; or the reason why there are none."""
    problem = growth.problem
    tests = problem.tests
    assert tests is not None
    program = next((reference.program for reference in problem.references if reference.program), None)
    if program is None:
        return "it has no tests and no reference solution to make them from"
    if tests.names:
        return "it has no tests, and they would call a function: inputs are written for standard input only"
    inputs = await _written(growth)
    if inputs.fault:
        return f"the writer gave no test inputs in {growth.settings.writer_attempts} attempts: {inputs.fault}"
    outputs = [(value, await _output(growth, program, value)) for value in inputs.values]
    cases = tuple(Case(value, (output,)) for value, output in outputs if output is not None)
    if not cases:
        return "the reference solution fails on every input that the writer gave"
    return replace(problem, tests=replace(tests, cases=cases))


def read_inputs(text: str) -> Inputs:
    """The list that a writer's answer is: 12 different strings, none of them blank."""
    fenced = _FENCED.fullmatch(text.strip())
    try:
        data = json.loads(fenced[1] if fenced else text)
        # Escapes may hide half of a character, which no file can hold.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as fault:
        return Inputs(fault=f"it is no JSON ({' '.join(str(fault).split())[:100]})")
    if not isinstance(data, list):
        return Inputs(fault=f"it is no list but {type(data).__name__}")
    if not all(isinstance(value, str) and value.strip() for value in data):
        return Inputs(fault="its items are not all strings, none of them blank")
    if len(data) != NUM_INPUTS or len(set(data)) != NUM_INPUTS:
        return Inputs(fault=f"it does not hold {NUM_INPUTS} different strings")
    return Inputs(tuple(data))


async def _written(growth: Growth) -> Inputs:
    writer, problem = growth.actors.writer, growth.problem
    if writer is None:
        raise InputError(f"problem {problem.id}: has no tests yet, and no actor is their writer")
    question = filled("inputs", instruction=problem.instruction)
    asked: tuple[Message, ...] = (Message("user", question),)
    inputs = Inputs()
    for attempt in range(growth.settings.writer_attempts):
        request = Request(
            messages=asked,
            temperature=growth.settings.temperature,
            max_tokens=growth.settings.writer_max_tokens,
            samples=(attempt,),
            seed=growth.seed("writer"),
        )
        (sample,) = await growth.engine.ask(writer, CallKey(growth.tree, 0, "writer", "inputs", 0, attempt), request)
        inputs = read_inputs(sample.text)
        if not inputs.fault:
            break
        again = Message("user", filled("inputs_again", fault=inputs.fault))
        asked = (asked[0], Message("assistant", sample.text or "-"), again)
    return inputs


async def _output(growth: Growth, program: str, value: str) -> str | None:
    """What the reference prints on this input; None if it fails or prints nothing."""
    key = digest(["inputs", program, value])
    seen = growth.engine.forest.observation(key)
    if seen is None:
        run = await growth.engine.interpreter.run_program(program, value)
        if run.status == "broken":
            raise JailError(
                f"problem {growth.problem.id}: its reference solution could not be run ({run.output}); run again"
            )
        seen = Observation(run.status, run.output, cpu_s=run.cpu_s)
        await growth.engine.forest.add_observation(key, seen)
    return seen.output if seen.status == "ok" and seen.output.strip() else None
