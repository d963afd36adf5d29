"""An app with its lifespan, answering events: what the Runtime API's loop and `handler(event, context)` share."""

import json
from typing import Any, NamedTuple

from lambda_asgi._asgi import ASGIApp, Receive, Scope, Send
from lambda_asgi._cycle import EXTENSIONS, RequestCycle, ResponseWriter
from lambda_asgi._environment import Settings
from lambda_asgi._event_sources import EventSource
from lambda_asgi._lifespan import Lifespan
from lambda_asgi._logging import logger
from lambda_asgi._records import ERROR_RECORDS
from lambda_asgi._response import LARGEST_BUFFERED, LARGEST_STREAM, BufferedResponse, Response
from lambda_asgi.errors import EventError, LambdaASGIError, ResponseTooLarge


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

    def cycle(
        self,
        source: EventSource,
        event: Any,
        context: Any,
        deadline: float | None,
        writer: ResponseWriter | None = None,
    ) -> RequestCycle:
        """The request of `event`, to be run. With a `writer` its response is streamed, else there is a `result`."""
        app, scope, body = self._request(source, event, context)
        settings = self._settings
        head = scope.get("method") == "HEAD"
        response = (
            BufferedResponse(head=head)
            if writer is None
            else Response(
                head=head,
                limit=LARGEST_STREAM,
                fill_empty=settings.fill_empty,
                error_records=settings.error_records,
            )
        )
        return RequestCycle(app, scope, body, response, writer, deadline=deadline, margin=settings.deadline_margin)

    def result(self, source: EventSource, event: Any, context: Any, cycle: RequestCycle) -> "Result":
        """The function's result for a cycle that has run without a writer.

        Raises what `source.result` raises where only a failed invocation is an answer (events that are no requests).
        """
        response = cycle.response
        assert isinstance(response, BufferedResponse), "a streamed response has no result"

        def result() -> Result:
            value = source.result(event, context, response.status, response.headers, response.body)
            return Result(value, _encode(value))

        try:
            answer = result()
        except LambdaASGIError as not_handled:
            raise not_handled from cycle.error
        if len(answer.encoded) <= LARGEST_BUFFERED:
            return answer
        error = ResponseTooLarge(f"the result has {len(answer.encoded)} bytes as JSON; Lambda takes {LARGEST_BUFFERED}")
        logger.error("ResponseTooLarge: %s", error)
        cycle.ending = "error"
        response.replace(error.status, str(error))
        return result()

    def _request(self, source: EventSource, event: Any, context: Any) -> tuple[ASGIApp, Scope, bytes]:
        try:
            scope, body = source.request(
                event, context, base_path=self._base_path, event_path=self._settings.event_path
            )
        except EventError as error:
            return _refusal(error), {"type": "http"}, b""
        scope["extensions"] = dict(EXTENSIONS)
        if self._settings.error_records:
            scope["extensions"][ERROR_RECORDS] = {}
        if self._lifespan is not None:
            scope["state"] = self._lifespan.state.copy()
        return self._app, scope, body


class Result(NamedTuple):
    """A function's result, and its JSON."""

    value: Any
    encoded: bytes


def _encode(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # lone surrogates, which only escapes can carry
        return json.dumps(value, separators=(",", ":")).encode()


def _refusal(error: EventError) -> ASGIApp:
    """An app that stands in for the user's: the cycle makes the answer out of what it raises."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return refuse
