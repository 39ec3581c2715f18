"""What a plain, trusted `exec` of public tests says of programs: no jail, no proxy, only limits.

In:  pairs of program and test. Out: for each, whether the test came to its end. Each pair runs in one namespace, in a
fork of its own with limits on CPU seconds and memory: what the public harnesses do, without their tricks against
hostile programs. For programs that are known, never for those that a model wrote.

    python oracle.py CPU_S < pairs.json > ended.json
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence

MEMORY_B = 4 << 30


def plain_exec(pairs: Sequence[tuple[str, str]], cpu_s: int) -> list[bool]:
    """Whether program and test, one after the other, raise nothing and end in time."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, str(cpu_s)],
            input=json.dumps(pairs), capture_output=True, text=True, check=True, cwd=folder,
        )  # fmt: skip
    return json.loads(done.stdout)


def _ended(program: str, test: str, cpu_s: int) -> bool:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_B, MEMORY_B))
            silence = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(silence, descriptor)
            exec(compile(f"{program}\n{test}", "test", "exec"), {"__name__": "test"})
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    print(json.dumps([_ended(program, test, int(sys.argv[1])) for program, test in json.load(sys.stdin)]))
