"""The wire format of the Runtime API: requests as bytes, and the parser of replies. Pure.

Endpoints: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
Streamed responses and their error trailers:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming

Requests are written by hand. They are few, only an id varies, and no common HTTP client can end a
chunked body with trailers. llhttp (through httptools) parses the replies.
"""

import base64
import sys
from collections.abc import Sequence
from typing import Any

import httptools

from lambda_asgi._error_report import ErrorReport
from lambda_asgi.errors import ConnectionToRuntimeAPILost, ResponseRefused

HTTP_INTEGRATION = b"application/vnd.awslambda.http-integration-response"
"""The media type that makes an event source read status, headers and cookies from a prelude."""

LAST_CHUNK = b"0\r\n\r\n"

LARGEST_TRAILING_ERROR = 2900
"""The most JSON bytes of an error in a stream's trailers.

Lambda's Runtime API is written in Go, whose HTTP server rejects more than 4096 bytes of trailers
("suspiciously long trailer"). In base64 these bytes become 3868.
"""

# Lambda documents the order type, then body. Both must be announced, or Lambda ignores them.
_STREAMED = (
    b"Content-Type: " + HTTP_INTEGRATION + b"\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\n"
    b"Transfer-Encoding: chunked\r\n"
    b"Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
)


_INVOCATION = b"POST /2018-06-01/runtime/invocation/"


class Requests:
    """The bytes of each request, for one Runtime API at `host` (its `host:port`)."""

    def __init__(self, host: str, version: str) -> None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        user_agent = f"lambda-asgi/{version} python/{python}"
        self._end = f" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\n".encode()
        self._streamed_end = b"/response" + self._end + _STREAMED + b"\r\n"
        self.next = self._get(b"/2018-06-01/runtime/invocation/next")
        self.restore_next = self._get(b"/2018-06-01/runtime/restore/next")

    def streamed_response(self, request_id: str, invocation_id: str | None) -> bytes:
        """Return the head of a streamed response.

        Chunks follow, then LAST_CHUNK or `error_trailers`.
        """
        head = _INVOCATION + request_id.encode() + self._streamed_end
        return head if invocation_id is None else b"%b%b\r\n" % (head[:-2], _echo(invocation_id))

    def buffered_response(self, request_id: str, invocation_id: str | None, result: bytes) -> bytes:
        path = b"/2018-06-01/runtime/invocation/%b/response" % request_id.encode()
        return self._post(
            path, b"Content-Type: application/json\r\n" + _echo(invocation_id), result
        )

    def invocation_error(
        self, request_id: str, invocation_id: str | None, error: ErrorReport
    ) -> bytes:
        path = b"/2018-06-01/runtime/invocation/%b/error" % request_id.encode()
        return self._post(path, _error_headers(error) + _echo(invocation_id), error.as_json())

    def init_error(self, error: ErrorReport) -> bytes:
        return self._post(b"/2018-06-01/runtime/init/error", _error_headers(error), error.as_json())

    def restore_error(self, error: ErrorReport) -> bytes:
        return self._post(
            b"/2018-06-01/runtime/restore/error", _error_headers(error), error.as_json()
        )

    def register_extension(self, name: str) -> bytes:
        """Register for no events. The only effect is that Lambda sends SIGTERM before SIGKILL."""
        header = b"Lambda-Extension-Name: %b\r\nContent-Type: application/json\r\n" % name.encode()
        return self._post(b"/2020-01-01/extension/register", header, b'{"events": []}')

    def next_extension_event(self, identifier: bytes) -> bytes:
        return self._get(
            b"/2020-01-01/extension/event/next", b"Lambda-Extension-Identifier: %b\r\n" % identifier
        )

    def _get(self, path: bytes, headers: bytes = b"") -> bytes:
        return b"GET %b%b%b\r\n" % (path, self._end, headers)

    def _post(self, path: bytes, headers: bytes, body: bytes) -> bytes:
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        return b"".join((b"POST ", path, self._end, headers, length, body))


def _echo(invocation_id: str | None) -> bytes:
    if invocation_id is None:
        return b""
    return b"Lambda-Runtime-Invocation-Id: %b\r\n" % invocation_id.encode()


def _error_headers(error: ErrorReport) -> bytes:
    return (
        b"Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: %b\r\n"
        % error.error_type.encode()
    )


def chunk(parts: Sequence[bytes], size: int) -> list[bytes]:
    """Return the pieces of one chunk, with all `parts` of a body: `size` bytes.

    Without a byte there is no chunk: an empty one would end the body.
    """
    return [b"%x\r\n" % size, *parts, b"\r\n"] if size else []


def error_trailers(error: ErrorReport) -> bytes:
    """Return the end of a streamed body that failed: the last chunk and the announced trailers."""
    body = base64.b64encode(error.as_json(LARGEST_TRAILING_ERROR))
    return (
        b"0\r\n"
        b"Lambda-Runtime-Function-Error-Type: %b\r\n"
        b"Lambda-Runtime-Function-Error-Body: %b\r\n"
        b"\r\n"
    ) % (error.error_type.encode(), body)


class Reply:
    """A complete HTTP response. Header names are lower-case; the last of a repeated one counts."""

    __slots__ = ("body", "headers", "is_success", "keep_alive", "status")

    def __init__(
        self, status: int, headers: dict[bytes, bytes], body: bytes, keep_alive: bool
    ) -> None:
        self.status = status
        self.is_success = 200 <= status < 300
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive


def checked(reply: Reply) -> Reply:
    """Return the reply if its status means success.

    Raises:
        ResponseRefused: A 4xx (400, 403, 410, 413). The invocation is lost, the environment is not.
        ConnectionToRuntimeAPILost: Any other status. After a 500 a runtime must exit promptly
            (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
    """
    if reply.is_success:
        return reply
    said = reply.body[:500].decode("utf-8", "replace").strip()
    message = f"the Runtime API answered {reply.status}: {said}"
    if 400 <= reply.status < 500:
        raise ResponseRefused(reply.status, message)
    raise ConnectionToRuntimeAPILost(message)


class ReplyParser:
    """Parses replies from data in pieces of any size."""

    def __init__(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._reply: Reply | None = None
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes | memoryview) -> Reply | None:
        """Return the reply that `data` completes, or None while it is incomplete.

        One request is under way at a time.

        Raises:
            ConnectionToRuntimeAPILost: The data is not HTTP, or follows a complete reply.
        """
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            reason = error.__context__ or error  # what a function below has raised
            raise ConnectionToRuntimeAPILost(
                f"the Runtime API's reply is not HTTP: {reason}"
            ) from error
        reply, self._reply = self._reply, None
        return reply

    # Called by httptools, by these names. `feed` raises what they raise.

    def on_message_begin(self) -> None:
        """Forget the reply before.

        Raises:
            ConnectionToRuntimeAPILost: One request has two replies.
        """
        if self._reply is not None:
            raise ConnectionToRuntimeAPILost("bytes after the reply")
        self._headers = {}
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # 1xx is interim: the final reply follows
            self._reply = Reply(
                status, self._headers, b"".join(self._body), self._parser.should_keep_alive()
            )
