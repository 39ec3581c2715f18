"""One judging process: reads questions as JSON lines on standard input, writes rulings as JSON lines.

In:  `[kind, answer, reference]` a line. Out: first `"ready"`, then `[outcome, why, fit]` a line, in order; `fit`
is false when memory ran out, after which the process should be replaced.
Always true: it ends when its input ends or its parent dies, it holds a bounded amount of memory, and it stops a
question at its own processor limit even if the parent is gone. Whoever waits for it kills it earlier.
Run as `python -m preftree.verify.worker CPU_LIMIT_S`.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

_MEMORY_BYTES = 2 * 1024**3
_PR_SET_PDEATHSIG = 1


def main() -> None:
    cpu_limit_s = int(sys.argv[1])
    _die_with_parent()
    _limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    # Verdicts leave by a descriptor of their own: nothing that a library prints can stand among them.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    import preftree.verify.symbolic  # noqa: F401  (the slow import, before "ready", so that no limit counts it)
    from preftree.verify.registry import verify

    print(json.dumps("ready"), file=replies, flush=True)
    for line in sys.stdin:
        _extend_cpu(cpu_limit_s)
        kind, answer, reference = json.loads(line)
        try:
            verdict = verify(kind, answer, reference)
            ruling = [verdict.outcome, verdict.why, True]
        except (MemoryError, RecursionError) as error:
            ruling = ["undecided", "out of memory" if isinstance(error, MemoryError) else "nested too deeply", False]
        except Exception as error:  # noqa: BLE001  (an algebra system fails in countless ways; each is told)
            ruling = ["undecided", f"the judge failed: {type(error).__name__}: {str(error)[:200]}", True]
        print(json.dumps(ruling), file=replies, flush=True)


def _die_with_parent() -> None:
    """Linux kills us when the thread that started us ends; elsewhere the end of our input does, between questions."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _extend_cpu(seconds: int) -> None:
    """The kernel ends this process `seconds` of its own processor time from now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds)


if __name__ == "__main__":
    main()
