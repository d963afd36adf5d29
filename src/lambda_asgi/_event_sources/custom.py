"""Custom handlers written for Mangum: classes with `infer`, `scope`, `body` and `__call__`.

https://mangum.fastapiexpert.com/adapter/#custom-event-handlers
"""

from typing import Any

from lambda_asgi._asgi import RawHeaders, Scope
from lambda_asgi._event_sources import results
from lambda_asgi._event_sources.event_source import EventOptions, EventSource
from lambda_asgi._event_sources.parts import ASGI_VERSIONS
from lambda_asgi.errors import EventError


class CustomHandler(EventSource):
    """A Mangum handler class as an event source.

    Its responses are never streamed, because its `__call__` takes a whole response.
    """

    name = "custom"

    def __init__(self, event: Any, context: Any, options: EventOptions, handler: type[Any]) -> None:
        super().__init__(event, context, options)
        self.handler = handler

    def recognises(self) -> bool:
        """Return the result of the handler's `infer`.

        Raises:
            EventError: `infer` raised.
        """
        config = results.mangum_config(self.options)
        try:
            return bool(self.handler.infer(self.event, self.context, config))
        except Exception as error:
            raise EventError(f"{self.handler.__qualname__}.infer failed: {error!r}") from error

    def request(self) -> tuple[Scope, bytes]:
        """Return the scope and the body that the handler makes of the event.

        Raises:
            EventError: The handler raised.
        """
        config = results.mangum_config(self.options)
        try:
            handler = self.handler(self.event, self.context, config)
            scope, body = dict(handler.scope), handler.body or b""
            scope["headers"] = [(bytes(name), bytes(value)) for name, value in scope["headers"]]
        except Exception as error:
            raise EventError(
                f"{self.handler.__qualname__} failed to read the event: {error!r}"
            ) from error
        scope["asgi"] = ASGI_VERSIONS.copy()  # Handlers say 2.0, but our `send` implements 2.4.
        scope.setdefault("aws.event", self.event)
        scope.setdefault("aws.context", self.context)
        return scope, body

    def result(self, status: int, headers: RawHeaders, body: bytes) -> Any:
        lines = [[name, value] for name, value in headers]
        config = results.mangum_config(self.options)
        handler = self.handler(self.event, self.context, config)
        return handler({"status": status, "headers": lines, "body": body})
