"""What the agreement modules of mathematics share: the embedded model's answers, and rows of responses in a file.

In:  items, forms. Out: `tests/evaluate/verdicts/<name>.jsonl`, a row a response: id, from, response; and the verdict.
Always true: a row says where its response is from; responses are kept, verdicts are made of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

MODEL = "SmolLM2-135M-Instruct"
MAX_TOKENS = 256


def sampled(name: str, protocol: str, items: Sequence[Any]) -> list[dict[str, Any]]:
    """One greedy answer of the embedded model to each, in text."""
    from preftree.actors import ActorSettings, make_actor
    from preftree.evaluate.benchmark import Form
    from preftree.evaluate.registry import find_benchmark
    from preftree.records import Request

    benchmark = find_benchmark(name)

    async def run() -> list[dict[str, Any]]:
        actor = make_actor(ActorSettings(max_batch=32))

        async def one(item: Any) -> dict[str, Any]:
            asked = benchmark.ask(item, Form(protocol))
            request = Request(
                asked.messages, asked.text, stop=asked.sampling.stop, temperature=0.0, max_tokens=MAX_TOKENS
            )
            (sample,) = await actor.sample(request)
            return {"id": item.id, "from": f"{MODEL}, {protocol}", "response": sample.text}

        try:
            return list(await asyncio.gather(*map(one, items)))
        finally:
            await actor.close()

    return asyncio.run(run())


def drawn(items: Sequence[Any], count: int, seed: str) -> list[Any]:
    return random.Random(seed).sample(list(items), count)


def same_to_math_verify(answer: str | None, reference: str, *, latex: bool) -> bool:
    """math-verify's verdict of an answer that was found already: LaTeX, or (where it has no command) a number in words,
    which stands in no dollar signs."""
    from math_verify import parse, verify

    def read(text: str) -> Any:
        return parse(f"${text}$" if latex or "\\" in text else text)

    return answer is not None and bool(verify(read(reference), read(answer)))
