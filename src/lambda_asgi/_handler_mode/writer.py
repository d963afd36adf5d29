"""A streamed response on a plain socket: what a cycle writes to in handler mode.

Writing never blocks. What the kernel does not accept is kept, and `stream` returns something to
await. While the app waits, the event loop watches the socket. After the app has ended, no loop is
needed: `delivered` reads the reply with blocking calls.
"""

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable, Sequence

from lambda_asgi._error_report import ErrorReport
from lambda_asgi._handler_mode.connection import SocketConnection
from lambda_asgi._runtime_api.protocol import (
    LAST_CHUNK,
    Reply,
    checked,
    chunk,
    error_trailers,
)
from lambda_asgi.errors import ClientDisconnected, ConnectionToRuntimeAPILost

# Parts of one iteration of the event loop are held, and sent together, up to this size.
HOLD_UP_TO = 16 * 1024

# Pieces are joined up to this size, and beyond it if there are many: sendmsg accepts 1024 at most.
JOIN_UP_TO = 32 * 1024
MANY_PIECES = 16

Piece = bytes | memoryview


class SocketWriter:
    """The streamed response to one invocation.

    `invocation_id` is the nonce of its delivery, if any. `body` keeps the first `keep` bytes of the
    body; it is None if there are more.
    """

    def __init__(
        self,
        connection: SocketConnection,
        loop: asyncio.AbstractEventLoop,
        request_id: str,
        invocation_id: str | None,
        *,
        keep: int = 0,
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._request_id = request_id
        self._invocation_id = invocation_id
        self._socket: socket.socket | None = None
        self._descriptor = -1
        self._ended = False
        self.failed = False
        """Whether `fail` ended the stream."""
        self._gone = False
        self._reply: Reply | None = None
        self._loss: ConnectionToRuntimeAPILost | None = None
        self._on_gone: Callable[[], None] | None = None
        self._watches = False
        self._held: list[bytes] = []
        """Parts that are not sent yet."""
        self._held_size = 0
        self._iteration: asyncio.Handle | None = None
        self._left: list[Piece] = []
        """What the kernel did not accept."""
        self._writable: asyncio.Future[None] | None = None
        self._kept: list[bytes] | None = []
        self._room = keep

    @property
    def begun(self) -> bool:
        """Whether anything was streamed. From then on, only `fail` can report an error."""
        return self._socket is not None

    @property
    def body(self) -> bytes | None:
        """The whole body, or None if it was larger than what is kept."""
        return None if self._kept is None else b"".join(self._kept)

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` once if the response cannot be sent any more, before its end."""
        self._on_gone = callback

    def stream(self, parts: Sequence[bytes], last: bool) -> Awaitable[None] | None:
        """Send parts of the stream.

        Returns:
            What the caller must await: the peer reads slowly.
            None: nothing to wait for.

        Raises:
            ClientDisconnected: Nobody reads any more. Raised at once, or when awaited.
            ConnectionToRuntimeAPILost: There is no connection.
        """
        self.stream_now(parts, last)
        return self._drain() if self._left else None

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        """`stream` without waiting.

        Raises:
            ClientDisconnected: Nobody reads any more.
            ConnectionToRuntimeAPILost: There is no connection.
        """
        if self._gone:
            raise ClientDisconnected("the Runtime API takes no more of this response")
        if self._kept is not None:
            # the first part is the prelude
            self._keep(self._kept, parts if self.begun else parts[1:])
        for part in parts:
            self._held_size += len(part)
        self._held += parts
        if self._iteration is None or self._held_size >= HOLD_UP_TO or last:
            self._send_held(LAST_CHUNK if last else b"")

    def fail(self, error: ErrorReport) -> None:
        """End a begun stream with the announced error trailers. It does nothing after the end."""
        if not self._ended:
            self.failed = True
            self._send_held(error_trailers(error))

    def delivered(self) -> None:
        """Block until the Runtime API has accepted the response.

        The event loop does not run meanwhile.

        Raises:
            ResponseRefused: The Runtime API did not accept it.
            ConnectionToRuntimeAPILost: There was no reply.
        """
        assert self._socket is not None, "nothing was streamed"
        self._unwatch()
        if self._loss is not None:
            raise self._loss
        while self._reply is None:
            self._exchange_some(self._socket)
        if not self._reply.keep_alive or not self._ended or self._left:
            self._connection.close()  # it may still be waiting for the rest of the body
        checked(self._reply)

    def _exchange_some(self, peer: socket.socket) -> None:
        """Wait until the kernel accepts more, or has a part of the reply."""
        if self._left:
            poll = select.poll()
            poll.register(peer, select.POLLIN | select.POLLOUT)
            ((_, happened),) = poll.poll()
            if not happened & ~select.POLLOUT:
                self._send_left()
                return
        self._reply = self._connection.receive()

    def _keep(self, kept: list[bytes], parts: Sequence[bytes]) -> None:
        kept += parts
        self._room -= sum(map(len, parts))
        if self._room < 0:
            self._kept = None

    # Writing. The first part of an iteration of the event loop is sent at once, so that a first
    # byte or a single part never waits. Later ones are sent together, as one chunk.

    def _send_held(self, end: bytes) -> None:
        """Send what is held, and the `end` of the body if there is one."""
        begins = not self.begun
        if begins:
            self._socket = self._connection.ready()
            # the event loop knows it even after it is closed
            self._descriptor = self._socket.fileno()
        wire = chunk(self._held, self._held_size)
        self._held, self._held_size = [], 0
        if begins:
            requests = self._connection.requests
            wire.insert(0, requests.streamed_response(self._request_id, self._invocation_id))
        if end:
            wire.append(end)
            self._ended = True
            self._on_gone = None
        elif self._iteration is None:
            self._iteration = self._loop.call_soon(self._end_iteration)
        self._send(wire)
        if begins and (self._left or not self._ended):
            self._watch()

    def _end_iteration(self) -> None:
        if self._held:
            self._send_held(b"")
        self._iteration = None

    def _send(self, wire: Sequence[Piece]) -> None:
        if self._left:
            self._left += wire
        elif not self._gone:
            self._left = self._sent(wire)
            if self._left and self._writable is None:
                self._writable = self._loop.create_future()
                self._loop.add_writer(self._descriptor, self._send_left)

    def _send_left(self) -> None:
        self._left = self._sent(self._left)
        if not self._left:
            self._let_go()

    def _sent(self, wire: Sequence[Piece]) -> list[Piece]:
        """Send what the kernel accepts now, and return the rest."""
        assert self._socket is not None
        size = sum(map(len, wire))
        try:
            if size <= JOIN_UP_TO or len(wire) > MANY_PIECES:
                wire = [b"".join(wire)]
                sent = self._socket.send(wire[0], socket.MSG_DONTWAIT)
            else:
                sent = self._socket.sendmsg(wire, (), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return list(wire)
        except OSError:
            self._lost()
            return []
        if sent == size:
            return []
        left: list[Piece] = []
        for piece in wire:
            if sent < len(piece):
                left.append(memoryview(piece)[sent:] if sent else piece)
            sent = max(0, sent - len(piece))
        return left

    async def _drain(self) -> None:
        """Wait until the kernel has accepted everything. Raises ClientDisconnected."""
        if self._writable is not None:
            await asyncio.shield(self._writable)  # cancelling the app must not stop sending
        if self._gone and not self._ended:
            raise ClientDisconnected("the Runtime API takes no more of this response")

    def _let_go(self) -> None:
        if self._writable is not None:
            self._loop.remove_writer(self._descriptor)
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    # Reading, while the app waits.

    def _heard(self) -> None:
        try:
            self._reply = self._connection.receive(socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionToRuntimeAPILost as loss:
            self._loss = loss
            self._lost()
            return
        if self._reply is not None:
            self._unwatch()
            if not self._ended:  # a peer that replies early does not read the rest of the body
                self._lost()

    def _lost(self) -> None:
        self._gone = True
        self._left = []
        self._unwatch()
        if self._on_gone is not None:
            on_gone, self._on_gone = self._on_gone, None
            on_gone()

    def _watch(self) -> None:
        """Listen for a reply before the end: the peer reads no more of the body then."""
        if not self._gone:
            self._watches = True
            self._loop.add_reader(self._descriptor, self._heard)

    def _unwatch(self) -> None:
        if self._iteration is not None:
            self._iteration.cancel()
            self._end_iteration()
        self._let_go()
        if self._watches:
            self._watches = False
            self._loop.remove_reader(self._descriptor)
