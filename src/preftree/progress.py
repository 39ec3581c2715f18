"""One progress bar for everything over a few seconds: count, rate, time left.

On a terminal a live bar with its note below; otherwise (a pipe, a file, TERM=dumb) a plain line at most every 10
seconds, so that logs stay short.
Writes to stderr: stdout carries results only.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

_PLAIN_EVERY_S = 10.0
# A rate is that of the last minute or so: a run that goes on counts what was done before in a moment, and a rate over
# all of it would promise far too early an end.
_WINDOW_S = 60.0


class Progress:
    """Counts towards `total` (None: unknown)."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self.note = ""
        self._began = self._printed = time.monotonic()
        self._marks = deque([(self._began, 0)])  # when so many were done, a mark a second

    def advance(self, count: int = 1, note: str | None = None) -> None:
        """Count `count` more; `note` is shown beside the bar until the next note."""
        self.done += count
        if note is not None:
            self.note = note
        now = time.monotonic()
        if now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, self.done))
            while now - self._marks[1][0] > _WINDOW_S:
                self._marks.popleft()
        self._show()

    @property
    def rate(self) -> float:
        """How many a second, over the last minute."""
        since, before = self._marks[0]
        return (self.done - before) / max(time.monotonic() - since, 1e-9)

    def line(self) -> str:
        """The state as one plain line: `title: 12/40 problems, 3.1 problems/s, 9 s left (note)`."""
        rate = self.rate
        parts = [
            f"{self.done}{'' if self.total is None else f'/{self.total}'} {self.unit}",
            f"{rate:.2g} {self.unit}/s",
        ]
        if self.total is not None and rate > 0 and self.done < self.total:
            parts.append(f"{_duration((self.total - self.done) / rate)} left")
        return f"{self.title}: {', '.join(parts)}{f' ({self.note})' if self.note else ''}"

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._printed >= _PLAIN_EVERY_S:
            self._printed = now
            print(self.line(), file=sys.stderr, flush=True)

    def close(self) -> None:
        """The last line: what was done, and how long it took."""
        if self.done:
            elapsed = time.monotonic() - self._began
            print(f"{self.title}: {self.done} {self.unit} in {_duration(elapsed)}", file=sys.stderr, flush=True)


class _Live(Progress):
    """The same on a terminal, drawn by rich."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        super().__init__(title, total, unit)
        from rich import progress as bars
        from rich.console import Console, Group
        from rich.live import Live
        from rich.text import Text

        console = Console(stderr=True)
        # Title, count, rate and time left come first; the bar has what a narrow terminal leaves.
        figures = len(title) + 2 * len(str(total or "?")) + len(f"0.000 {unit}/s") + len("0:00:00") + 6
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}"),
            *([bars.BarColumn(bar_width=min(room, 28))] if (room := console.width - figures) >= 4 else []),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[rate]}"),
            bars.TimeRemainingColumn(),
        )
        self._task = self._bar.add_task(title, total=total, rate="")
        self._note = Text(style="dim")
        self._live = Live(Group(self._bar, self._note), console=console)
        self._live.start()

    def _show(self) -> None:
        self._bar.update(self._task, completed=self.done, rate=f"{self.rate:.2g} {self.unit}/s")
        self._note.plain = self.note

    def close(self) -> None:
        self._live.stop()


@contextmanager
def progress(title: str, total: int | None = None, unit: str = "items") -> Iterator[Progress]:
    """`with progress("growing", 40, "trees") as bar: bar.advance()`."""
    live = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
    bar = _Live(title, total, unit) if live else Progress(title, total, unit)
    try:
        yield bar
    finally:
        bar.close()


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
