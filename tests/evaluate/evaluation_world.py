"""One evaluation with a scripted model, in a process that a test can kill: `evaluation_world.py OUT LOG CONCURRENCY`.

Each call that is sent appends its key to LOG at once, so that the log tells what was asked whatever becomes of the run.
"""

import asyncio
import os
import sys
from pathlib import Path

from small_benchmarks import PROGRAM, TEXT, answer, task

from preftree.actors.scripted import ScriptedActor
from preftree.evaluate import measure, write_results


def key_of(request):
    return f"{request.messages[-1].content.replace(chr(10), ' ')}, {request.max_tokens} tokens, {request.samples}"


def main(out, log, concurrency):
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def sent(request, index):
        os.write(file, (key_of(request) + "\n").encode())
        return 0.002 + index * 0.001

    models = {"one": ScriptedActor(answer, delay_s=sent)}
    tasks = [task(24, (TEXT, PROGRAM), samples=2), task(12, name="more", overrides={"max_tokens": 31})]
    results = asyncio.run(measure(tasks, models, Path(out), concurrency=int(concurrency)))
    write_results(Path(out) / "results.jsonl", results)


if __name__ == "__main__":
    main(*sys.argv[1:])
