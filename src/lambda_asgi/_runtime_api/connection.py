"""One kept-alive TCP connection to the Runtime API, with one request at a time.

Back-pressure works both ways. Only this module uses a socket.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Self

from lambda_asgi._fork_guard import guard_connection, refuse_in_child
from lambda_asgi._runtime_api.pending import PendingReply
from lambda_asgi._runtime_api.protocol import Reply, ReplyParser
from lambda_asgi.errors import ConnectionToRuntimeAPILost

# Above HIGH_WATER unsent bytes, `drain` waits until LOW_WATER are left. It limits what is held of
# a response whose client is slower than the app. It is large enough to keep the kernel's send
# buffer filled while the event loop does something else.
HIGH_WATER = 256 * 1024
LOW_WATER = HIGH_WATER // 4

# Pieces are joined up to this size, and beyond it if there are many: in a list, a small piece takes
# longer than its copy. A few large pieces are not worth a copy.
JOIN_UP_TO = 32 * 1024
MANY_PIECES = 32

# Reads use one buffer of this size.
READ_SIZE = 64 * 1024


class Connection:
    """Call `begin` before the bytes of a request. It returns the reply to come.

    Either end may close between requests; check `is_open`. If the connection is lost during an
    exchange, the reply fails with ConnectionToRuntimeAPILost, and tasks in `drain` resume.

    The event loop says when the socket can be read and written. asyncio's transports and protocols
    do the same in more steps.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, own: socket.socket) -> None:
        self._loop = loop
        self._socket = own
        self._parser = ReplyParser()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._reply: PendingReply | None = None
        self._unsent: list[memoryview] = []
        """What the kernel has not taken yet."""
        self._writable: asyncio.Future[None] | None = None
        self.is_clogged = False
        """The peer reads more slowly than we write, so callers must `drain`."""
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
            transport, _ = await loop.create_connection(asyncio.Protocol, host, port)
        except OSError as error:
            raise ConnectionToRuntimeAPILost(
                f"no connection to the Runtime API at {host}:{port}: {error}"
            ) from error
        # asyncio finds the address and connects. From here on, a descriptor of our own for the same
        # connection replaces its transport.
        own = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        own.setblocking(False)
        transport.abort()
        connection = cls(loop, own)
        loop.add_reader(own, connection._readable)
        guard_connection(connection, Connection.descriptors)
        return connection

    def descriptors(self) -> list[int]:
        """Return the socket's descriptor, while it is open."""
        return [self._socket.fileno()] if self.is_open else []

    def close(self) -> None:
        self._lost("this end has closed the connection")

    def _lost(self, why: str) -> None:
        """Close. Whoever waits for the reply or in `drain` continues."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            self._unsent = []
            self._unclog()
        pending, self._reply = self._reply, None
        if pending is not None:
            pending.fail(ConnectionToRuntimeAPILost(why))

    # One exchange.

    def begin(self) -> PendingReply:
        """Start an exchange. The reply may arrive before the request has ended."""
        self.heard = False
        reply = self._reply = PendingReply()
        if not self.is_open:
            self._lost("the connection to the Runtime API was closed before the request")
        return reply

    def exchange(self, request: bytes) -> PendingReply:
        """Send a whole request, and return its reply. There is no time limit."""
        reply = self.begin()
        if self.is_open:
            self._send((request,), len(request))
        return reply

    def _readable(self) -> None:
        try:
            size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(f"the Runtime API closed the connection: {error}")
            return
        if not size:
            self._lost("the Runtime API closed the connection: end of stream")
            return
        self.heard = True
        try:
            reply = self._parser.feed(self._buffer[:size])
        except ConnectionToRuntimeAPILost as error:
            self._lost(str(error))
            return
        if reply is not None:
            self._replied(reply)

    def _replied(self, reply: Reply) -> None:
        self.exchanges += 1
        pending, self._reply = self._reply, None
        if pending is None:
            self._lost("the Runtime API sent a reply that nobody asked for")
            return
        if not reply.keep_alive or self._unsent:
            self.close()  # otherwise the unsent rest of this request would begin the next one
        pending.arrive(reply)

    # Writing.

    def send(self, parts: Sequence[bytes]) -> None:
        """Send by one system call what the kernel takes, and keep the rest."""
        if not self.is_open:
            return  # whoever waits for the reply gets the error
        size = sum(map(len, parts))
        if size <= JOIN_UP_TO or len(parts) > MANY_PIECES:
            parts = (b"".join(parts),)
        self._send(parts, size)

    def _send(self, parts: Sequence[bytes], size: int) -> None:
        sent = 0
        if not self._unsent:
            try:
                if len(parts) == 1:
                    sent = self._socket.send(parts[0])
                else:
                    sent = self._socket.sendmsg(parts)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:  # whoever waits for the reply is not called inside this call
                why = f"the Runtime API closed the connection: {error}"
                self._loop.call_soon(self._lost, why)
                return
            if sent == size:
                return
            self._loop.add_writer(self._socket, self._send_rest)
        self._unsent += _without(sent, parts)
        if not self.is_clogged and sum(map(len, self._unsent)) > HIGH_WATER:
            self.is_clogged = True
            self._writable = self._loop.create_future()

    def _send_rest(self) -> None:
        """Send more, because the kernel takes more."""
        try:
            sent = self._socket.sendmsg(self._unsent[:MANY_PIECES])
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(f"the Runtime API closed the connection: {error}")
            return
        self._unsent = _without(sent, self._unsent)
        if not self._unsent:
            self._loop.remove_writer(self._socket)
        if self.is_clogged and sum(map(len, self._unsent)) <= LOW_WATER:
            self._unclog()

    async def drain(self) -> None:
        """Wait until the peer has read enough, or does not read any more."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    def _unclog(self) -> None:
        self.is_clogged = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None


def _without(sent: int, parts: Sequence[bytes | memoryview]) -> list[memoryview]:
    """Return what follows the first `sent` bytes of `parts`."""
    rest = []
    for part in parts:
        if sent < len(part):
            rest.append(memoryview(part)[sent:])
            sent = 0
        else:
            sent -= len(part)
    return rest
