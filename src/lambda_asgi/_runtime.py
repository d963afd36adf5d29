"""The runtime: start, invocation after invocation, and the end of the execution environment.

Contract: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from lambda_asgi._adapter import LambdaASGI
from lambda_asgi._asgi import ASGIApp
from lambda_asgi._environment import Environment
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._event_loop import run as run_event_loop
from lambda_asgi._fork_guard import guard_signal
from lambda_asgi._internal_extension import ShutdownNotice
from lambda_asgi._logging import configure, logger
from lambda_asgi._poller import Poller
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi._snapstart import run_after_restore, run_before_snapshot
from lambda_asgi.errors import (
    AfterRestoreError,
    BeforeSnapshotError,
    ConfigurationError,
    LambdaASGIError,
    RuntimeAPIError,
)

# After SIGTERM, Lambda leaves a runtime 300 ms of the 500 ms that internal extensions have.
SHUTDOWN_TIME = 0.3

# Time for Python's own clean-up after that: event loop, threads, atexit functions.
EXIT_TIME = 0.2

# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html
EXIT_CODES: dict[type[LambdaASGIError], int] = {BeforeSnapshotError: 64, AfterRestoreError: 65}


def run(app: ASGIApp | LambdaASGI) -> NoReturn:
    """Serve `app` from this process until Lambda ends it, as in a container image.

    The process exits with 0 when Lambda ends the environment, and with 1 (SnapStart: 64, 65) when
    it cannot continue.
    """
    adapter = app if isinstance(app, LambdaASGI) else LambdaASGI(app)
    sys.exit(serve(os.environ, lambda _: adapter))


def serve(variables: Mapping[str, str], load: Callable[[Environment], LambdaASGI]) -> int:
    """Run the execution environment to its end, and return the process's exit code.

    Args:
        variables: The environment variables.
        load: Returns the app. Like reading the variables, it is part of the initialization, whose
            failures are reported to Lambda.
    """
    try:
        environment = Environment.read(variables)
    except ConfigurationError as error:
        address = variables.get("AWS_LAMBDA_RUNTIME_API")
        if not address:
            print(f"lambda_asgi: {error}", file=sys.stderr)
            return 1
        return run_event_loop(_to_the_end(_give_up(address, error)))
    configure(environment)
    try:
        # before the event loop starts: an app's modules may run one of their own
        adapter = load(environment)
    except Exception as error:
        return run_event_loop(_to_the_end(_give_up(environment.runtime_api, error)))
    return run_event_loop(_to_the_end(Runtime(environment, adapter).run()))


async def _to_the_end(running: Coroutine[Any, Any, int]) -> int:
    """Wait for `running`, then make the process exit after EXIT_TIME. Returns the exit code.

    Otherwise Python would wait for a task that ignores its cancellation, and for every thread of
    the app, while Lambda waits for the exit.
    """
    code = await running
    exit_timer = threading.Timer(EXIT_TIME, _exit_now, [code])
    exit_timer.daemon = True
    exit_timer.start()
    return code


def _exit_now(code: int) -> NoReturn:
    with suppress(Exception):  # a stream that the app has closed
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


async def _give_up(runtime_api: str, error: Exception) -> int:
    """Report to Lambda that the environment cannot start. Returns the exit code."""
    reason = error.__cause__ or error  # for an AppImportError, the exception of the import
    logger.critical("the function cannot start: %s", error, exc_info=reason)
    report = ErrorReport.of(error)._replace(stack_trace=ErrorReport.of(reason).stack_trace)
    client = RuntimeAPIClient(runtime_api)
    try:
        if isinstance(error, AfterRestoreError):
            await client.restore_error(report)
        else:
            await client.init_error(report)
    except RuntimeAPIError as failure:  # 403: another concurrent worker was first
        logger.critical("that could not be reported: %s", failure)
    finally:
        client.close()
    return EXIT_CODES.get(type(error), 1) if isinstance(error, LambdaASGIError) else 1


class Runtime:
    """One execution environment."""

    def __init__(self, environment: Environment, adapter: LambdaASGI) -> None:
        self._environment = environment
        self._application = adapter.application(environment.settings)

    async def run(self) -> int:
        """Start, answer invocations, shut down. Returns the exit code."""
        notice = ShutdownNotice(self._environment.runtime_api)
        stop = asyncio.Event()
        handlers = _stop_on_signals(stop)
        try:
            await self._application.startup()
            if self._application.wants_shutdown:
                await notice.register()
            if self._environment.snap_start:
                await self._take_snapshot(notice)
            code = await self._serve_until(stop)
        except LambdaASGIError as error:
            code = await _give_up(self._environment.runtime_api, error)
        finally:
            notice.close()
        try:
            async with asyncio.timeout(SHUTDOWN_TIME):
                await self._application.shutdown()
        except TimeoutError:
            logger.error("the app did not shut down within %d ms", SHUTDOWN_TIME * 1000)
        if stop.is_set():
            _call_own_handlers(handlers)
        return code

    async def _take_snapshot(self, notice: ShutdownNotice) -> None:
        await run_before_snapshot()
        client = RuntimeAPIClient(self._environment.runtime_api)
        try:
            await client.restore_next()
        finally:
            client.close()
        notice.reconnect()
        await run_after_restore()

    async def _serve_until(self, stop: asyncio.Event) -> int:
        polls = [
            asyncio.create_task(Poller(self._environment, self._application).run())
            for _ in range(self._environment.max_concurrency)
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([*polls, stopped], return_when=asyncio.FIRST_COMPLETED)
            failures = [poll.exception() for poll in polls if poll.done()]
        finally:  # also if this task is cancelled, as in a test
            for task in (*polls, stopped):
                task.cancel()
            await asyncio.gather(*polls, stopped, return_exceptions=True)
        for failure in failures:
            logger.critical("the execution environment ends: %s", failure, exc_info=failure)
        return 1 if failures else 0


SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _stop_on_signals(stop: asyncio.Event) -> dict[int, Any]:
    """Make the signals that end an environment set `stop`. Returns the previous handlers."""
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in handlers.items():
        guard_signal(number, handler)
        with suppress(NotImplementedError):  # on Windows an event loop handles no signals
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return handlers


def _call_own_handlers(handlers: Mapping[int, Any]) -> None:
    """Call the SIGTERM handler that the app set at its import.

    That is done after the shutdown, as uvicorn does.
    """
    handler = handlers[signal.SIGTERM]
    if callable(handler):
        try:
            handler(signal.SIGTERM, None)
        except BaseException as error:  # the process exits next anyway
            logger.error("the app's handler of SIGTERM raised %r", error, exc_info=error)
