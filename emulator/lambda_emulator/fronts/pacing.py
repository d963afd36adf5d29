"""The bandwidth of a streamed response: a burst at full speed, then a rate, as a token bucket for each stream.

Documented: 6 MiB and then 2 MiB/s (API Gateway: 10 MB). The bucket is filled every 125 ms, as in the source of AWS's
runtime interface emulator (core/directinvoke).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from lambda_emulator import limits

__all__ = ["Pace"]


class Pace:
    """Tells how many bytes may go now, and waits when there are none.

    `clock` returns seconds and `sleep` waits for some: a test gives its own.
    """

    def __init__(
        self,
        burst: int = limits.STREAM_BURST,
        rate: int = limits.STREAM_RATE,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._burst = burst
        self._refill = int(rate * limits.PACE_INTERVAL_SECONDS)
        self._tokens = burst
        self._clock = clock
        self._sleep = sleep
        self._filled = clock()

    async def take(self, wanted: int) -> int:
        """Waits for tokens; returns how many bytes may be sent, from 1 to `wanted`."""
        while True:
            self._fill()
            if self._tokens:
                granted = min(wanted, self._tokens)
                self._tokens -= granted
                return granted
            await self._sleep(max(0.0, self._filled + limits.PACE_INTERVAL_SECONDS - self._clock()))

    def _fill(self) -> None:
        intervals = int((self._clock() - self._filled) / limits.PACE_INTERVAL_SECONDS)
        if intervals > 0:
            self._tokens = min(self._burst, self._tokens + intervals * self._refill)
            self._filled += intervals * limits.PACE_INTERVAL_SECONDS
