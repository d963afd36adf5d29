"""One request to an app's own HTTP server, and its response: the inner half of an endpoint.

A connection serves one request. That costs little on one machine, and no request uses a connection
that the server is about to close.
"""

import asyncio
from collections.abc import Sequence

import httptools

from lambda_emulator import limits
from lambda_emulator.http.message import Header

__all__ = ["Upstream", "UpstreamError"]


class UpstreamError(ConnectionError):
    """The app's server closed its connection too early, or sent something that is not HTTP/1.1."""


class Upstream:
    """A connection to the app's server, for one request.

    Every method raises UpstreamError once the app's server has failed.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.complete = False
        self._reader = reader
        self._writer = writer
        self._parser = httptools.HttpResponseParser(self)
        self._head_complete = False
        self._bodyless = False
        self._parts: list[bytes] = []

    @classmethod
    async def connect(cls, host: str, port: int) -> "Upstream":
        """Connect to the app's server.

        Raises:
            UpstreamError: It does not accept connections.
        """
        try:
            reader, writer = await asyncio.open_connection(host, port, limit=limits.READ_AHEAD)
        except OSError as error:
            raise UpstreamError(
                f"the app's server does not accept connections: {error.strerror or error}"
            ) from error
        writer.transport.set_write_buffer_limits(high=limits.WRITE_AHEAD)
        return cls(reader, writer)

    def close(self) -> None:
        """Close the connection. The app sees that the client has left."""
        self._writer.transport.abort()

    # ---- the request

    async def send_head(self, method: str, target: str, headers: Sequence[Header]) -> None:
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += ["", ""]
        self._bodyless = method == "HEAD"
        await self.send("\r\n".join(lines).encode("latin-1"))

    async def send(self, data: bytes) -> None:
        """Send data. Wait while the app's server does not read.

        Raises:
            UpstreamError: The app's server closed the connection.
        """
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise UpstreamError(
                "the app's server closed its connection while the request was being sent"
            ) from error

    # ---- the response

    async def head(self) -> None:
        """Wait for the final status and the headers."""
        while not self._head_complete:
            await self._read("before its response")

    async def parts(self) -> list[bytes]:
        """Return the body data since the last call, one item for each chunk. An empty list is the
        end.
        """
        while not self._parts:
            if self.complete:
                return []
            await self._read("in the middle of its response")
        parts, self._parts = self._parts, []
        return parts

    async def _read(self, when: str) -> None:
        try:
            data = await self._reader.read(65536)
        except OSError:
            data = b""
        try:
            if data:
                self._parser.feed_data(data)
                return
        except httptools.HttpParserUpgrade:
            raise UpstreamError("the app's server switched to another protocol") from None
        except httptools.HttpParserError as error:
            raise UpstreamError(f"the app's server sent what is not HTTP/1.1: {error}") from error
        names = {name.lower() for name, _ in self.headers}
        if self._head_complete and not names & {"content-length", "transfer-encoding"}:
            self.complete = True  # The connection ends the body (RFC 9112 section 6.3).
            return
        raise UpstreamError(f"the app's server closed its connection {when}")

    # ---- httptools callbacks

    def on_message_begin(self) -> None:
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_complete:  # Trailers follow the body, and are dropped.
            self.headers.append((name.decode("latin-1"), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # Interim responses are not forwarded.
            return
        self.status = status
        self._head_complete = True
        if self._bodyless or status in (204, 304):
            self.complete = True

    def on_body(self, body: bytes) -> None:
        if not self._bodyless:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._head_complete:
            self.complete = True
