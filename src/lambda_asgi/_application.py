"""An app and its lifespan, answering events.

Both modes and `lambda_asgi.testing` use this module.
"""

import json
from collections.abc import Coroutine
from typing import Any, Literal, NamedTuple

from lambda_asgi._asgi import ASGIApp, Scope
from lambda_asgi._buffering_notice import BufferingNotice
from lambda_asgi._cycle import EXTENSIONS, RequestCycle, ResponseWriter
from lambda_asgi._environment import Settings
from lambda_asgi._event_sources import EventOptions, EventSource, infer
from lambda_asgi._lifespan import Lifespan
from lambda_asgi._logging import Access, init_logger
from lambda_asgi._records import ERROR_RECORDS
from lambda_asgi._response import LARGEST_BUFFERED, LARGEST_STREAM, BufferedResponse, Response
from lambda_asgi._response_mode import BUFFERED, CAN_STREAM, ResponseMode
from lambda_asgi.errors import EventError, LambdaASGIError, ResponseTooLarge


class Application:
    """Started once, then given any number of events, also at the same time."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        options: EventOptions,
        *,
        lifespan: Literal["auto", "on", "off"] = "auto",
        response_mode: ResponseMode = BUFFERED,
    ) -> None:
        self.app = app
        self.settings = settings
        self.response_mode = settings.response_mode or response_mode
        self.buffering_notice = BufferingNotice()
        self.options = options
        self._lifespan = None if lifespan == "off" else Lifespan(app, required=lifespan == "on")

    async def startup(self) -> None:
        """Start the app. Raises StartupFailed."""
        init_logger.info("response mode %s", self.response_mode)
        if self._lifespan is not None:
            await self._lifespan.startup()

    async def shutdown(self) -> None:
        if self._lifespan is not None:
            await self._lifespan.shutdown()

    @property
    def wants_shutdown(self) -> bool:
        """Whether there is anything to shut down."""
        return self._lifespan is not None and self._lifespan.is_running

    def exchange(self, event: Any, context: Any, deadline: float | None) -> "Exchange":
        """Return the exchange of `event`. `deadline` is in seconds since the epoch.

        Raises:
            EventError: The `infer` of a custom handler raised.
        """
        return Exchange(self, infer(event, context, self.options), deadline)

    def request(self, source: EventSource) -> tuple[Scope, bytes]:
        """Return the complete scope and the body.

        Raises:
            EventError: The event cannot be served.
        """
        scope, body = source.request()
        scope["extensions"] = dict(EXTENSIONS)
        if self.settings.error_records:
            scope["extensions"][ERROR_RECORDS] = {}
        if self._lifespan is not None:
            scope["state"] = self._lifespan.state.copy()
        return scope, body


class Exchange:
    """One event and the app's response to it. Use `stream` or `answer`, once.

    A caller that runs the event loop itself takes the cycle of `streaming`, and runs that.
    """

    def __init__(
        self, application: Application, source: EventSource, deadline: float | None
    ) -> None:
        self.source = source
        self.cycle: RequestCycle | None = None
        """The running cycle; None before it begins."""
        self.streams = source.name in application.response_mode.streaming
        """Whether the response is streamed."""
        self._application = application
        self._deadline = deadline

    def stream(self, writer: ResponseWriter) -> Coroutine[Any, Any, None]:
        """Run the app, and stream its response to `writer`. Raises ConnectionToRuntimeAPILost."""
        return self.streaming(writer).run()

    def streaming(self, writer: ResponseWriter) -> RequestCycle:
        """Return the cycle that streams the response to `writer`. The caller runs it."""
        return self._begin(writer)

    async def answer(self) -> "Result":
        """Run the app, and return the function's result.

        Raises:
            EventNotHandled: The app did not handle a non-HTTP event, so the invocation must fail.
        """
        cycle = self._begin(None)
        await cycle.run()
        try:
            result = self._result(cycle)
        except LambdaASGIError as not_handled:
            raise not_handled from cycle.error
        if len(result.encoded) <= LARGEST_BUFFERED:
            return result
        size = len(result.encoded)
        cycle.replace_response(
            ResponseTooLarge(
                f"the result has {size} bytes as JSON; Lambda takes {LARGEST_BUFFERED}"
            )
        )
        return self._result(cycle)

    def close(self) -> None:
        """Release the app's objects, when nobody needs its error any more."""
        if self.cycle is not None:
            self.cycle.close()

    def _begin(self, writer: ResponseWriter | None) -> RequestCycle:
        settings, app = self._application.settings, self._application.app
        error: EventError | None = None
        try:
            scope, body = self._application.request(self.source)
        except EventError as refused:
            scope, body, error = {"type": "http"}, b"", refused
        head = scope.get("method") == "HEAD"
        exclude_headers = self._application.options.exclude_headers
        if writer is None:
            response: Response = BufferedResponse(head=head, exclude_headers=exclude_headers)
            notice = self._application.buffering_notice
            if self.source.name in CAN_STREAM and not notice.is_said:
                app = notice.watch(app)
        else:
            response = Response(
                head=head,
                limit=LARGEST_STREAM,
                exclude_headers=exclude_headers,
                fill_empty=settings.fill_empty,
                error_records=settings.error_records,
            )
        self.cycle = RequestCycle(
            app,
            scope,
            body,
            response,
            writer,
            deadline=self._deadline,
            margin=settings.deadline_margin,
            error=error,
        )
        return self.cycle

    def _result(self, cycle: RequestCycle) -> "Result":
        response = cycle.response
        assert isinstance(response, BufferedResponse), "a streamed response has no result"
        value = self.source.result(response.status, response.headers, response.body)
        return Result(value, _encode(value))


class Result(NamedTuple):
    """A function's result, and its JSON."""

    value: Any
    encoded: bytes


def _encode(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # lone surrogates must be escaped
        return json.dumps(value, separators=(",", ":")).encode()


def access(exchange: Exchange | None, ending: str, started: float, ended: float) -> Access:
    """Return the invocation's log line. `started` and `ended` are times of time.perf_counter()."""
    duration_ms = (ended - started) * 1000
    if exchange is None:
        return Access("-", "-", None, 0, 0, None, duration_ms, ending, "non-http")
    cycle = exchange.cycle
    if cycle is None:
        return Access("-", "-", None, 0, 0, None, duration_ms, ending, exchange.source.name)
    scope, response, first_byte_at = cycle.scope, cycle.response, cycle.first_byte_at
    return Access(
        scope.get("method", "-"),
        scope.get("path", "-"),
        response.status or None,
        response.body_bytes,
        response.chunks,
        None if first_byte_at is None else (first_byte_at - started) * 1000,
        duration_ms,
        ending,
        exchange.source.name,
    )
