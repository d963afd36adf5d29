"""Non-HTTP events: queues, buckets, schedules, or any JSON that someone sends."""

import json
from typing import Any, NoReturn

from lambda_asgi._asgi import RawHeaders
from lambda_asgi._event_sources.event_source import RequestSource, wire_path
from lambda_asgi._event_sources.text_bodies import media_type
from lambda_asgi._version import __version__
from lambda_asgi.errors import EventError, EventNotHandled


class NonHTTP(RequestSource):
    """Any JSON value, including null, as a POST of that value.

    The request has what middleware expects of every request: host, client, user agent and length.
    """

    name = "non-http"
    is_http = False

    def method(self) -> Any:
        return "POST"

    def url_path(self) -> tuple[bytes, str]:
        return wire_path(self.options.event_path)

    def query_string(self) -> bytes:
        return b""

    def headers(self) -> RawHeaders:
        return [
            (b"host", self.options.event_host.encode()),
            (b"user-agent", b"lambda-asgi/%b" % __version__.encode()),
            (b"content-type", b"application/json"),
        ]

    def body(self) -> bytes:
        """Return the event as JSON.

        Raises:
            EventError: It has NaN or an infinity, or is nested too deeply.
        """
        try:
            return json.dumps(self.event, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise EventError(f"the event cannot be written as JSON again: {error}") from None

    def client_address(self, headers: RawHeaders) -> Any:
        return "127.0.0.1"

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        """Return the function's result: the value of a JSON body, or the text of a text body.

        It is null for an empty body, and base64 for other bytes.

        Raises:
            EventNotHandled: The status is not 2xx.
        """
        if not 200 <= status < 300:
            raise EventNotHandled(
                f"the app answered the event with status {status}: {body[:1000]!r}"
            )
        if not body:
            return None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            from base64 import b64encode

            return b64encode(body).decode()
        if media_type(headers).startswith("text/"):
            return text
        try:
            return json.loads(text, parse_constant=refuse)
        except (ValueError, RecursionError):
            return text


def refuse(constant: str) -> NoReturn:
    """Raise for NaN and infinities. They are not JSON, and Lambda would refuse them in a result."""
    raise ValueError(constant)
