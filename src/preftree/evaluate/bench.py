"""What conversations and grading need, opened together: the journal of a directory, the jail, verifiers, an engine.

In:  a directory. Out: a `Bench`, closed at the end, whatever happens.
Always true: neither jail nor verifier is started before something is run or judged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from preftree.actors import Actor
from preftree.engine import Budget, Engine
from preftree.environment import EnvironmentSettings, Interpreter
from preftree.evaluate.benchmark import Bench
from preftree.forest import Forest
from preftree.verify import Judge


@asynccontextmanager
async def open_bench(
    out: Path,
    judge: Actor | None = None,
    environment: EnvironmentSettings | None = None,
    budget: Budget | None = None,
) -> AsyncIterator[Bench]:
    """`judge` is the model that grades, where a benchmark is graded by one."""
    with Forest(out) as forest:
        async with Interpreter(environment or EnvironmentSettings()) as interpreter, Judge() as verifiers:
            yield Bench(Engine(forest, interpreter, verifiers, budget), judge)
