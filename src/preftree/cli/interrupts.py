"""Ctrl-C while libraries load.

In:  SIGINT. Out: KeyboardInterrupt, a moment later if a module is being imported.
Always true: no import is broken off. torch and transformers lose an interrupt that comes in the middle of their
imports, and leave half a module behind: the run would go on, or end with a ModuleNotFoundError.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType

_AGAIN_S = 0.1
_COMMAND_LINE = str(Path(__file__).with_name("__init__.py"))


def arm() -> None:
    """From now on. asyncio puts Python's own handler back when it gives the signal up, so each stage arms anew."""
    ours = threading.current_thread() is threading.main_thread()
    if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def disarm() -> None:
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if not _importing(frame):
        signal.default_int_handler(number, frame)
    later = threading.Timer(_AGAIN_S, os.kill, (os.getpid(), number))
    later.daemon = True  # it must not hold up an end that came meanwhile
    later.start()


def _importing(frame: FrameType | None) -> bool:
    # Whatever imports the command line itself is none of its business.
    while frame is not None and frame.f_code.co_filename != _COMMAND_LINE:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
