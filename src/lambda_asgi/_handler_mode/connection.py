"""A plain socket to the Runtime API, kept between invocations.

No event loop runs while Lambda's own loop waits for an invocation, so nothing would notice that the
other end has closed an idle connection. Instead, `ready` asks the kernel before each use.
"""

import select
import socket
from typing import Any

from lambda_asgi._fork_guard import guard_connection, refuse_in_child
from lambda_asgi._runtime_api.protocol import Reply, ReplyParser, Requests
from lambda_asgi._version import __version__
from lambda_asgi.errors import ConnectionToRuntimeAPILost

READ_SIZE = 64 * 1024


class SocketConnection:
    """One connection to the Runtime API, for one request at a time.

    Args:
        address: `host:port`, from AWS_LAMBDA_RUNTIME_API.

    Raises:
        ConnectionToRuntimeAPILost: `address` is malformed.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ConnectionToRuntimeAPILost(f"AWS_LAMBDA_RUNTIME_API={address!r} is not host:port")
        self._host, self._port = host.strip("[]"), int(port)
        self._socket: socket.socket | None = None
        self._news: select.poll
        """Reports data on the open socket, and its end."""
        self._parser = ReplyParser()
        self.requests = Requests(address, __version__)

    def ready(self) -> socket.socket:
        """Return the open socket: the previous one, or a new one if the other end has closed it.

        Raises:
            ConnectionToRuntimeAPILost: Nobody listens.
        """
        refuse_in_child()
        if self._socket is not None:
            if not self._news.poll(0):
                return self._socket
            self.close()  # the other end has closed it, or has sent unrequested data
        try:
            # Bytes: for a str, Python imports the codec of international names (some milliseconds).
            host: Any = self._host.encode()
            opened = socket.create_connection((host, self._port))
        except OSError as error:
            raise ConnectionToRuntimeAPILost(
                f"no connection to the Runtime API at {self._host}:{self._port}: {error}"
            ) from error
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = opened
        self._news = select.poll()
        self._news.register(opened, select.POLLIN)
        self._parser = ReplyParser()
        guard_connection(self, SocketConnection.descriptors)
        return opened

    def descriptors(self) -> list[int]:
        """The socket's descriptor, while it is open."""
        return [] if self._socket is None else [self._socket.fileno()]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def receive(self, flags: int = 0) -> Reply | None:
        """Read once, and return the reply, or None while it is incomplete.

        Raises:
            BlockingIOError: `flags` has MSG_DONTWAIT and there is no data.
            ConnectionToRuntimeAPILost: The connection has ended. The socket is then closed.
        """
        if self._socket is None:
            raise ConnectionToRuntimeAPILost("the connection to the Runtime API is closed")
        try:
            data = self._socket.recv(READ_SIZE, flags)
        except BlockingIOError:
            raise
        except OSError as error:
            self.close()
            raise ConnectionToRuntimeAPILost(
                f"the Runtime API closed the connection: {error}"
            ) from error
        if not data:
            self.close()
            raise ConnectionToRuntimeAPILost("the Runtime API closed the connection: end of stream")
        try:
            return self._parser.feed(data)
        except ConnectionToRuntimeAPILost:
            self.close()
            raise

    def exchange(self, request: bytes) -> Reply:
        """Send a whole request and wait for its reply.

        Raises:
            ConnectionToRuntimeAPILost: There was no reply.
        """
        opened = self.ready()
        try:
            opened.sendall(request)
        except OSError as error:
            self.close()
            raise ConnectionToRuntimeAPILost(
                f"the Runtime API closed the connection: {error}"
            ) from error
        while (reply := self.receive()) is None:
            pass
        if not reply.keep_alive:
            self.close()
        return reply
