"""A body on its way from a runtime to a client: item by item, the moment it comes, at the client's pace."""

from collections.abc import Callable

from lambda_emulator.console import RequestLine
from lambda_emulator.fronts.http_answer import BadAnswer, Prelude, PreludeParser
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.invocation import Body

__all__ = ["http_chunk", "read_prelude", "stream"]


def http_chunk(item: bytes) -> bytes:
    """One chunk: its size in lower-case hex, nothing padded (recorded)."""
    return b"%x\r\n%b\r\n" % (len(item), item)


async def read_prelude(body: Body, items: list[bytes]) -> tuple[Prelude, list[bytes]]:
    """The prelude, and the body's items that have come behind it. `items` have come already. Raises BadAnswer."""
    parser = PreludeParser()
    while items:
        for index, item in enumerate(items):
            prelude = parser.feed(item)
            if prelude is not None:
                return prelude, [prelude.rest, *items[index + 1 :]]
        items = await body.get()
    raise BadAnswer("the stream ended within its prelude")


async def stream(
    exchange: Exchange,
    line: RequestLine,
    head: bytes,
    items: list[bytes],
    body: Body,
    *,
    pace: Pace,
    frame: Callable[[bytes], bytes] = http_chunk,
) -> None:
    """Writes `head` and `items`, which have come already, then all that comes.

    What came together leaves in one write, each item in a frame of its own. Waits while the client does not read, and
    then the runtime is no longer read from either. Ends early, with `exchange.gone`, when the client leaves.
    """
    while True:
        async for group in pace.admit([item for item in items if item]):
            exchange.write(head + b"".join(map(frame, group)))
            line.count(sum(map(len, group)), len(group))
            head = b""
        await exchange.drain()
        if exchange.gone:
            line.note = "the client left; the function was not told, and ran on"
            return
        items = await body.get()
        if not items:
            return
