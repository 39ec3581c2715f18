"""A made policy for reranking: what it answers hangs on problem and sample; each call leaves a line in a log.

`python rerank_world.py OUT LOG SAMPLES` draws, slowly enough to be killed.
"""

import asyncio
import sys
import time
from pathlib import Path

from preftree.actors.scripted import ScriptedActor
from preftree.evaluate.drawing import OwnDraws, draw, own_pool
from preftree.records import Problem, Reference

PROBLEMS = tuple(
    Problem(
        f"p{i}", "even" if i % 2 == 0 else "odd", "Math_CoT", f"What is {i} + 1?", (Reference(str(i + 1)),), tools=()
    )
    for i in range(12)
)


def answer(number, sample):
    """Right for two samples of three, in three notations; else one of two wrong ones; the greedy one is right."""
    if (number + sample) % 3 == 2:
        return f"I say \\boxed{{{number + 50 + sample % 2}}}"
    right = number + 1
    return "So \\boxed{" + (f"{right}", f"{right}.0", f"\\frac{{{2 * right}}}{{2}}")[sample % 3] + "}"


class Policy(ScriptedActor):
    """A scripted actor that notes what it is asked."""

    def __init__(self, log, delay_s=0.0, forbidden=False):
        super().__init__(self._said, name="made", delay_s=lambda request, index: delay_s)
        self._log, self._forbidden = log, forbidden

    async def _one(self, request, index):
        assert not self._forbidden, "asked again"
        with Path(self._log).open("a") as file:
            greedy = "greedy" if request.temperature == 0 else index
            file.write(f"{request.messages[-1].content.split()[-3]} {greedy}\n")
        return await super()._one(request, index)

    @staticmethod
    def _said(messages, index):
        return answer(int(messages[-1].content.split()[-3]), index)


def drawn(out, policy, samples, **more):
    draws = OwnDraws(samples, concurrency=32)
    pool = own_pool("made", PROBLEMS, draws)
    return asyncio.run(draw([pool], "made", policy, draws, Path(out), **more))


if __name__ == "__main__":
    print("ready", time.monotonic(), flush=True)
    drawn(sys.argv[1], Policy(sys.argv[2], delay_s=0.05), int(sys.argv[3]), greedy=True)
