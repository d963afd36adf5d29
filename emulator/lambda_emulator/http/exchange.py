"""One request as it arrives, and its response: what a handler of the HTTP server gets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from lambda_emulator.http.message import Header, PeerGone, Request, RequestError, response_head

__all__ = ["Connection", "Exchange", "Handler"]


class Connection(Protocol):
    """What an exchange needs of its connection."""

    @property
    def peer(self) -> tuple[str, int]: ...

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def abort(self) -> None: ...

    def response_finished(self, exchange: "Exchange", close: bool) -> None: ...

    def update_reading(self) -> None: ...


class Exchange:
    """One request, its body as it arrives, and its response."""

    __slots__ = (
        "_complete",
        "_connection",
        "_error",
        "_on_gone",
        "_parts",
        "_size",
        "_wake",
        "finished",
        "gone",
        "request",
        "started",
    )

    def __init__(self, connection: Connection, request: Request) -> None:
        self.request = request
        self.started = False
        """The first byte of the response was written."""
        self.finished = False
        """The last byte of the response was written."""
        self.gone = False
        """The peer closed the connection: whatever is written now is dropped."""
        self._connection = connection
        self._parts: list[bytes] = []
        self._size = 0
        self._complete = False
        self._error: Exception | None = None
        self._wake: asyncio.Future[None] | None = None
        self._on_gone: Callable[[], object] | None = None

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port."""
        return self._connection.peer

    # ---- the request's body

    @property
    def complete(self) -> bool:
        """Whether the whole request has arrived."""
        return self._complete

    async def parts(self) -> list[bytes]:
        """Wait for body data and return it. An empty list is the end of the body.

        Returns:
            All parts that arrived since the last call. A part is one chunk, if it came in one
            piece.

        Raises:
            PeerGone: The client closed the connection before the end.
            RequestError: The framing is wrong.
        """
        while not self._parts:
            if self._complete:
                return []
            if self._error is not None:
                raise self._error
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        parts = self._parts
        self._parts = []
        self._size = 0
        self._connection.update_reading()
        return parts

    async def read(self, limit: int, *, patience: float | None = None) -> bytes:
        """Return the whole body.

        Args:
            limit: The largest body in bytes.
            patience: How many seconds to wait for more data.

        Raises:
            RequestError: 413 as soon as the body exceeds `limit`, 408 when no data came
                for `patience` seconds, or what `parts` raises.
            PeerGone: The client closed the connection before the end.
        """
        length = self.request.header("content-length")
        if length is not None and length.isdigit() and int(length) > limit:
            raise RequestError(413, f"The body has {length} bytes; the limit is {limit}.")
        body: list[bytes] = []
        size = 0
        while not self._complete or self._parts:
            try:
                async with asyncio.timeout(None if self._complete else patience):
                    parts = await self.parts()
            except TimeoutError:
                raise RequestError(408, f"No byte of the body came for {patience:g} s.") from None
            body += parts
            size += sum(map(len, parts))
            if size > limit:
                raise RequestError(413, f"The body has more than {limit} bytes, the limit.")
        return b"".join(body)

    def when_gone(self, callback: Callable[[], object]) -> None:
        """Call `callback` once when the client closes the connection."""
        if self.gone:
            callback()
        else:
            self._on_gone = callback

    # ---- the response

    def write(self, data: bytes) -> None:
        """Send bytes of the response. The caller writes the head too."""
        self.started = True
        if not self.gone:
            self._connection.write(data)

    async def drain(self) -> None:
        """Wait until the client has read enough for more to be written.

        It returns at once if the client has left.
        """
        await self._connection.drain()

    def respond(
        self, status: int, headers: Iterable[Header] = (), body: bytes = b"", *, close: bool = False
    ) -> None:
        """Send a whole response. This method adds content-length and connection.

        Args:
            status: The status.
            headers: All other headers.
            body: The body. It is not sent for HEAD.
            close: Close the connection after the response.
        """
        close = close or not self.request.keep_alive
        sent = list(headers)
        if status >= 200 and status != 204:
            sent.append(("Content-Length", str(len(body))))
        if close:
            sent.append(("Connection", "close"))
        head = response_head(status, sent)
        if self.request.method == "HEAD":
            body = b""
        self.write(head + body)
        self.finish(close=close)

    def finish(self, *, close: bool = False) -> None:
        """Complete the response. Close the connection if `close`, or if the client asked for it."""
        if not self.finished:
            self.finished = True
            self._connection.response_finished(self, close or not self.request.keep_alive)

    def abort(self) -> None:
        """Close the connection at once, even in the middle of the response."""
        self.finished = True
        self._connection.abort()

    # ---- called by the connection

    def feed(self, part: bytes) -> None:
        # Otherwise the response was early, and the rest of the request is dropped.
        if not self.finished:
            self._parts.append(part)
            self._size += len(part)
            self._awake()

    def feed_end(self) -> None:
        self._complete = True
        self._awake()

    def fail(self, error: Exception) -> None:
        if not self._complete:
            self._error = error
        self._awake()

    def lost(self) -> None:
        self.gone = True
        self.fail(PeerGone("the peer closed its connection before the request was complete"))
        if self._on_gone is not None:
            callback = self._on_gone
            self._on_gone = None
            callback()

    @property
    def unread(self) -> int:
        return self._size

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


Handler = Callable[[Exchange], Awaitable[None]]
