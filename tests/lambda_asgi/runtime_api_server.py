"""A Runtime API for tests, on h11, so that another HTTP implementation judges our bytes.

It does not enforce the protocol's order. A test says what it answers, and sees each chunk.
"""

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import h11

Headers = dict[str, str]
T = TypeVar("T")


@dataclass
class Posted:
    """One POST: to `path`, with its chunks as they were framed, and what followed them."""

    path: str
    headers: Headers
    abort: Callable[[], None]
    """Reset the connection that it comes over."""
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0
    trailers: Headers = field(default_factory=dict)
    complete: bool = False
    arrivals: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    """Each chunk when it is there; None at the end, whole or not."""

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def prelude(self) -> dict[str, Any]:
        head, delimiter, _ = self.body.partition(b"\0" * 8)
        assert delimiter, self.body[:200]
        document = json.loads(head)
        assert isinstance(document, dict)
        return document

    @property
    def content(self) -> bytes:
        """The body behind the prelude."""
        return self.body.partition(b"\0" * 8)[2]

    async def chunk(self) -> bytes:
        """The next chunk. Fails at the end of the body."""
        arrived = await self.arrivals.get()
        assert arrived is not None, "the body has ended"
        return arrived

    @property
    def error(self) -> dict[str, Any]:
        """What the error trailers say, with their type as "trailer"."""
        body = self.trailers["lambda-runtime-function-error-body"]
        document = json.loads(base64.b64decode(body, validate=True))
        return {**document, "trailer": self.trailers["lambda-runtime-function-error-type"]}

    async def end(self) -> Self:
        """Wait for the end of the body."""
        while await self.arrivals.get() is not None:
            pass
        return self


class RuntimeAPIServer:
    """`next` hands out `events`; `posts` come in. The other attributes are ways to misbehave."""

    def __init__(self) -> None:
        self.address = ""
        self.events: asyncio.Queue[tuple[float, Headers, bytes]] = asyncio.Queue()
        self.posts: asyncio.Queue[Posted] = asyncio.Queue()
        self.polls = 0
        self.extension_polls = 0
        self.connections = 0
        self.replies: dict[str, list[int]] = {}
        """Path ending -> the statuses to answer with first, as soon as a request's head came."""
        self.late_replies: dict[str, list[int]] = {}
        """The same, at the request's end."""
        self.raw_replies: dict[str, list[bytes]] = {}
        """The same, with bytes in place of a status; the connection closes behind them."""
        self.byte_by_byte = False
        """Whether replies leave one byte at a time."""
        self.closes = False
        """Whether each reply is the last one of its connection."""
        self.keeps_bodies = True
        """Otherwise only `Posted.size` counts them."""
        self.reading = asyncio.Event()
        """Cleared: nothing more is read of any request."""
        self.reading.set()
        self.snapshots: asyncio.Queue[None] = asyncio.Queue()
        """One entry for each `restore/next`, which is answered once `restored` is set."""
        self.restored = asyncio.Event()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: dict[asyncio.StreamWriter, h11.Connection] = {}
        self._listening: asyncio.Server | None = None

    def invoke(
        self, event: Any, *, seconds: float = 900.0, headers: Mapping[str, str] | None = None
    ) -> str:
        """Queue an invocation, and return its id. Its deadline is `seconds` after its delivery."""
        self._count += 1
        request_id = f"request-{self._count}"
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        head = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Invoked-Function-Arn": (
                "arn:aws:lambda:eu-west-1:123456789012:function:test"
            ),
            **(headers or {}),
        }
        self.events.put_nowait((seconds, head, payload))
        return request_id

    async def answer(self) -> Posted:
        """The next POST, at its end."""
        return await (await self.posts.get()).end()

    def drop_connections(self) -> None:
        """Reset every connection, in the middle of whatever it carries."""
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()

    def drop_idle_connections(self) -> None:
        """Close those over which no request is under way."""
        for writer, connection in self._writers.items():
            if connection.their_state is h11.IDLE:
                writer.close()

    async def stop(self) -> None:
        """Stop listening, and close every connection."""
        assert self._listening is not None
        self._listening.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self._writers[writer] = h11.Connection(h11.SERVER)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._exchanges(connection, reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            del self._writers[writer]
            writer.close()

    async def _exchanges(
        self, connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        posted: Posted | None = None
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    await self.reading.wait()
                    connection.receive_data(await reader.read(65536))
                elif isinstance(event, h11.Request):
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                    posted = Posted(event.target.decode(), headers, writer.transport.abort)
                    if event.method == b"POST":
                        self.posts.put_nowait(posted)
                        if status := _override(self.replies, posted.path):
                            await self._reply(
                                connection, writer, status, b'{"errorType":"Refused"}'
                            )
                            if status >= 400:
                                return
                elif isinstance(event, h11.Data):
                    assert posted is not None
                    posted.size += len(event.data)
                    if self.keeps_bodies:
                        _collect(posted, event)
                elif isinstance(event, h11.EndOfMessage):
                    assert posted is not None
                    posted.trailers = {
                        name.decode(): value.decode() for name, value in event.headers
                    }
                    posted.complete = True
                    posted.arrivals.put_nowait(None)
                    if raw := _override(self.raw_replies, posted.path):
                        writer.write(raw)
                        await writer.drain()
                        return
                    await self._end_exchange(connection, writer, posted)
                    posted = None
                    if self.closes or connection.our_state is h11.MUST_CLOSE:
                        return
                    connection.start_next_cycle()
                else:  # ConnectionClosed
                    return
        finally:
            if posted is not None:
                posted.arrivals.put_nowait(None)

    async def _end_exchange(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, request: Posted
    ) -> None:
        if request.path.endswith("/invocation/next"):
            self.polls += 1
        for replies in (self.replies, self.late_replies):
            if status := _override(replies, request.path):
                await self._reply(
                    connection, writer, status, b'{"errorType":"InvalidStateTransition"}'
                )
                return
        if request.path.endswith("/invocation/next"):
            seconds, headers, payload = await self.events.get()
            deadline = {"Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000))}
            await self._reply(connection, writer, 200, payload, deadline | headers)
        elif request.path.endswith("/extension/register"):
            await self._reply(
                connection, writer, 200, b"{}", {"Lambda-Extension-Identifier": "extension-1"}
            )
        elif request.path.endswith("/extension/event/next"):
            self.extension_polls += 1
            await asyncio.Event().wait()
        elif request.path.endswith("/restore/next"):
            self.snapshots.put_nowait(None)
            await self.restored.wait()
            await self._reply(connection, writer, 200, b"", {"Connection": "close"})
        else:
            await self._reply(connection, writer, 202, b'{"status":"OK"}\n')

    async def _reply(
        self,
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        lines = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        lines.append((b"Content-Length", b"%d" % len(body)))
        if self.closes:
            lines.append((b"Connection", b"close"))
        parts = (
            connection.send(h11.Response(status_code=status, headers=lines)),
            connection.send(h11.Data(data=body)),
            connection.send(h11.EndOfMessage()),
        )
        wire = b"".join(part for part in parts if part)
        for piece in [bytes([byte]) for byte in wire] if self.byte_by_byte else [wire]:
            writer.write(piece)
            await asyncio.sleep(0)
        await writer.drain()


def _override(replies: Mapping[str, list[T]], path: str) -> T | None:
    for ending, overrides in replies.items():
        if path.endswith(ending) and overrides:
            return overrides.pop(0)
    return None


def _collect(posted: Posted, data: h11.Data) -> None:
    if data.chunk_start or not posted.chunks:
        posted.chunks.append(b"")
    posted.chunks[-1] += bytes(data.data)
    if data.chunk_end or "content-length" in posted.headers:
        posted.arrivals.put_nowait(posted.chunks[-1])


@asynccontextmanager
async def runtime_api_server() -> AsyncIterator[RuntimeAPIServer]:
    """A server on a free port of the loopback interface."""
    server = RuntimeAPIServer()
    listener = socket.create_server(("127.0.0.1", 0))
    # Otherwise the kernel may hold a whole response while nobody reads: its buffers grow.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
    server._listening = await asyncio.start_server(server._serve, sock=listener)
    host, port = server._listening.sockets[0].getsockname()[:2]
    server.address = f"{host}:{port}"
    try:
        yield server
    finally:
        await server.stop()
