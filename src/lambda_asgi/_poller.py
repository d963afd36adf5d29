"""One poller of runtime mode: it takes invocations, and answers them one after the other."""

import asyncio
import os
import time
from typing import Any

from lambda_asgi._application import Application, Exchange, access
from lambda_asgi._cycle import RequestCycle, start_task
from lambda_asgi._environment import Environment
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation, LambdaContext, current_invocation
from lambda_asgi._logging import log_access, logger
from lambda_asgi._logging.handlers import process_wide
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi._runtime_api.pending import PendingReply, PromptFuture
from lambda_asgi._runtime_api.writer import RuntimeAPIWriter
from lambda_asgi.errors import ConnectionToRuntimeAPILost, ResponseRefused, RuntimeAPIError

# Retries after the Runtime API refused a request, or after a concurrent environment lost its
# connection. The pause doubles each time. Lambda's own Python runtime also tries five times.
TRIES = 5
FIRST_PAUSE = 0.1


class Poller:
    """Takes and answers invocations until the environment ends.

    Most apps send their whole response when they are started. Then the callbacks of two replies do
    all the work: `_invoked` and `_delivered`. What has to wait for anything else, or fails, they
    hand over to `run`.
    """

    def __init__(self, environment: Environment, application: Application) -> None:
        self._environment = environment
        self._application = application
        self._client = RuntimeAPIClient(environment.runtime_api)
        self._failed = 0
        """Failures in a row."""
        self._sent: RunningInvocation | None = None
        """Sent inside a callback; its reply is missing."""
        self._handed_over: PromptFuture[RunningInvocation | None]
        """What `run` waits for: the next invocation that callbacks cannot finish."""

    async def run(self) -> None:
        """Poll until the environment ends. Then raises RuntimeAPIError."""
        try:
            while True:
                try:
                    running = await self._unfinished()
                    await running.finish()
                except RuntimeAPIError as error:
                    self._failed += 1
                    if self._failed > TRIES or not (
                        isinstance(error, ResponseRefused) or self._environment.concurrent
                    ):
                        raise
                    logger.error("asking for invocations again: %s", error)
                    await asyncio.sleep(FIRST_PAUSE * 2 ** (self._failed - 1))
        finally:
            self._client.close()
            if self._sent is not None:
                self._sent.end("cut off")

    async def _unfinished(self) -> "RunningInvocation":
        """Return the next one that has to wait. Callbacks finish the others."""
        if self._client.is_connected:
            self._handed_over = PromptFuture(loop=asyncio.get_running_loop())
            self._ask()
            running = await self._handed_over
            if running is not None:
                return running
        return self._begin(*await self._client.next_invocation())

    def _begin(self, invocation: Invocation, writer: RuntimeAPIWriter) -> "RunningInvocation":
        self._failed = 0
        running = RunningInvocation(self._environment, self._application, invocation, writer)
        running.begin()
        return running

    # Callbacks. They have a context of their own.

    def _ask(self) -> None:
        self._client.ask(self._invoked)

    def _invoked(self, reply: PendingReply) -> None:
        """The reply to `next` has arrived, or cannot arrive."""
        if self._handed_over.done():
            return  # the environment ends
        try:
            running = None
            if not self._client.is_repeatable(reply):
                running = self._begin(*self._client.invocation(reply.result()))
        except BaseException as error:
            self._handed_over.set_exception(error)
            return
        if running is None or not running.is_sent:
            self._hand_over(running)
        else:
            self._sent = running
            running.writer.when_delivered(self._delivered)

    def _delivered(self, reply: PendingReply) -> None:
        """The reply to the response of `_sent` has arrived, or cannot arrive."""
        running = self._sent
        if self._handed_over.done() or running is None:
            return  # the environment ends
        self._sent = None
        if reply.reply is None or not reply.reply.is_success:
            self._hand_over(running)
            return
        try:
            running.end("complete")
        except BaseException as error:  # of the app's logging
            self._handed_over.set_exception(error)
            return
        self._ask()

    def _hand_over(self, running: "RunningInvocation | None") -> None:
        current_invocation.set(None)
        self._handed_over.arrive(running)


class RunningInvocation:
    """One invocation under way. Call `begin`, then `finish`, or `end` if it `is_sent`."""

    def __init__(
        self,
        environment: Environment,
        application: Application,
        invocation: Invocation,
        writer: RuntimeAPIWriter,
    ) -> None:
        self._started = time.perf_counter()
        self._environment = environment
        self._application = application
        self._invocation = invocation
        self.writer = writer
        self._exchange: Exchange | None = None
        self._cycle: RequestCycle | None = None
        """The running cycle of a streamed response."""
        self._error: Exception | None = None
        """What `finish` has to report."""

    def begin(self) -> None:
        """Read the event. If the response is streamed, start the app."""
        invocation = self._invocation
        current_invocation.set(invocation)
        if not self._environment.concurrent:
            _name_in_process(invocation)
        context = LambdaContext(invocation, self._environment.function)
        try:
            exchange = self._application.exchange(invocation.event(), context, invocation.deadline)
            self._exchange = exchange
            if exchange.streams:
                self._cycle = exchange.streaming(self.writer)
                self._cycle.start(asyncio.get_running_loop(), start_task)
        except Exception as error:  # the event is not JSON, or a custom handler raises
            self._error = error

    @property
    def is_sent(self) -> bool:
        """Whether the app has ended and its whole response is sent. Only the reply is missing."""
        return self._cycle is not None and self._cycle.is_over and self.writer.is_sent

    async def finish(self) -> None:
        """Wait for the end of the response and for its reply. Raises ConnectionToRuntimeAPILost."""
        current_invocation.set(self._invocation)
        ending = "cut off"
        try:
            ending = await self._rest()
        except ResponseRefused as refusal:
            ending = "refused"
            logger.error("the answer was refused: %s", refusal)
        except ConnectionToRuntimeAPILost:
            ending = "lost"
            raise  # its meaning depends on other invocations
        except Exception as error:  # also an app that did not handle a non-HTTP event
            ending = "failed"
            logger.error("the invocation failed", exc_info=error)
            await _report(self.writer, error)
        finally:
            self.end(ending)

    async def _rest(self) -> str:
        """Return the ending of the app's run."""
        if self._error is not None:
            raise self._error
        assert self._exchange is not None, "there is no error"
        if self._cycle is None:
            result = await self._exchange.answer()
            await self.writer.result(result.encoded)
        else:
            if not self._cycle.is_over:
                await self._cycle.finish()
            await self.writer.delivered()
        assert self._exchange.cycle is not None, "it has run"
        return self._exchange.cycle.ending

    def end(self, ending: str) -> None:
        """Log the invocation, and release what it has used."""
        log_access(access(self._exchange, ending, self._started, time.perf_counter()))
        if self._exchange is not None:
            self._exchange.close()
        self._error = None  # its traceback refers to this object
        current_invocation.set(None)
        process_wide.invocation = None


async def _report(writer: RuntimeAPIWriter, error: Exception) -> None:
    try:
        if writer.begun:  # `/error` would wait for the end of the body, and so for us
            writer.fail(ErrorReport.of(error))
            await writer.delivered()
        else:
            await writer.error(ErrorReport.of(error))
    except ResponseRefused as refusal:
        logger.error("the error was refused: %s", refusal)


def _name_in_process(invocation: Invocation) -> None:
    """Set the ids of the only invocation under way in process-wide places.

    The X-Ray SDK reads them there, and so do threads without a context. This is not used with
    concurrency, where contexts have the ids.
    """
    process_wide.invocation = invocation
    set_trace_id(invocation.trace_id)


# Python's own copy of the environment variables. Changing C's environment too would leak memory:
# glibc never frees a value (160 bytes for each invocation). X-Ray's SDK reads this copy. A child
# program gets the trace id only if the app passes os.environ to it. `_data` is private, but the
# same in all versions of Python.
_PYTHON_VARIABLES: Any = getattr(os.environ, "_data", os.environ)
_TRACE_ID: Any = (
    "_X_AMZN_TRACE_ID" if _PYTHON_VARIABLES is os.environ else os.fsencode("_X_AMZN_TRACE_ID")
)


def set_trace_id(trace_id: str | None) -> None:
    """Set os.environ["_X_AMZN_TRACE_ID"] in Python's copy only."""
    if trace_id is None:
        _PYTHON_VARIABLES.pop(_TRACE_ID, None)
    else:
        _PYTHON_VARIABLES[_TRACE_ID] = (
            trace_id if _PYTHON_VARIABLES is os.environ else trace_id.encode()
        )
