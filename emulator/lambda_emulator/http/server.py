"""A small HTTP/1.1 server on asyncio and httptools, for the fronts and the Runtime API.

A general ASGI server cannot show what the emulator must see and send: request trailers, the raw
target, the case of header names, each body part when it arrives, the exact bytes of a response
head, a response before the end of the request, and a response that never ends.

A handler gets one `Exchange` (a request and its response) at a time. Pipelined requests wait.
Back-pressure works in both directions: the server stops reading a socket if nobody reads the body,
and `drain` waits for a client that does not read.
"""

import asyncio
import errno
import logging
import ssl
from typing import Final, cast

from lambda_emulator.http.connection import ClientConnection
from lambda_emulator.http.exchange import Exchange, Handler
from lambda_emulator.http.guard import Guard
from lambda_emulator.http.message import PeerGone, RequestError, error_response

__all__ = ["HTTPServer"]

_TRIES: Final = 20
"""How many free ports are tried until one is free at both addresses of `localhost`."""
_LOG = logging.getLogger("lambda_emulator.http")


class HTTPServer:
    """Serves `handler` on a TCP port of one address.

    Args:
        idle_seconds: How long a connection may live without a request. None, as the Runtime API
            needs it, is for ever.
        guard: Refuses requests that other sites' pages make a browser send.
        half_close: A client that has closed its sending side still gets its response. Otherwise it
            counts as gone.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        idle_seconds: float | None = None,
        half_close: bool = True,
        guard: Guard | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.handler = handler
        self.guard = guard
        self.idle_seconds = idle_seconds
        self.half_close = half_close and tls is None  # TLS closes both sides at once
        self.tls = tls
        self.connections: set[ClientConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self, host: str, port: int) -> int:
        """Listen.

        Args:
            host: An address. "localhost" means 127.0.0.1 and, if there is IPv6, ::1.
            port: The port. 0 means a free one.

        Returns:
            The actual port.

        Raises:
            OSError: The port is taken.
        """
        if host != "localhost":
            return await self._bind(host, port)
        for _ in range(_TRIES if port == 0 else 1):
            real = await self._bind("127.0.0.1", port)
            try:
                return await self._bind("::1", real)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:  # there is no IPv6
                    return real
                taken = error
                self._servers.pop().close()
        raise taken

    async def _bind(self, host: str, port: int) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(self), host, port, backlog=1024, ssl=self.tls
        )
        self._servers.append(server)
        return cast("int", server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and end every connection and every handler."""
        for server in self._servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        if self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def serve(self, exchange: Exchange) -> None:
        """Start the handler of one exchange."""
        task = asyncio.get_running_loop().create_task(self._run(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        """Run the handler, and respond for it if it fails."""
        try:
            if self.guard is not None:
                self.guard.check(exchange.request)
            await self.handler(exchange)
        except RequestError as error:
            if exchange.started:
                exchange.abort()
            else:
                exchange.write(error_response(error))
                exchange.finish(close=True)
        except PeerGone:
            exchange.abort()
        except Exception:
            _LOG.exception("%s %s", exchange.request.method, exchange.request.target)
            if exchange.started:
                exchange.abort()
            else:
                exchange.respond(500, close=True)
