"""A body on its way from a runtime to a client: item by item, as it comes, at the client's pace."""

from collections.abc import Callable

from lambda_emulator.console import RequestLine
from lambda_emulator.fronts.http_answer import BadAnswer, Prelude, PreludeParser
from lambda_emulator.fronts.pacing import Pace
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.invocation import Body

__all__ = ["http_chunk", "read_prelude", "stream"]


def http_chunk(item: bytes) -> bytes:
    """Return one chunk. Its size is lower-case hex without padding (recorded)."""
    return b"%x\r\n%b\r\n" % (len(item), item)


async def read_prelude(body: Body, items: list[bytes]) -> tuple[Prelude, list[bytes]]:
    """Read the prelude of a streamed answer.

    Args:
        body: The answer's body.
        items: The parts of it that have already been taken.

    Returns:
        The prelude, and the parts of the body that arrived with it.

    Raises:
        BadAnswer: There is no valid prelude.
    """
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
    """Send a stream to the client.

    Items that arrive together are sent in one write, each in its own frame.
    If the client does not read, this waits, and the runtime's data is not read either.
    It ends early, with `exchange.gone`, when the client leaves.

    Args:
        exchange: The request, and the connection to the client.
        line: Counts what was sent.
        head: Bytes to send before the first item.
        items: Items of the body that have already arrived.
        body: Everything that follows.
        pace: Decides when bytes may be sent.
        frame: Encodes one item.
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
