"""A body on its way from a runtime to a client: item by item, the moment it comes, at the client's pace."""

from collections.abc import Callable

from lambda_emulator import limits
from lambda_emulator.console import RequestLine
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.invocation import Body

__all__ = ["http_chunk", "stream"]


def http_chunk(item: bytes) -> bytes:
    """One chunk: its size in lower-case hex, nothing padded (recorded)."""
    return b"%x\r\n%b\r\n" % (len(item), item)


async def stream(
    exchange: Exchange,
    line: RequestLine,
    head: bytes,
    items: list[bytes],
    body: Body,
    *,
    frame: Callable[[bytes], bytes] | None = http_chunk,
    pace: Pace | None = None,
) -> None:
    """Writes `head` and `items`, which have come already, then all that comes.

    What came together leaves in one write, each item in a frame of its own. Waits while the client does not read, and
    then the runtime is no longer read from either. Ends early, with `exchange.gone`, when the client leaves.
    """
    while True:
        for group in [items] if pace is None else _split(items):
            if pace is not None:
                await _take(pace, sum(map(len, group)))
            data = b"".join([frame(item) for item in group if item] if frame else group)
            if head or data:
                exchange.write(head + data)
                line.count(sum(map(len, group)), sum(1 for item in group if item))
                head = b""
        await exchange.drain()
        if exchange.gone:
            line.note = "the client left; the function was not told, and ran on"
            return
        items = await body.get()
        if not items:
            return


def _split(items: list[bytes]) -> list[list[bytes]]:
    """For pacing: pieces no bigger than what one filling of the bucket lets through."""
    size = int(limits.STREAM_RATE * limits.PACE_INTERVAL_SECONDS)
    return [[item[i : i + size]] for item in items for i in range(0, len(item), size)] or [[]]


async def _take(pace: Pace, wanted: int) -> None:
    while wanted:
        wanted -= await pace.take(wanted)
