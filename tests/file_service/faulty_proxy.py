"""A proxy in front of an S3 server. It cuts connections at random and answers 503 SlowDown."""

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.patience import PATIENCE

_BODY = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b"
    % (
        len(_BODY),
        _BODY,
    )
)


@dataclass
class FaultyProxy:
    """`cut_within`: each connection is reset after a random number of answered bytes below that.

    `slow_down`: the share of connections whose first request is answered with 503.
    """

    upstream: str
    cut_within: int
    slow_down: float
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    url: str = ""
    cuts: int = 0
    slowed: int = 0

    @contextlib.contextmanager
    def running(self) -> Iterator["FaultyProxy"]:
        ready = threading.Event()
        stop = asyncio.Event()

        async def serve() -> None:
            async with self._listening():
                ready.set()
                await stop.wait()

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        assert ready.wait(PATIENCE)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        connections: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.chance.random() < self.slow_down:
                await reader.readuntil(b"\r\n\r\n")
                self.slowed += 1
                writer.write(_SLOW_DOWN)
                await writer.drain()
                writer.close()
                return
            address = urlsplit(self.upstream)
            from_server, to_server = await asyncio.open_connection(address.hostname, address.port)
            try:
                there = asyncio.ensure_future(_copy(reader, to_server))
                await self._copy_and_cut(from_server, writer)
                there.cancel()
            finally:
                to_server.transport.abort()
        except (OSError, EOFError):
            pass
        finally:
            writer.transport.abort()

    async def _copy_and_cut(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        left = self.chance.randrange(self.cut_within)
        while data := await reader.read(64 * 1024):
            writer.write(data[:left])
            await writer.drain()
            left -= len(data)
            if left <= 0:
                self.cuts += 1
                return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
