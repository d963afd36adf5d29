"""One call of `handler(event, context)`: stream the response, then give Lambda's loop a result.

The app runs in an event loop of ours, which runs only during such a call. Most apps respond to a
small request without ever waiting. They need one iteration of the loop and one blocking read.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from importlib import import_module
from typing import Any, NoReturn

from lambda_asgi._application import Application, Exchange, access
from lambda_asgi._callables import APP, takes
from lambda_asgi._cycle import RequestCycle
from lambda_asgi._describe import text_of
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._event_loop import log_ignored, run_until_complete
from lambda_asgi._fork_guard import guard_event_loop
from lambda_asgi._handler_mode.connection import SocketConnection
from lambda_asgi._handler_mode.lambda_loop import Delivery, LambdaLoop, UnknownLoop, attach
from lambda_asgi._handler_mode.results import NOT_KEPT, plain_result, response_of
from lambda_asgi._handler_mode.writer import SocketWriter
from lambda_asgi._logging import access_logger, init_logger, log_access, logger
from lambda_asgi._response import LARGEST_STREAM, Response
from lambda_asgi._runtime_api.protocol import checked
from lambda_asgi.errors import (
    ConfigurationError,
    ConnectionToRuntimeAPILost,
    EventError,
    LambdaASGIError,
    ResponseRefused,
    RuntimeAPIError,
)

# The result keeps bodies up to this size for wrappers: idempotency stores it. Encoding larger
# bodies again as JSON costs more than it is worth.
KEEP_UP_TO = 64 * 1024


class Handler:
    """An app in handler mode.

    `make_application` reads the settings, so it may raise ConfigurationError. The app is started at
    the end of the initialization, or by the first call if Lambda's loop does not run.
    """

    def __init__(self, make_application: Callable[[], Application]) -> None:
        self._make_application = make_application
        self._application: Application | None = None
        """The app, after it has started."""
        self._runner = asyncio.Runner()
        self._calls = threading.Lock()
        self._place: LambdaLoop | UnknownLoop | None = None
        address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
        if address:
            self._place = attach()
            self._connection = SocketConnection(address)
        if isinstance(self._place, LambdaLoop):
            self._place.before_first_wait(self._start_or_give_up)
            self._place.on_result = self._post_result
            self._place.on_error = self._post_error
            if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
                _before_snapshot(self._start)
        elif self._place is not None:
            self._start()  # in the initialization, whose errors are reported to Lambda

    # Start.

    def _start(self) -> None:
        """Start the app, once. Raises ConfigurationError and StartupFailed."""
        if self._application is not None:
            return
        if os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
            init_logger.setLevel(logging.NOTSET)
        application = self._make_application()
        guard_event_loop(self._event_loop)
        try:
            starting = self._event_loop.create_task(application.startup())
            run_until_complete(self._event_loop, starting, interruptible=True)
        except BaseException:  # the next call starts it again
            self._runner.close()
            self._runner = asyncio.Runner()
            raise
        self._application = application
        if self._place is not None:
            # imported objects stay: the garbage collector need not visit them (_loading.py)
            gc.freeze()

    def _start_or_give_up(self) -> None:
        try:
            _refuse_app_as_handler(os.environ.get("_HANDLER", ""))
            self._start()
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> NoReturn:
        logger.critical("the function cannot start: %s", error, exc_info=error.__cause__ or error)
        request = self._connection.requests.init_error(ErrorReport.of(error))
        try:
            checked(self._connection.exchange(request))
        except RuntimeAPIError as failure:  # 403: another concurrent worker was first
            logger.critical("that could not be reported: %s", failure)
        sys.exit(1)

    def close(self) -> None:
        """End the app, in tests. Lambda ends a process without telling it."""
        self._runner.close()
        if self._place is not None:
            self._connection.close()

    @property
    def _event_loop(self) -> asyncio.AbstractEventLoop:
        return self._runner.get_loop()

    # One call.

    def __call__(self, event: Any, context: Any) -> Any:
        """Return the function's result for `event`.

        Raises:
            StartupFailed: The app did not start.
            EventNotHandled: The app did not handle a non-HTTP event.
            Exception: What the app raised after its response had begun.
        """
        _refuse_running_loop()
        event = getattr(event, "raw_event", event)  # a data class of Powertools
        with self._calls:
            try:
                self._start()
            except Exception:
                self._see(event, context)
                raise
            assert self._application is not None
            loop = self._event_loop
            exchange = self._application.exchange(event, context, _deadline(context))
            delivery = self._to_answer(exchange, event, context)
            started = time.perf_counter()
            try:
                if delivery is None:
                    # The task has no variable here. Its exception refers to this frame, so the two
                    # would keep each other, and the app's memory.
                    return run_until_complete(
                        loop, loop.create_task(exchange.answer()), interruptible=True
                    ).value
                return self._stream(exchange, delivery, loop)
            except Exception as error:
                if isinstance(self._place, LambdaLoop):
                    self._place.raised = error
                raise
            finally:
                # In this mode, the level of the function's log decides.
                cycle = exchange.cycle if delivery is not None else None
                if cycle is not None and access_logger.isEnabledFor(logging.INFO):
                    ended = time.perf_counter()
                    log_access(access(exchange, cycle.ending, started, ended))
                exchange.close()

    def _see(self, event: Any, context: Any) -> None:
        """Keep the event of an invocation whose delivery was not seen: `_post_error` needs it."""
        if self._place is not None:
            delivery = self._place.delivery_of(getattr(context, "aws_request_id", ""))
            if delivery is not None and not delivery.event:
                delivery.event = json.dumps(event).encode()

    def _to_answer(self, exchange: Exchange, event: Any, context: Any) -> Delivery | None:
        """Return the invocation that this call answers by streaming.

        None means that the caller expects a result.
        """
        if not exchange.streams or self._place is None:
            return None
        delivery = self._place.delivery_of(getattr(context, "aws_request_id", ""))
        if delivery is None or delivery.answered or not delivery.brought(event):
            return None
        return delivery

    def _stream(
        self, exchange: Exchange, delivery: Delivery, loop: asyncio.AbstractEventLoop
    ) -> Any:
        writer = self._writer(delivery, keep=KEEP_UP_TO)
        cycle = exchange.streaming(writer)
        context = copy_context()
        try:
            interrupted = _run(cycle, loop, context)
            if not _deliver(writer):
                cycle.ending = "refused"
        except ConnectionToRuntimeAPILost as lost:
            cycle.ending, delivery.lost = "lost", lost
            raise
        delivery.answered = True
        if interrupted is not None:
            raise interrupted
        if writer.failed:
            _adopt(context)
            raise _raised(cycle, delivery)
        return _result(exchange, cycle, writer)

    def _writer(self, delivery: Delivery, *, keep: int = 0) -> SocketWriter:
        return SocketWriter(
            self._connection,
            self._event_loop,
            delivery.request_id,
            delivery.invocation_id,
            keep=keep,
        )

    # The loop is about to post for an invocation that no call has answered.

    def _post_result(self, delivery: Delivery, posted: bytes) -> bool:
        """A function around the handler has answered by itself."""
        exchange = self._streamed_exchange(delivery)
        if exchange is None:
            return False
        try:
            result = json.loads(posted)
        except ValueError:
            return False  # bytes, which the event source passes on unchanged
        response = self._response_to(exchange)
        try:
            status, headers, body = response_of(result)
            headers = [line for line in headers if line[0] != b"content-length"]
            parts = response.send(
                {"type": "http.response.start", "status": status, "headers": headers}
            )
            parts += response.send({"type": "http.response.body", "body": body})
        except (ValueError, LambdaASGIError) as error:
            logger.error("the handler's result is no HTTP response: %s", error)
            parts = response.fail(500, "Internal Server Error", "")
        writer = self._writer(delivery)
        writer.stream_now(parts, last=True)
        _deliver(writer)
        return True

    def _post_error(self, delivery: Delivery, posted: bytes) -> bool:
        """A function around the handler has raised, or the app did not start.

        Behind a URL that streams, the loop's own post would reach the client as a 200 with the
        error's JSON. So the client gets a 500, and Lambda gets the error.
        """
        exchange = self._streamed_exchange(delivery)
        if exchange is None:
            return False
        try:
            error = json.loads(posted)
            name, message = str(error["errorType"]), str(error["errorMessage"])
            stack_trace = tuple(map(str, error.get("stackTrace") or ()))
        except (ValueError, TypeError, KeyError):
            name, message, stack_trace = "Error", posted.decode(errors="replace"), ()
        writer = self._writer(delivery)
        writer.stream_now(self._response_to(exchange).fail(500, "Internal Server Error", ""))
        writer.fail(ErrorReport("Runtime.UserException", name, message, stack_trace))
        _deliver(writer)
        return True

    def _streamed_exchange(self, delivery: Delivery) -> Exchange | None:
        """Return the exchange of the delivered event, if its response would be streamed."""
        try:
            application = self._application or self._make_application()
            exchange = application.exchange(json.loads(delivery.event), None, None)
        except (ValueError, RecursionError, EventError, ConfigurationError):
            return None
        return exchange if exchange.streams else None

    def _response_to(self, exchange: Exchange) -> Response:
        try:
            method = exchange.source.request()[0]["method"]
        except EventError:
            method = "GET"
        fill_empty = self._application is None or self._application.settings.fill_empty
        return Response(head=method == "HEAD", limit=LARGEST_STREAM, fill_empty=fill_empty)


def _refuse_app_as_handler(name: str) -> None:
    """Raise ConfigurationError if the function's Handler names an ASGI app.

    Lambda's loop cannot call one.
    """
    module, _, attribute = name.rpartition(".")
    target = getattr(sys.modules.get(module.replace("/", ".")), attribute, None)
    if takes(target, 3) and not takes(target, 2):
        raise ConfigurationError(f"Handler {name!r} {APP}")


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "the handler runs an event loop of its own, so it cannot be called within another one: "
        "call it from a thread, such as by asyncio.to_thread(handler, event, context)"
    )


def _run(
    cycle: RequestCycle, loop: asyncio.AbstractEventLoop, context: Context
) -> BaseException | None:
    """Run the app to its end.

    Returns:
        An exception that interrupted the app from outside, such as a signal handler's.

    Raises:
        ConnectionToRuntimeAPILost: The process must end.
    """

    def plain_task(
        app: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> "asyncio.Task[None]":
        """Create a task that does not start eagerly.

        New Relic would report an eager one as a transaction of its own.
        """
        return loop.create_task(app, context=context)

    finishing: asyncio.Task[None] | None = None
    try:
        cycle.start(loop, plain_task)
        try:
            loop.stop()  # after one iteration
            loop.run_forever()
        except SystemExit as error:  # an error of a task that an earlier invocation left behind
            log_ignored(error)
        if not cycle.is_over:
            finishing = loop.create_task(cycle.finish())
            run_until_complete(loop, finishing, interruptible=True)
    except BaseException as error:
        if finishing is not None and finishing.done():
            raise
        cycle.abort(error)
        run_until_complete(loop, finishing or loop.create_task(cycle.finish()))
        return error
    return None


def _deliver(writer: SocketWriter) -> bool:
    """Send the response. Return whether the Runtime API has accepted it.

    Raises:
        ConnectionToRuntimeAPILost: The process must end.
    """
    try:
        writer.delivered()
    except ResponseRefused as refusal:
        logger.error("the answer was refused: %s", refusal)
        return False
    return True


def _adopt(context: Context) -> None:
    """Copy the context variables of the app's task to this one.

    Sentry keeps in them which errors it has already reported.
    """
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)


def _raised(cycle: RequestCycle, delivery: Delivery) -> Exception:
    """Return the error that wrappers of the handler see after a broken stream.

    It is always an Exception, so that an app's exit does not end the process.
    """
    error = cycle.error
    if not isinstance(error, Exception):
        exited = RuntimeError(f"the app raised {error!r}")
        exited.__cause__ = error
        error = exited
    if cycle.logged and logger.isEnabledFor(logging.ERROR):
        delivery.logged = type(error).__name__, text_of(error)
    return error


def _result(exchange: Exchange, cycle: RequestCycle, writer: SocketWriter) -> Any:
    response, body = cycle.response, writer.body
    if body is not None and (plain := plain_result(response.status, response.headers, body)):
        return plain
    result = exchange.source.result(response.status, response.headers, body or b"")
    if body is None:
        result[NOT_KEPT] = response.body_bytes
    return result


def _deadline(context: Any) -> float | None:
    try:
        milliseconds: int = context.get_remaining_time_in_millis()
    except (AttributeError, TypeError, NotImplementedError):
        # the context of a test may be None or have fewer attributes
        return None
    return time.time() + milliseconds / 1000


def _before_snapshot(start: Callable[[], None]) -> None:
    """Start the app before the snapshot. The hook that is registered last runs first."""
    with suppress(ModuleNotFoundError):
        import_module("snapshot_restore_py").register_before_snapshot(start)
