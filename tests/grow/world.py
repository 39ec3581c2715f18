"""A small world for growing: sums, and scripted actors that get some of them right.

Run as a program it grows a forest and appends the digest of every request that an actor got to a log:
`python world.py OUT LOG CONCURRENCY`.
"""

import asyncio
import random
import re
import sys
from pathlib import Path

from preftree.actors.scripted import ScriptedActor
from preftree.environment import EnvironmentSettings
from preftree.grow import Actors, GrowSettings, grow
from preftree.records import Problem, Reference, digest

SETTINGS = GrowSettings(seed=7, max_turns=3, incorrect=2, batches=(1, 2), pool_batches=(1,), max_tokens=200)

# The sums need no library, and one jail without any starts at once.
JAIL = EnvironmentSettings(workers=1, preload=())


def problems(count=12):
    made = []
    for i in range(count):
        a, b = 10 + i, 3 * i + 1
        program = f"# Step 1: add the numbers.\n{a} + {b}"
        reference = Reference(str(a + b), rationale=f"{a} and {b} make {a + b}.", program=program)
        made.append(Problem(f"sum-{i}", "sums", "Math_PoT", f"What is {a} + {b}?", (reference,)))
    return made


def answer(skill):
    """A script that is right with the chance `skill`, drawn from the conversation and the sample's index alone."""

    def script(messages, index):
        draw = random.Random(digest([skill, [message.content for message in messages], index]))
        a, b = map(int, re.search(r"What is (\d+) \+ (\d+)", messages[0].content).groups())
        if draw.random() < skill:
            return f"```python\n# Step 1: add.\n{a} + {b}\n```"
        return draw.choice(
            [
                f"```python\n# Step 1: subtract.\n{a} - {b}\n```",
                f"```python\nx = {a} +\n```",
                f"```python\nprint({a} * {b})\nundefined\n```",
                "I do not know.",
            ]
        )

    return script


def actors(log=None, delay_s=None):
    def listening(script):
        def listen(messages, index):
            if log is not None:
                with Path(log).open("a") as file:
                    file.write(digest([[message.content for message in messages], index]) + "\n")
            return script(messages, index)

        return listen

    sft = ScriptedActor(listening(answer(0.4)), name="sft", identity="sft-1", delay_s=delay_s)
    bare = ScriptedActor(answer(0.05), name="bare", identity="bare-1", delay_s=delay_s)
    return Actors((sft,), (bare,))


if __name__ == "__main__":
    out, log, concurrency = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    settings = GrowSettings(
        **{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__} | {"concurrency": concurrency}
    )
    slow = actors(log, lambda request, index: random.Random(digest([request, index])).uniform(0.0, 0.02))
    asyncio.run(grow(problems(), slow, settings, out, environment=JAIL))
