"""Custom handlers written for Mangum: classes with `infer`, `scope`, `body` and `__call__`.

https://mangum.fastapiexpert.com/adapter/#custom-event-handlers
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.http_scope import ASGI_VERSIONS
from lambda_asgi._event_sources.source import EventSource
from lambda_asgi.errors import EventError


class CustomHandler(EventSource):
    """A Mangum handler class as an event source. Its answers are never streamed: its `__call__` takes a whole one."""

    name = "custom"

    def __init__(self, handler: type[Any]) -> None:
        self.handler = handler

    def recognises(self, event: Any, context: Any) -> bool:
        """What the handler's `infer` says. Raises EventError, with its cause, when that raises."""
        try:
            return bool(self.handler.infer(event, context, results.mangum_config()))
        except Exception as error:
            raise EventError(f"{self.handler.__qualname__}.infer failed: {error!r}") from error

    def request(
        self, event: Any, context: Any, base_path: str = "", event_path: str = "/events"
    ) -> tuple[Scope, bytes]:
        try:
            handler = self.handler(event, context, results.mangum_config(base_path))
            scope, body = dict(handler.scope), handler.body or b""
            scope["headers"] = [(bytes(name), bytes(value)) for name, value in scope["headers"]]
        except Exception as error:
            raise EventError(f"{self.handler.__qualname__} failed to read the event: {error!r}") from error
        scope["asgi"] = ASGI_VERSIONS.copy()  # handlers say 2.0, but what `send` does is ours
        scope.setdefault("aws.event", event)
        scope.setdefault("aws.context", context)
        return scope, body

    def result(self, event: Any, context: Any, status: int, headers: RawHeaders, body: bytes) -> Any:
        lines = [[name, value] for name, value in headers]
        return self.handler(event, context, results.mangum_config())({"status": status, "headers": lines, "body": body})
