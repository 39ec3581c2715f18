"""The time that limits, pauses and patience go by: the machine's own, or one that a test moves on.

In:  seconds. Out: the time now, a wait, a call later.
Always true: nothing under `actors/` that waits for a server asks the machine for the time in any other way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class Clock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def date(self) -> float:
        """Seconds since 1970, which dates in headers are compared with."""
        return time.time()

    def later(self, delay_s: float, call: Callable[[], None]) -> Callable[[], None]:
        """Call `call` once after a delay; what is returned cancels it."""
        return asyncio.get_running_loop().call_later(delay_s, call).cancel

    async def sleep(self, delay_s: float) -> None:
        """Wait."""
        await asyncio.sleep(delay_s)
