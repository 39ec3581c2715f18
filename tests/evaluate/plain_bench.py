"""What grading needs, without a journal or processes: verdicts made here and now."""

from __future__ import annotations

import asyncio

from preftree.evaluate.benchmark import Bench
from preftree.verify import verify


class PlainEngine:
    async def verdict(self, kind, answer, reference):
        return verify(kind, answer, reference)


BENCH = Bench(PlainEngine())


def grades(benchmark, form, pairs):
    """The grades of pairs of item and response."""

    async def main():
        return [await benchmark.grade(BENCH, item, form, (response,)) for item, response in pairs]

    return asyncio.run(main())
