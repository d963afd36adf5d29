"""One client's connection: parse requests, serve one at a time, report errors, enforce limits."""

import asyncio
from collections import deque
from typing import Protocol, cast

from lambda_emulator import limits
from lambda_emulator.http.exchange import Exchange
from lambda_emulator.http.message import Request, RequestError, error_response
from lambda_emulator.http.parser import RequestParser

__all__ = ["ClientConnection"]


class Server(Protocol):
    """What a connection needs of the server that accepted it."""

    idle_seconds: float | None
    half_close: bool
    connections: "set[ClientConnection]"

    def serve(self, exchange: Exchange) -> None:
        """Start the handler of one exchange."""


class ClientConnection(asyncio.Protocol):
    """One client. A handler gets one exchange at a time; pipelined requests wait."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast("asyncio.Transport", None)
        self.parser = RequestParser(self)
        self.current: Exchange | None = None
        """The exchange whose handler runs."""
        self.waiting: deque[Exchange] = deque()
        """Pipelined requests."""
        self.parsing: Exchange | None = None
        """The exchange whose body is being parsed."""
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
        # A client that has closed its sending side may still read the response (RFC 9112
        # section 9.6).
        # A client whose request is incomplete cannot get one.
        complete = self.parsing is None and not self.parser.in_head
        self.half_closed = self.server.half_close and complete and self.current is not None
        return self.half_closed

    def data_received(self, data: bytes) -> None:
        if self.error is not None or self.closing:
            return  # Lingering close: data is read and dropped.
        try:
            self.parser.feed(data)
        except RequestError as error:
            self._refuse(error)
        self.update_reading()

    # ---- called by the parser

    def request_began(self) -> None:
        self._arm(limits.HEAD_SECONDS)

    def request_head(self, request: Request) -> None:
        self._disarm()
        exchange = self.parsing = Exchange(self, request)
        if request.version == "1.1" and (request.header("expect") or "").lower() == "100-continue":
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.current is None:
            self._start(exchange)
        else:
            self.waiting.append(exchange)

    def request_body(self, part: bytes) -> None:
        if self.parsing is not None:
            self.parsing.feed(part)

    def request_ended(self) -> None:
        exchange, self.parsing = self.parsing, None
        if exchange is not None:
            exchange.feed_end()
            if exchange.finished:
                self._next()

    # ---- called by Exchange

    @property
    def peer(self) -> tuple[str, int]:
        name = self.transport.get_extra_info("peername") or ("127.0.0.1", 0)
        return str(name[0]), int(name[1])

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        if self.transport.is_closing():
            # Otherwise `connection_lost` would never run while a handler only writes and drains.
            await asyncio.sleep(0)
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
        """Read only while there is room: in the body being parsed, and in the queue of pipelined
        requests.
        """
        full = len(self.waiting) >= limits.PIPELINE or (
            self.parsing is not None
            and self.parsing.unread >= limits.READ_AHEAD
            and not self.parsing.finished
        )
        if full != self.paused and not self.transport.is_closing():
            self.paused = full
            if full:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # ---- private

    def _start(self, exchange: Exchange) -> None:
        self.current = exchange
        self.server.serve(exchange)

    def _next(self) -> None:
        self.current = None
        if self.waiting:
            self._start(self.waiting.popleft())
            self.update_reading()
        elif self.error is not None:
            self._write_error()
        elif self.half_closed:
            self.transport.close()
        elif not self.parser.in_head and not self.transport.is_closing():
            self._arm(self.server.idle_seconds)

    def _refuse(self, error: RequestError) -> None:
        """Report that the last bytes are not a valid request.

        The error belongs to the exchange whose request they are part of. Without one, it is a
        response.
        """
        self.error = error
        self._disarm()
        if self.parsing is not None:
            self.parsing.fail(error)
            if self.parsing.finished:
                self._linger()
        elif self.current is None:
            self._write_error()

    def _write_error(self) -> None:
        if self.error is not None:
            self.transport.write(error_response(self.error))
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
        if self.parser.in_head:
            self._refuse(
                RequestError(408, f"The headers took longer than {limits.HEAD_SECONDS:g} s.")
            )
        else:
            self.transport.close()
