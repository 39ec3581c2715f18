"""A small world for growing: sums, and actors that get some of them right: scripted, or behind a made server.

Run as a program it grows a forest with those of a server: `python world.py URL OUT CONCURRENCY`.
"""

import asyncio
import random
import re
import sys
from dataclasses import replace
from pathlib import Path

from preftree.actors import ActorSettings, make_actor
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
    """Scripted actors; the digest of every request of the first one goes to `log`."""

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


def endpoints(urls, **more):
    """The same actors behind a made server (made_server.py); several addresses share the load."""
    address = urls[0] if len(urls) == 1 else tuple(urls)
    prices = {"input_usd": 1.0, "output_usd": 4.0}
    sft, bare = (
        make_actor(ActorSettings(name, "endpoint", model=name, base_url=address, **prices, **more))
        for name in ("sft", "bare")
    )
    return Actors((sft,), (bare,))


async def grow_at(urls, out, concurrency, **more):
    """Grow the world's forest with these endpoints."""
    actors = endpoints(urls, **more)
    try:
        return await grow(problems(), actors, replace(SETTINGS, concurrency=concurrency), out, environment=JAIL)
    finally:
        for actor in (*actors.ladder, *actors.pool):
            await actor.close()


if __name__ == "__main__":
    asyncio.run(grow_at([sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])))
