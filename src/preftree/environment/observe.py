"""From what the jail reports to what the actor is shown.

In:  a jail's frame and the limits. Out: an `Observation`. Always true: the text holds no control character but
newline and tab, is at most about `output_chars` long, and its end (the value, the error, the limit) survives
the cut.
"""

from __future__ import annotations

import re
import signal
from typing import Any

from preftree.environment.settings import Limits
from preftree.records import Observation, ProgramRun

NOTHING = "[Executed Successfully with No Output]"  # what an action is shown that neither prints nor ends in a value
_MAX_VALUE_CHARS = 10_000
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def observation(frame: dict[str, Any], limits: Limits) -> Observation:
    """What came of an action."""
    value = None if frame["value"] is None else clean(str(frame["value"]))[:_MAX_VALUE_CHARS]
    status = "time" if frame["status"] == "wall" else str(frame["status"])
    parts = [clean(frame["output"]).rstrip("\n"), *ending(frame, value, limits)]
    text = "\n".join(part for part in parts if part)
    return Observation(
        status=status,
        output=_cut(text or NOTHING, limits.output_chars),
        value=value,
        cpu_s=round(frame["cpu_s"], 3),
        wall_s=round(frame["wall_s"], 3),
    )


def broken(why: str) -> Observation:
    """The jail failed, twice; that says nothing of the action."""
    return Observation("broken", f"The interpreter failed; this says nothing of the program. ({clean(why)})")


def program_run(frame: dict[str, Any]) -> ProgramRun:
    """What a program printed, as it printed it, and how it ended."""
    status = "time" if frame["status"] == "wall" else str(frame["status"])
    output = frame["output"].encode("utf-8", "backslashreplace").decode("utf-8")
    return ProgramRun(status, output, round(frame["cpu_s"], 3))


def ending(frame: dict[str, Any], value: str | None, limits: Limits) -> list[str]:
    """What is said at the end: the value, or the trace and the limit."""
    trace = clean(frame["trace"])
    sentences = {
        "time": f"Stopped: the program used more than its limit of {limits.cpu_s:g} s of CPU time.",
        "wall": f"Stopped: the program took longer than its limit of {limits.wall_s:g} s.",
        "memory": f"Stopped: the program used more than its limit of {limits.memory_mb} MiB of memory.",
        "output": f"Stopped: the program printed more than its limit of {limits.capture_kb} KiB.",
        "processes": f"Stopped: the program had more than its limit of {limits.processes} processes and threads.",
        "killed": f"Stopped: the program's process ended before the program did ({_how(frame)}).",
    }
    if frame["status"] == "ok":
        return [] if value is None else [f"Out: {value}"]
    return [trace, sentences.get(frame["status"], "")]


def _how(frame: dict[str, Any]) -> str:
    if frame["signal"]:
        try:
            return f"signal {signal.Signals(frame['signal']).name}"
        except ValueError:
            return f"signal {frame['signal']}"
    return f"exit status {frame['exit']}"


def clean(text: str) -> str:
    """Control characters and lone surrogates as escapes: they could not be stored, or would steer a terminal."""
    text = text.replace("\r\n", "\n")
    text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    head, tail = text[: length // 2], text[-(length - length // 2) :]
    return f"{head}\n[… {len(text) - length} characters left out …]\n{tail}"
