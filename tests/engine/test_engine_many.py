"""Thousands of calls in flight at once, each committed."""

import asyncio

from preftree.actors.scripted import ScriptedActor
from preftree.engine import Engine
from preftree.forest import CallKey, Forest
from preftree.records import Message, Request

CALLS = 3000


def test_thousands_are_in_flight_at_once(tmp_path):
    waiting, all_in_flight = [0], asyncio.Event()

    class Held(ScriptedActor):
        """Answers nobody until everybody has asked."""

        async def sample(self, request):
            waiting[0] += 1
            if waiting[0] == CALLS:
                all_in_flight.set()
            await all_in_flight.wait()
            return await super().sample(request)

    actor = Held(lambda messages, index: messages[-1].content)

    async def work():
        with Forest(tmp_path) as forest:
            engine = Engine(forest, None, None)
            asked = (
                engine.ask(actor, CallKey(f"t{i}", 0, "actor", "sample", 0), Request((Message("user", f"q{i}"),)))
                for i in range(CALLS)
            )
            answers = await asyncio.gather(*asked)
            return [sample.text for (sample,) in answers], forest.account()

    texts, account = asyncio.run(work())
    assert texts == [f"q{i}" for i in range(CALLS)]
    assert (account.calls, account.unanswered_calls) == (CALLS, 0)
