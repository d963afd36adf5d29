"""Events that are no HTTP requests: queues, buckets, schedules, or whatever JSON somebody invokes the function with."""

import json
from typing import Any

from lambda_asgi.asgi import RawHeaders, Scope
from lambda_asgi.errors import LambdaASGIError
from lambda_asgi.event_sources.source import EventSource
from lambda_asgi.scope import decoded_path, http_scope, utf8


class EventNotHandled(LambdaASGIError):
    """The app answered an event that is no HTTP request with another status than 2xx.

    The invocation has to fail then: Lambda deletes an SQS message, and forgets an asynchronous event, as soon as the
    function succeeds. A missing route (404) must not lose them.
    """

    error_type = "Runtime.EventNotHandled"


class NonHTTP(EventSource):
    """Any JSON value, also null, as a POST with the value as JSON body."""

    name = "non-http"

    def request(
        self, event: Any, context: Any, *, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        raw_path = utf8(event_path)
        scope = http_scope(
            event,
            context,
            method="POST",
            path=decoded_path(raw_path),
            raw_path=raw_path,
            query_string=b"",
            headers=[(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
            client_ip=None,
        )
        return scope, body

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        """The response body: the value if it is JSON, else the text (bytes that are no text become U+FFFD).

        Raises EventNotHandled for a status other than 2xx.
        """
        text = body.decode("utf-8", "replace")
        if not 200 <= status < 300:
            raise EventNotHandled(f"the app answered the event with status {status}: {text[:1000]}")
        if not text:
            return None
        try:
            return json.loads(text)
        except ValueError:
            return text
