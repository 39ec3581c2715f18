"""A terminal for tests: commands on a real pty, with a width, and what they wrote there."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

# Runs many commands in one process (imports are what costs), each at a width; marks their ends.
DRIVER = """
import json, os, sys
from preftree.cli import main
for width, words in json.loads(sys.argv[1]):
    os.environ["COLUMNS"] = str(width)
    sys.stdout.write("\\x1d")
    sys.stdout.flush()
    status = main(words)
    sys.stdout.write(f"\\x1e{status}\\x1f")
    sys.stdout.flush()
"""
ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def on_terminal(command, *, stderr=None, env=None, cwd=None, until=None, then=None, after_s=0.0, timeout_s=120):
    """What a command writes to a terminal (stdout, and stderr unless it is given elsewhere), and its status.

    `then` is typed when the text `until` has been seen (if there is one) and `after_s` have gone by; of several pieces
    each is typed `after_s` after the one before.
    """
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower if stderr is None else stderr,
        cwd=cwd, env={**os.environ, "TERM": "xterm-256color", **(env or {})}, start_new_session=True,
        preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(follower)
    began = time.monotonic()
    written, deadline = b"", began + timeout_s
    try:
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.05)[0]:
                try:
                    block = os.read(leader, 1 << 16)
                except OSError:  # the other side is closed
                    break
                if not block:
                    break
                written += block
            ready = then is not None and (until is None or until in plain(written.decode(errors="ignore")))
            if ready and time.monotonic() - began > after_s:
                # A shell that finds more input waiting takes a Tab for text: so piece by piece, as it answers.
                typed, *rest = then if isinstance(then, tuple) else (then,)
                os.write(leader, typed.encode())
                then, until, began = tuple(rest) or None, None, time.monotonic()
        else:
            raise AssertionError(f"still running after {timeout_s} s: {written[-2000:]!r}")
        return written.decode().replace("\r\n", "\n"), process.wait(timeout=30)
    finally:
        os.close(leader)
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _take_terminal():
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def together(asked, *, terminal, cwd, env=None):
    """The output of each of many (width, words), on a terminal or into a pipe; all must end with 0."""
    import json

    command = [sys.executable, "-W", "ignore", "-c", DRIVER, json.dumps(asked)]
    if terminal:
        shown, status = on_terminal(command, stderr=subprocess.DEVNULL, cwd=cwd, env=env)
    else:
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **(env or {})})
        shown, status = done.stdout, done.returncode
    assert status == 0, shown[-2000:]
    found = re.findall(r"\x1d(.*?)\x1e(\d+)\x1f", shown, re.DOTALL)
    assert len(found) == len(asked), shown[-2000:]
    for (_, words), (text, status) in zip(asked, found, strict=True):
        assert status == "0", (words, text[-2000:])
    return [text for text, _ in found]


def plain(text):
    """Without escape sequences."""
    return ESCAPE.sub("", text)


def colours(text):
    """The parameters of all escape sequences that set a colour."""
    found = [number for codes, letter in ESCAPE.findall(text) if letter == "m" for number in codes.split(";") if number]
    return [number for number in found if 30 <= int(number) <= 48 or 90 <= int(number) <= 107]
