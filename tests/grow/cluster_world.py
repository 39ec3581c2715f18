"""The small world on a cluster: actors that each worker makes for itself, and a worker that is killed at its work."""

import json
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import world

from preftree.actors.scripted import ScriptedActor
from preftree.errors import ActorError
from preftree.forest import Forest
from preftree.grow import Actors
from preftree.records import digest


@asynccontextmanager
async def cast(log=None, delay_s=0.0, prices=None):
    actors = world.actors(log, lambda request, index: delay_s)
    for actor in (*actors.ladder, *actors.pool):
        actor.prices = prices or actor.prices
    yield actors


@asynccontextmanager
async def killed_cast(out, log, kills):
    """Actors that kill their worker when so many calls are committed; `log`.k keeps which ones, and the log's size."""

    def delay_s(request, index):
        known = committed(out)
        for kill, calls in enumerate(kills):
            if len(known) >= calls and _first(f"{log}.{kill}"):
                with Path(f"{log}.{kill}").open("w") as file:
                    file.write("\n".join([str(Path(log).stat().st_size), *known]))
                os.kill(os.getpid(), signal.SIGKILL)
        return 0.01

    yield world.actors(log, delay_s)


@asynccontextmanager
async def failing_cast():
    """The actor answers the first turns, and fails in the third."""

    def fault(request, index):
        return ActorError("no answer at all") if len(request.messages) > 4 else None

    good = world.actors()
    yield Actors((ScriptedActor(world.answer(0.4), name="sft", identity="sft-1", fault=fault),), good.pool)


def committed(out):
    """The requests whose answers stand in any shard, as the world's log names them."""
    found = []
    for file in Path(out).glob("shards/*/0*/forest.sqlite"):
        with Forest(file.parent, readonly=True) as forest:
            rows = forest._reader.execute("SELECT request FROM calls WHERE answer IS NOT NULL AND actor = 'sft'")
            requests = [json.loads(request) for (request,) in rows]
        found += [digest([[m["content"] for m in r["messages"]], i]) for r in requests for i in r["samples"]]
    return found


def _first(path):
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
