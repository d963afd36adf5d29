"""An app with its lifespan, answering events: what the Runtime API's loop and `handler(event, context)` share."""

import json
from typing import Any, NamedTuple

from lambda_asgi.asgi import ASGIApp, Receive, Scope, Send
from lambda_asgi.cycle import EXTENSIONS, RequestCycle, ResponseWriter
from lambda_asgi.environment import Settings
from lambda_asgi.errors import EventError, LambdaASGIError, ResponseTooLarge
from lambda_asgi.event_sources import EventSource
from lambda_asgi.lifespan import Lifespan
from lambda_asgi.response import LARGEST_BUFFERED, LARGEST_STREAM, BufferedResponse, Response


class Application:
    """`base_path` is stripped by the front door's mapping, not by the app: it becomes the requests' `root_path`."""

    def __init__(self, app: ASGIApp, settings: Settings, *, base_path: str = "", use_lifespan: bool = True) -> None:
        self._app = app
        self._settings = settings
        self._base_path = base_path
        self._lifespan = Lifespan(app) if use_lifespan else None

    async def startup(self) -> None:
        """Raises StartupFailed."""
        if self._lifespan is not None:
            await self._lifespan.startup()

    async def shutdown(self) -> None:
        if self._lifespan is not None:
            await self._lifespan.shutdown()

    @property
    def wants_shutdown(self) -> bool:
        """Whether there is anything to shut down."""
        return self._lifespan is not None and self._lifespan.is_running

    async def stream(
        self, source: EventSource, event: Any, context: Any, writer: ResponseWriter, deadline: float | None
    ) -> RequestCycle:
        """Answer `event` through `writer`. Returns when the app is done; the cycle tells how it went."""
        app, scope, body = self._request(source, event, context)
        response = Response(
            head=scope.get("method") == "HEAD",
            limit=LARGEST_STREAM,
            fill_empty=self._settings.fill_empty,
            error_records=self._settings.error_records,
        )
        cycle = RequestCycle(scope, body, response, writer, deadline=deadline, margin=self._settings.deadline_margin)
        await cycle.run(app)
        return cycle

    async def buffer(self, source: EventSource, event: Any, context: Any, deadline: float | None) -> "BufferedAnswer":
        """Answer `event` with the function's result.

        Raises what `source.result` raises where only a failed invocation is an answer (events that are no requests).
        """
        app, scope, body = self._request(source, event, context)
        response = BufferedResponse(head=scope.get("method") == "HEAD")
        cycle = RequestCycle(scope, body, response, deadline=deadline, margin=self._settings.deadline_margin)
        await cycle.run(app)
        try:
            result = source.result(event, context, response.status, response.headers, response.body)
        except LambdaASGIError as not_handled:
            raise not_handled from cycle.error
        encoded = _encode(result)
        if len(encoded) > LARGEST_BUFFERED:
            error = ResponseTooLarge(f"the result has {len(encoded)} bytes as JSON; Lambda takes {LARGEST_BUFFERED}")
            response.replace(error.status, str(error))
            result = source.result(event, context, response.status, response.headers, response.body)
            encoded = _encode(result)
            cycle.error = error
        return BufferedAnswer(result, encoded, cycle)

    def _request(self, source: EventSource, event: Any, context: Any) -> tuple[ASGIApp, Scope, bytes]:
        try:
            scope, body = source.request(
                event, context, base_path=self._base_path, event_path=self._settings.event_path
            )
        except EventError as error:
            return _refusal(error), {"type": "http"}, b""
        scope["extensions"] = dict(EXTENSIONS)
        if self._lifespan is not None:
            scope["state"] = self._lifespan.state.copy()
        return self._app, scope, body


class BufferedAnswer(NamedTuple):
    """A function's result, as a value and as the JSON that was measured; and how the request went."""

    result: Any
    encoded: bytes
    cycle: RequestCycle


def _refusal(error: EventError) -> ASGIApp:
    """An app that stands in for the user's: the cycle makes the answer out of what it raises."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return refuse


def _encode(result: Any) -> bytes:
    return json.dumps(result, separators=(",", ":")).encode()
