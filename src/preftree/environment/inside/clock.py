"""The time of an action: it starts at a fixed moment and goes on from there.

In:  a freshly forked process. Out: the same, whose `time` and `datetime` begin at `MOMENT`, whenever it is run, so
that a session that is replayed sees the time that it saw. Always true: time goes on (programs wait, and divide by what
has passed); the monotonic clocks, which limits are held by, are the machine's.
"""

from __future__ import annotations

import datetime

import time_machine

MOMENT = datetime.datetime(2024, 4, 2, tzinfo=datetime.timezone.utc)
_travel = time_machine.travel(MOMENT, tick=True)  # made before the fork, since it takes its time


def start() -> None:
    """Begin at the moment, for good."""
    _travel.start()
