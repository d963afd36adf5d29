"""Events that are no HTTP requests: queues, buckets, schedules, or whatever JSON somebody invokes the function with."""

import json
from typing import Any, NoReturn

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources.http_scope import http_request, utf8
from lambda_asgi._event_sources.source import EventSource
from lambda_asgi.errors import EventError, EventNotHandled


class NonHTTP(EventSource):
    """Any JSON value, also null, as a POST of that value."""

    name = "non-http"

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        try:
            body = json.dumps(event, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, RecursionError) as error:
            raise EventError(f"the event cannot be written as JSON again: {error}") from None
        return http_request(
            event,
            context,
            method="POST",
            raw_path=utf8(event_path),
            query_string=b"",
            headers=[(b"content-type", b"application/json")],
            body=body,
            client_ip=None,
        )

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        """The value of a JSON body, the text of a text body, null for none, and base64 for bytes that are neither.

        Raises EventNotHandled for a status other than 2xx.
        """
        if not 200 <= status < 300:
            raise EventNotHandled(f"the app answered the event with status {status}: {body[:1000]!r}")
        if not body:
            return None
        try:
            text = body.decode()
        except UnicodeDecodeError:
            from base64 import b64encode

            return b64encode(body).decode()
        if any(name.lower() == b"content-type" and value.startswith(b"text/") for name, value in headers):
            return text
        try:
            return json.loads(text, parse_constant=refuse)
        except (ValueError, RecursionError):
            return text


def refuse(constant: str) -> NoReturn:
    """NaN and the infinities are Python's, not JSON's: Lambda would refuse them in a result."""
    raise ValueError(constant)
