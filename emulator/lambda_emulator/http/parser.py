"""Parse the bytes of one connection into requests, their bodies and their ends. Pure.

llhttp (Node's parser, through httptools) parses heads and chunks. It is fed in pieces that end
where a head or a body may end. So the parser knows the first byte of each request line, and can
refuse what llhttp accepts beyond the specification.
"""

import re
from typing import Final, Protocol

import httptools

from lambda_emulator import limits
from lambda_emulator.http.message import Header, Request, RequestError

__all__ = ["RequestParser", "Sink"]

_BLANK_LINE: Final = b"\r\n\r\n"
_REQUEST_LINE: Final = re.compile(
    rb"(?:\r\n)*[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^ \r\n]+ HTTP/\d\.\d\r\n"
)


class Sink(Protocol):
    """Gets what the parser finds, in order."""

    def request_began(self) -> None: ...

    def request_head(self, request: Request) -> None: ...

    def request_body(self, part: bytes) -> None: ...

    def request_ended(self) -> None: ...


class RequestParser:
    """Feeds a sink. After an exception it cannot parse any more."""

    def __init__(self, sink: Sink) -> None:
        self.in_head = False
        """A request has begun, its headers have not ended."""
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._request: Request | None = None
        """The request whose body is being parsed."""
        self._target = b""
        self._headers: list[Header] = []
        self._head_bytes = 0
        self._line: bytearray | None = bytearray()
        """The request line as far as it has come; None once it was checked."""
        self._remaining = 0
        """Bytes of a body of announced length that have not come yet."""
        self._tail = b""
        """The last bytes of the piece before: a blank line may lie across two pieces."""
        self._parts: list[bytes] = []
        """Of one chunk, or of one body of announced length."""
        self._resuming = False

    def feed(self, data: bytes) -> None:
        """Parse new data.

        Raises:
            RequestError: It is not a valid HTTP/1 request, or exceeds a limit.
        """
        start = 0
        while start < len(data):
            end = self._piece_end(data, start)
            try:
                self._feed(data[start:end])
            except httptools.HttpParserCallbackError as error:
                cause = error.__context__
                raise (
                    cause if isinstance(cause, RequestError) else RequestError(400, str(cause))
                ) from error
            except httptools.HttpParserError as error:
                raise RequestError(400, f"This is not HTTP/1.1: {error}.") from error
            start = end
        self._flush()

    def _piece_end(self, data: bytes, start: int) -> int:
        if self._remaining:
            return min(len(data), start + self._remaining)
        # A head and a chunked body both end with a blank line.
        if self._tail:
            found = (self._tail + data[start : start + len(_BLANK_LINE)]).find(_BLANK_LINE)
            if found >= 0:
                return start + found + len(_BLANK_LINE) - len(self._tail)
        found = data.find(_BLANK_LINE, start)
        return found + len(_BLANK_LINE) if found >= 0 else len(data)

    def _feed(self, piece: bytes) -> None:
        if self._remaining:
            self._remaining -= len(piece)
        else:
            self._tail = (
                b"" if (self._tail + piece).endswith(_BLANK_LINE) else (self._tail + piece)[-3:]
            )
        if self._request is None:
            self._head_bytes += len(piece)
            if self._head_bytes > limits.REQUEST_HEAD:
                raise RequestError(
                    431, f"The request line and headers are over {limits.REQUEST_HEAD} bytes."
                )
            self._check_line(piece)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._decline_upgrade()

    def _check_line(self, piece: bytes) -> None:
        if self._line is None:
            return
        self._line += piece
        while self._line.startswith(b"\r\n"):
            del self._line[:2]
        if b"\n" in self._line:
            if not _REQUEST_LINE.match(self._line):
                raise RequestError(
                    400, "The request line is not of the form 'METHOD target HTTP/1.1'."
                )
            self._line = None

    def _decline_upgrade(self) -> None:
        """Treat a request that offers an upgrade (websocket, h2c) like any other (RFC 9110 section
        7.8).

        llhttp stops after such a head. A second parser reads the body; it gets the head without the
        offer.
        """
        assert self._request is not None
        framing = next(
            (f for f in ("transfer-encoding", "content-length") if self._request.header(f)), None
        )
        if framing is None:
            self._end()
            return
        self._parser = httptools.HttpRequestParser(self)
        self._resuming = True
        head = (
            "POST / HTTP/1.1\r\nHost: resumed\r\n"
            f"{framing}: {self._request.header(framing)}\r\n\r\n"
        )
        self._parser.feed_data(head.encode("latin-1"))

    def _flush(self) -> None:
        if self._parts:
            self._sink.request_body(
                b"".join(self._parts) if len(self._parts) > 1 else self._parts[0]
            )
            self._parts = []

    def _end(self) -> None:
        self._flush()
        self._request = None
        self._line = bytearray()
        self._head_bytes = self._remaining = 0
        self._sink.request_ended()

    # ---- called by httptools, by these names

    def on_message_begin(self) -> None:
        if not self._resuming:
            self._target = b""
            self._headers = []
            self.in_head = True
            self._sink.request_began()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or a trailer.

        Raises:
            RequestError: There are too many trailers.
        """
        # llhttp keeps trailing white space, which RFC 9110 section 5.5 removes.
        header = (name.decode("latin-1"), value.decode("latin-1").rstrip(" \t"))
        if self.in_head:
            self._headers.append(header)
        elif self._request is not None and not self._resuming:
            self._request.trailers.append(header)
            if len(self._request.trailers) > limits.TRAILERS:
                raise RequestError(431, f"There are more than {limits.TRAILERS} trailers.")

    def on_headers_complete(self) -> None:
        if self._resuming:
            self._resuming = False
            return
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._parser.get_http_version(),
            self._headers,
            keep_alive=self._parser.should_keep_alive(),
        )
        _check(request)
        self.in_head = False
        self._request = request
        if request.header("transfer-encoding") is None:
            self._remaining = int(request.header("content-length") or 0)
        self._sink.request_head(request)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_chunk_complete(self) -> None:
        self._flush()

    def on_message_complete(self) -> None:
        if not self._parser.should_upgrade():
            self._end()


def _check(request: Request) -> None:
    """Refuse what llhttp accepts and this server does not serve."""
    if request.version not in ("1.0", "1.1"):
        raise RequestError(505, f"HTTP/{request.version} is not spoken here.")
    if request.method == "CONNECT":
        raise RequestError(400, f"{request.method} is not supported here.")
    names = [name.lower() for name, _ in request.headers]
    if request.version == "1.1" and names.count("host") != 1:
        raise RequestError(400, "An HTTP/1.1 request has one Host header: RFC 9112, 3.2.")
    codings = ",".join(
        value for name, value in request.headers if name.lower() == "transfer-encoding"
    )
    if codings and codings.lower() != "chunked":
        raise RequestError(
            501, f"The transfer coding {codings!r} is not known here; chunked is: RFC 9112, 6.1."
        )
