"""One kept-alive TCP connection to the Runtime API, with one request at a time.

Back-pressure works both ways. Only this module uses a socket.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from typing import Any, Self, cast

from lambda_asgi._fork_guard import guard_connection, refuse_in_child
from lambda_asgi._runtime_api.protocol import Reply, ReplyParser
from lambda_asgi.errors import ConnectionToRuntimeAPILost

# Above this, `drain` waits. It limits what is held of a response whose client is slower than the
# app. It is large enough to keep the kernel's send buffer filled while the event loop does
# something else.
HIGH_WATER = 256 * 1024

# Writes of one iteration of the event loop are sent together, up to this size.
HOLD_UP_TO = 16 * 1024

# Pieces are joined up to this size, and beyond it if there are many: asyncio counts all pieces that
# it holds whenever it gets another. A few large pieces are not worth a copy.
JOIN_UP_TO = 2 * HOLD_UP_TO
MANY_PIECES = 16

# Reads use one buffer of this size. asyncio's own reads allocate and free 256 KiB each time, which
# costs more than everything else that a small reply needs.
READ_SIZE = 64 * 1024


class ReplyFuture(asyncio.Future[Reply]):
    """A future whose waiters resume inside `arrive`, not one iteration of the event loop later.

    With two replies for each invocation, these iterations took a tenth of its CPU time. `arrive` is
    for the event loop's own callbacks: a task that called it would run another task inside itself.
    """

    _waiting: tuple[tuple[Callable[[Any], object], Context], ...] = ()

    def arrive(self, reply: Reply) -> None:
        waiting, self._waiting = self._waiting, ()
        self.set_result(reply)
        for callback, context in waiting:
            context.run(callback, self)

    def add_done_callback(
        self, callback: Callable[[Any], object], /, *, context: Context | None = None
    ) -> None:
        if self.done():
            super().add_done_callback(callback, context=context)
        else:
            self._waiting += ((callback, copy_context() if context is None else context),)

    # A task may cause the wait to end in other ways. Then waiters resume in the next iteration, as
    # usual.

    def set_exception(self, error: type[BaseException] | BaseException, /) -> None:
        self._wait_as_usual()
        super().set_exception(error)

    def cancel(self, msg: object = None) -> bool:
        self._wait_as_usual()
        return super().cancel(msg)

    def remove_done_callback(self, callback: Callable[[Any], object], /) -> int:
        self._wait_as_usual()
        return super().remove_done_callback(callback)

    def _wait_as_usual(self) -> None:
        waiting, self._waiting = self._waiting, ()
        for callback, context in waiting:
            super().add_done_callback(callback, context=context)


class Connection(asyncio.BufferedProtocol):
    """One connection. An exchange is one request and its reply.

    Call `begin`, `write` the request, then await the future that `begin` returned. Either end may
    close between requests; check `is_open`. If the connection is lost during an exchange, the
    future fails with ConnectionToRuntimeAPILost, and tasks in `drain` resume.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = ReplyParser()
        self._buffer = memoryview(bytearray(READ_SIZE))
        # connection_made sets it before `open` returns
        self._transport = cast(asyncio.Transport, None)
        self._socket: socket.socket | None = None
        self._reply: ReplyFuture | None = None
        self._writable: asyncio.Future[None] | None = None
        self.is_clogged = False
        """The peer reads more slowly than we write, so callers must `drain`."""
        self._held: list[bytes] = []
        self._held_size = 0
        self._spilled = False
        """Whether the transport got bytes and may still have some of them."""
        self._end_of_iteration: asyncio.Handle | None = None
        self.is_open = True
        self.exchanges = 0
        """The number of replies. A connection that was never used cannot be stale."""
        self.heard = False
        """Whether a part of the awaited reply has arrived."""

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect.

        Raises:
            ConnectionToRuntimeAPILost: Nobody listens there.
        """
        refuse_in_child()
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: cls(loop), host, port)
        except OSError as error:
            raise ConnectionToRuntimeAPILost(
                f"no connection to the Runtime API at {host}:{port}: {error}"
            ) from error
        return connection

    # One exchange.

    def begin(self) -> ReplyFuture:
        """Start an exchange, and return the future of its reply.

        The reply may arrive before the request has ended.
        """
        self.heard = False
        reply = self._reply = ReplyFuture(loop=self._loop)
        if not self.is_open:
            self._lost(
                ConnectionToRuntimeAPILost(
                    "the connection to the Runtime API was closed before the request"
                )
            )
        return reply

    def exchange(self, request: bytes) -> ReplyFuture:
        """Send a whole request, and return its reply. There is no time limit."""
        reply = self.begin()
        self.write((request,), more=False)
        return reply

    def write(self, parts: Sequence[bytes], *, more: bool) -> None:
        """Send `parts`, in order.

        The first write of an iteration of the event loop leaves at once. The following ones of the
        same iteration leave together when it ends, or when they are many. `more=False` says that
        nothing follows in this one. A cycle lets iterations end (FAIR_SHARE).
        """
        if not self.is_open:
            return  # whoever waits for the reply gets the error
        size = 0
        for part in parts:
            size += len(part)
        if self._end_of_iteration is None:
            if more:
                self._end_of_iteration = self._loop.call_soon(self._iteration_ended)
            self._send(parts, size)
        elif not self._held and size >= HOLD_UP_TO:
            self._send(parts, size)
        else:
            self._held += parts
            self._held_size += size
            if self._held_size >= HOLD_UP_TO or not more:
                self._send_held()

    def _iteration_ended(self) -> None:
        self._end_of_iteration = None
        if self._held:
            self._send_held()

    def _send_held(self) -> None:
        held, size = self._held, self._held_size
        self._held, self._held_size = [], 0
        self._send(held, size)

    def _send(self, parts: Sequence[bytes], size: int) -> None:
        """Send by one system call what the kernel takes; asyncio's transport sends the rest.

        The transport alone would need twice the instructions. In Python 3.12 and 3.13.0 its
        `writelines` also forgets to call pause_writing.
        """
        joins = size <= JOIN_UP_TO or len(parts) > MANY_PIECES
        if joins:
            parts = (b"".join(parts),)
        sent = 0
        if self._socket is not None and not (self._spilled and self._is_behind()):
            try:
                sent = self._socket.send(parts[0]) if joins else self._socket.sendmsg(parts)
            # nothing now, or never again: the transport gets the same error and handles it
            except OSError:
                sent = 0
            if sent == size:
                return
        if not self._transport.is_closing():
            self._spill(parts, sent)

    def _spill(self, parts: Sequence[bytes], sent: int) -> None:
        """Give asyncio's transport what follows the first `sent` bytes of `parts`."""
        self._spilled = True
        for part in parts:
            if sent >= len(part):
                sent -= len(part)
            else:
                self._transport.write(memoryview(part)[sent:] if sent else part)
                sent = 0

    def _is_behind(self) -> bool:
        """Whether the transport has something that the kernel has not taken yet."""
        self._spilled = self._spilled and self._transport.get_write_buffer_size() > 0
        return self._spilled

    async def drain(self) -> None:
        """Wait until the peer has read enough, or does not read any more."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def close(self) -> None:
        self.is_open = False
        if self._end_of_iteration is not None:
            self._end_of_iteration.cancel()
            self._end_of_iteration = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        # A descriptor of our own for the same connection, so that nothing is sent to another
        # connection after its end.
        own = transport.get_extra_info("socket")
        self._socket = None if own is None else socket.socket(fileno=os.dup(own.fileno()))
        guard_connection(self, Connection.descriptors)

    def descriptors(self) -> list[int]:
        """Return the socket's descriptors, while it is open."""
        if not self.is_open or self._socket is None:
            return []
        return [self._socket.fileno(), self._transport.get_extra_info("socket").fileno()]

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.heard = True
        try:
            reply = self._parser.feed(self._buffer[:nbytes])
        except ConnectionToRuntimeAPILost as error:
            self._lost(error)
            return
        if reply is None:
            return
        self.exchanges += 1
        if self._reply is None or self._reply.done():
            self._lost(
                ConnectionToRuntimeAPILost("the Runtime API sent a reply that nobody asked for")
            )
            return
        if not reply.keep_alive or self._held or self._is_behind():
            self.close()  # otherwise the unsent rest of this request would begin the next one
        self._reply.arrive(reply)

    def pause_writing(self) -> None:
        self.is_clogged = True
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        self.is_clogged = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(
            ConnectionToRuntimeAPILost(
                f"the Runtime API closed the connection: {exc or 'end of stream'}"
            )
        )

    def _lost(self, error: ConnectionToRuntimeAPILost) -> None:
        self.close()
        self.resume_writing()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
            self._reply.exception()  # the event loop must not report it if nobody asks
