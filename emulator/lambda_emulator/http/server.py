"""A small HTTP/1.1 server on asyncio and httptools: for the fronts and for the Runtime API alike.

It exists because a general ASGI server cannot show what the emulator must see and send: request trailers, the raw
target, the case of header names, each body part the moment it arrives, the exact bytes of a response head, an answer
before the request's end, and a response that never ends.

A handler gets one `Exchange` (a request and the way to answer it) at a time; requests that a client pipelines wait.
Back-pressure works both ways: a body that nobody reads stops the reading of its socket, and `drain` waits for a
client that does not read.
"""

import asyncio
import logging
from collections import deque
from email.utils import formatdate
from typing import Final, cast

import httptools

from lambda_emulator import limits
from lambda_emulator.http.exchange import Exchange, Handler
from lambda_emulator.http.message import Header, PeerGone, Request, RequestError, reason

__all__ = ["HTTPServer"]

_LOG = logging.getLogger("lambda_emulator.http")
_METHODS_WITHOUT_BODY_FRAMING: Final = frozenset({"CONNECT"})


class HTTPServer:
    """Serves `handler` on a TCP port of one address.

    `idle_seconds` is how long a connection may live without a request; None, as the Runtime API needs it: for ever.
    `half_close`: a client that has ended its side of the connection still gets its answer; else it counts as gone.
    """

    def __init__(self, handler: Handler, *, idle_seconds: float | None = None, half_close: bool = True) -> None:
        self.handler = handler
        self.idle_seconds = idle_seconds
        self.half_close = half_close
        self.loop = asyncio.get_running_loop()
        self.connections: set[_Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens, and returns the port (the real one where 0 was asked for). Raises OSError when it is taken."""
        self._server = await self.loop.create_server(lambda: _Connection(self), host, port, backlog=1024)
        return cast("int", self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stops listening, ends every connection and every handler."""
        if self._server is not None:
            self._server.close()
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        if self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def run(self, exchange: Exchange) -> None:
        """Runs the handler, and answers for it where it fails."""
        try:
            await self.handler(exchange)
        except RequestError as error:
            if exchange.started:
                exchange.abort()
            else:
                exchange.write(_error_response(error))
                exchange.finish(close=True)
        except PeerGone:
            exchange.abort()
        except Exception:
            _LOG.exception("%s %s", exchange.request.method, exchange.request.target)
            if exchange.started:
                exchange.abort()
            else:
                exchange.respond(500, close=True)


class _Connection(asyncio.Protocol):
    """One client: parses, hands exchanges out in order, and keeps the limits."""

    def __init__(self, server: "HTTPServer") -> None:
        self.server = server
        self.loop = server.loop
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.parser = httptools.HttpRequestParser(self)
        self.current: Exchange | None = None
        """The exchange whose handler runs."""
        self.waiting: deque[Exchange] = deque()
        """Pipelined requests."""
        self.parsing: Exchange | None = None
        """The exchange whose body is being parsed."""
        self.target = b""
        self.headers: list[Header] = []
        self.head_bytes = 0
        self.in_head = False
        """A request has begun, its headers have not ended."""
        self.error: RequestError | None = None
        """What was wrong with the bytes after the last good request."""
        self.closing = False
        self.half_closed = False
        self.paused = False
        self.writable: asyncio.Future[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=limits.WRITE_AHEAD)
        self.server.connections.add(self)
        self._arm(self.server.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self._disarm()
        self.closing = True
        for exchange in (self.current, self.parsing, *self.waiting):
            if exchange is not None:
                exchange.lost()
        self.waiting.clear()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self.writable is None:
            self.writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self.writable is not None:
            waiter, self.writable = self.writable, None
            if not waiter.done():
                waiter.set_result(None)

    def eof_received(self) -> bool:
        # A half-closed peer (it said all it has to say) may still read its answer: RFC 9112, 9.6. One whose request
        # is incomplete cannot get one.
        complete = self.parsing is None and not self.in_head
        self.half_closed = self.server.half_close and complete and self.current is not None
        return self.half_closed

    def data_received(self, data: bytes) -> None:
        if self.error is not None or self.closing:
            return  # lingering: read and dropped
        self.head_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, RequestError) else RequestError(400, str(cause)))
        except httptools.HttpParserError as error:
            self._refuse(RequestError(400, f"This is not HTTP/1.1: {error}."))
        else:
            if self.in_head and self.head_bytes > limits.REQUEST_HEAD:
                self._refuse(_head_too_large())
        self.update_reading()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # An offer (websocket, h2c) that is not taken up: RFC 9110, 7.8. The parser stopped behind the request.
                data = data[upgrade.args[0] :]
            else:
                return

    # ---- httptools callbacks

    def on_message_begin(self) -> None:
        self.target = b""
        self.headers = []
        self.in_head = True
        self._arm(limits.HEAD_SECONDS)

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # llhttp keeps the blank before the line's end; RFC 9110, 5.5 takes it away.
        header = (name.decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
        if self.in_head:
            self.headers.append(header)
        elif self.parsing is not None:
            self.parsing.request.trailers.append(header)
            if len(self.parsing.request.trailers) > limits.TRAILERS:
                raise RequestError(431, f"There are more than {limits.TRAILERS} trailers.")

    def on_headers_complete(self) -> None:
        if self.head_bytes > limits.REQUEST_HEAD:  # a first look: a part of the body may have come along
            size = len(self.target) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > limits.REQUEST_HEAD:
                raise _head_too_large()
        method = self.parser.get_method().decode("ascii")
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise RequestError(505, f"HTTP/{version} is not spoken here.")
        if method in _METHODS_WITHOUT_BODY_FRAMING:
            raise RequestError(405, f"{method} is not answered here.")
        names = [name.lower() for name, _ in self.headers]
        if version == "1.1" and names.count("host") != 1:
            raise RequestError(400, "An HTTP/1.1 request has one Host header: RFC 9112, 3.2.")
        self.in_head = False
        self.head_bytes = 0
        self._disarm()
        request = Request(
            method, self.target.decode("latin-1"), version, self.headers, keep_alive=self.parser.should_keep_alive()
        )
        exchange = self.parsing = Exchange(self, request)
        if version == "1.1" and (request.header("expect") or "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.current is None:
            self._start(exchange)
        else:
            self.waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        if self.parsing is not None:
            self.parsing.feed(body)

    def on_message_complete(self) -> None:
        exchange, self.parsing = self.parsing, None
        self.head_bytes = 0
        if exchange is not None:
            exchange.feed_end()
            if exchange.finished:
                self._next()

    # ---- for Exchange

    @property
    def peer(self) -> tuple[str, int]:
        name = self.transport.get_extra_info("peername") or ("127.0.0.1", 0)
        return str(name[0]), int(name[1])

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        if self.transport.is_closing():
            await asyncio.sleep(0)  # or a handler that only writes and drains would never let `connection_lost` come
        elif self.writable is not None:
            await asyncio.shield(self.writable)

    def abort(self) -> None:
        self.closing = True
        self.transport.abort()

    def response_finished(self, exchange: Exchange, close: bool) -> None:
        if close:
            self.closing = True
            if exchange.complete:
                self.transport.close()
            else:
                self._linger()
        elif exchange.complete:
            self._next()
        elif self.error is not None:
            self._linger()
        self.update_reading()

    def update_reading(self) -> None:
        """Reads only while there is room: in the body being parsed, and in the queue of pipelined requests."""
        full = len(self.waiting) >= limits.PIPELINE or (
            self.parsing is not None and self.parsing.unread >= limits.READ_AHEAD and not self.parsing.finished
        )
        if full != self.paused and not self.transport.is_closing():
            self.paused = full
            if full:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # ---- inside

    def _start(self, exchange: Exchange) -> None:
        self.current = exchange
        task = self.loop.create_task(self.server.run(exchange))
        self.server.tasks.add(task)
        task.add_done_callback(self.server.tasks.discard)

    def _next(self) -> None:
        self.current = None
        if self.waiting:
            self._start(self.waiting.popleft())
            self.update_reading()
        elif self.error is not None:
            self._answer_error()
        elif self.half_closed:
            self.transport.close()
        elif not self.in_head and not self.transport.is_closing():
            self._arm(self.server.idle_seconds)

    def _refuse(self, error: RequestError) -> None:
        """The bytes that came last are no request: said to the exchange they belong to, or in a response of its own."""
        self.error = error
        self._disarm()
        if self.parsing is not None:
            self.parsing.fail(error)
            if self.parsing.finished:
                self._linger()
        elif self.current is None:
            self._answer_error()

    def _answer_error(self) -> None:
        if self.error is not None:
            self.transport.write(_error_response(self.error))
        self._linger()

    def _linger(self) -> None:
        self.closing = True
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        self._disarm()
        self.timer = self.loop.call_later(limits.LINGER_SECONDS, self.transport.close)

    def _arm(self, seconds: float | None) -> None:
        self._disarm()
        if seconds is not None:
            self.timer = self.loop.call_later(seconds, self._expired)

    def _disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _expired(self) -> None:
        if self.in_head:
            self._refuse(RequestError(408, f"The headers took longer than {limits.HEAD_SECONDS:g} s."))
        else:
            self.transport.close()


def _head_too_large() -> RequestError:
    return RequestError(431, f"The request line and headers are over {limits.REQUEST_HEAD} bytes.")


def _error_response(error: RequestError) -> bytes:
    body = f"{error}\n".encode()
    return (
        f"HTTP/1.1 {error.status} {reason(error.status)}\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode("latin-1") + body
