"""The bandwidth of a streamed response: unlimited, or a burst and then a rate (a token bucket).

Documented: 6 MiB and then 2 MiB/s (API Gateway: 10 MB). The bucket is filled every 125 ms, as in
the source of AWS's runtime interface emulator (core/directinvoke).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from lambda_emulator import limits

__all__ = ["AtOnce", "Pace", "TokenBucket"]

_PIECE: Final = int(limits.STREAM_RATE * limits.PACE_INTERVAL_SECONDS)
"""No more than one filling of the bucket lets through."""


class Pace(Protocol):
    """Decides when bytes may be sent."""

    def admit(self, items: list[bytes]) -> AsyncIterator[list[bytes]]:
        """Yield the same bytes in groups. Each may be sent when it is yielded. There is at least
        one group.
        """


class AtOnce:
    """As fast as the client reads."""

    async def admit(self, items: list[bytes]) -> AsyncIterator[list[bytes]]:
        yield items


class TokenBucket:
    """One stream's bandwidth. Tests replace `clock` (returns seconds) and `sleep`."""

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

    async def admit(self, items: list[bytes]) -> AsyncIterator[list[bytes]]:
        """Yield small pieces, each when there are tokens for all of it."""
        if not items:
            yield []
        for item in items:
            for start in range(0, len(item), _PIECE):
                piece = item[start : start + _PIECE]
                missing = len(piece)
                while missing:
                    missing -= await self.take(missing)
                yield [piece]

    async def take(self, wanted: int) -> int:
        """Wait for tokens, and return how many bytes may be sent, from 1 to `wanted`."""
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
