"""One request and its response: the app's `receive` and `send`, and how its run ends.

_response.py has the state of the response, and the ResponseWriter the wire. This module has what
happens in time: waiting, back-pressure, the deadline, a client that leaves, and the app's errors.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from lambda_asgi._asgi import ASGIApp, Message, Scope
from lambda_asgi._describe import described
from lambda_asgi._ending import Wait, ending_of, send_error, shown_to_client
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._fork_guard import is_child, leave_child
from lambda_asgi._logging import logger
from lambda_asgi._pathsend import read_ahead
from lambda_asgi._response import COMPLETE, HELD, STREAMING, BufferedResponse, Response, State
from lambda_asgi.errors import (
    AppCancelled,
    ClientDisconnected,
    DeadlineExceeded,
    EventLoopBlocked,
    LambdaASGIError,
    RuntimeAPIError,
    UnexpectedMessage,
)

# An app may send for a long time without waiting. After this time (seconds) `send` waits for the
# next iteration of the event loop: for other invocations, for the deadline, to notice that the
# client has left, and because a writer holds small parts until an iteration ends.
FAIR_SHARE = 0.001

# How often `receive` returns the disconnect without waiting, in one iteration of the event loop.
TOLD_AT_ONCE = 100

# If a timer is this late (seconds), and the next one is due, the event loop was blocked.
BLOCKED_FOR = 0.25

EXTENSIONS: dict[str, dict[str, object]] = {"http.response.pathsend": {}}

CreateTask = Callable[[Coroutine[Any, Any, None], asyncio.AbstractEventLoop], "asyncio.Task[None]"]

if sys.version_info >= (3, 12):

    def start_task(
        app: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> "asyncio.Task[None]":
        """Create a task that begins at once.

        An app that never waits ends before the event loop continues.
        """
        return asyncio.Task(app, loop=loop, eager_start=True)

else:

    def start_task(
        app: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> "asyncio.Task[None]":
        return loop.create_task(app)


class ResponseWriter(Protocol):
    """Where a streamed response goes: what a cycle needs of a transport."""

    @property
    def begun(self) -> bool:
        """Whether anything was streamed. From then on, only `fail` can report an error."""

    def when_gone(self, callback: Callable[[], None], /) -> None:
        """Call `callback` once if the response cannot be sent any more, before its end was sent."""

    def stream(self, parts: Sequence[bytes], last: bool) -> Awaitable[None] | None:
        """Send parts of the stream.

        Returns:
            What the caller must await: the peer reads more slowly than we write, or is not
            connected yet.
            None: nothing to wait for.

        Raises:
            ClientDisconnected: Nobody reads any more. Raised at once, or when awaited.
        """

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        """`stream` without waiting, for few small parts. Raises ClientDisconnected."""

    def fail(self, report: ErrorReport, /) -> None:
        """End a begun stream with an error that Lambda sees."""


class RequestCycle:
    """One run of an app for one scope.

    A run that takes too long ends in three steps. `margin` seconds before the deadline, the app
    receives `http.disconnect`, and `send` raises ClientDisconnected. Half of the margin later the
    app is cancelled, so that its `finally` blocks run. With a quarter left, the cycle stops waiting
    for the app. The same steps begin at once when the writer's peer leaves.

    Args:
        app: The ASGI app.
        scope: Its scope.
        body: The whole request body.
        response: The state of the response.
        writer: Streams the response. Without one, `response` collects it.
        deadline: When Lambda ends the invocation, in seconds since the epoch.
        margin: The time in seconds before the deadline that ending the app may take.
        error: With one, the app does not run, and the response is the error's.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        body: bytes,
        response: Response,
        writer: ResponseWriter | None = None,
        *,
        deadline: float | None = None,
        margin: float,
        error: BaseException | None = None,
    ) -> None:
        self.scope = scope
        self._app = app
        self.response = response
        self.error = error
        """What ended the response early, or the app after it."""
        self.ending = "complete"
        """One word, from docs/logging.md."""
        self.first_byte_at: float | None = None
        """A time of time.perf_counter()."""
        self._body: bytes | None = body
        self._writer = writer
        self._deadline = deadline
        self._margin = margin
        self._loop: asyncio.AbstractEventLoop
        self._task: asyncio.Task[None] | None = None
        self._disconnected = False
        self._disconnect: asyncio.Event | None = None
        """Set while `receive` waits for the disconnect."""
        self._told = 0
        """How often `receive` has returned the disconnect in this iteration of the event loop."""
        self._wait: Wait | None = None
        """Set while `finish` waits for the app's end."""
        self._began = self._last_yield = time.monotonic()
        self._in_first_step = False
        """The app runs for the first time. Its caller will check whether it waits."""
        self._waits_for_us = False
        """The app has not waited by itself: what is held stays held, and an error is still a 500.
        """
        self.logged = False
        """Whether the error is in the log."""

    # The app's receive and send.

    async def receive(self) -> Message:
        """Return the whole request body, then `http.disconnect`.

        The disconnect comes when the client has left or the response is complete.
        """
        if self._disconnected:
            self._body = None
            await self._tell_disconnect()
        elif self._body is None:
            if self._disconnect is None:
                self._disconnect = asyncio.Event()
            await self._disconnect.wait()
        else:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        return {"type": "http.disconnect"}

    async def _tell_disconnect(self) -> None:
        """Wait for an iteration of the event loop if the app has asked many times within one.

        An app may ask again and again, and the event loop must continue. The first calls return at
        once, because Starlette's `request.is_disconnected()` asks inside a cancelled scope, where a
        wait would mean "no".
        """
        self._told += 1
        if self._told == 1:
            self._loop.call_soon(self._has_turned)
        elif self._told > TOLD_AT_ONCE:
            await asyncio.sleep(0)

    def _has_turned(self) -> None:
        self._told = 0

    async def send(self, message: Message) -> None:
        """Take one message, and wait while the peer reads more slowly than the app sends.

        Raises:
            ClientDisconnected: Nobody reads any more.
            LambdaASGIError: What Response.send raises.
        """
        try:
            parts = self._take(message)
        except (LambdaASGIError, ClientDisconnected):
            self._waits_for_us = True
            # an app may ignore it and try again; the event loop must continue
            await asyncio.sleep(0)
            self._waits_for_us = False
            self._flush_soon()
            raise
        if parts is None:
            await self._send_file(message)
            return
        state = self.response.state
        if self._writer is not None:
            if parts or state is COMPLETE:
                if self.first_byte_at is None:
                    self.first_byte_at = time.perf_counter()
                try:
                    waiting = self._writer.stream(parts, state is COMPLETE)
                    if waiting is not None:
                        await waiting
                except RuntimeAPIError as error:
                    self._lost(error)
                    raise ClientDisconnected("nobody takes this response any more") from error
            else:
                self._flush_soon()
        if state is COMPLETE:
            self._disconnect_app()
        elif state is STREAMING and time.monotonic() - self._last_yield > FAIR_SHARE:
            await asyncio.sleep(0)
            self._last_yield = time.monotonic()

    def _take(self, message: Message) -> list[bytes] | None:
        """Return what to send for a message; None for a file."""
        response = self.response
        has_ended = self._disconnected or self.error is not None
        if has_ended and response.state is not COMPLETE:
            raise self._refusal()
        try:
            kind = message.get("type")
        except AttributeError:
            kind = None
        try:
            if kind == "http.response.body":
                return response.take_body(message)
            if kind == "http.response.start":
                return response.take_start(message)
        except LambdaASGIError as error:
            if response.state is not State.START:
                self._fail(error)  # a part is missing that no later message can replace
            raise
        if kind == "http.response.pathsend":
            return None
        # the response is complete without it: an app may catch this and continue
        raise UnexpectedMessage(
            f"the app sent {described(message)}: not a message of an HTTP response"
        )

    def _refusal(self) -> Exception:
        if self._disconnected:
            return ClientDisconnected("nobody reads this response any more")
        failure = type(self.error).__name__
        return UnexpectedMessage(f"the response has failed ({failure}): no more of it is sent")

    async def _send_file(self, message: Message) -> None:
        path = message.get("path")
        if self.response.state not in (HELD, STREAMING) or self.response.body_bytes:
            refusal = "which is a whole body, but not right after http.response.start"
        elif not isinstance(path, str):  # a number would be a file descriptor of ours
            refusal = f"but its path is {described(path)}, not text"
        else:
            refusal = ""
        if refusal:
            error = UnexpectedMessage(f"the app sent http.response.pathsend, {refusal}")
            self._fail(error)
            await asyncio.sleep(0)
            raise error
        assert isinstance(path, str)
        self._waits_for_us = True
        try:
            # If the file grew, send only content-length bytes.
            async with aclosing(read_ahead(path, self.response.body_left)) as pieces:
                async for piece in pieces:
                    await self.send(
                        {"type": "http.response.body", "body": piece, "more_body": True}
                    )
        except OSError as error:  # apps would take an OSError of `send` for a client that has left
            self._fail(error)
            raise
        await self.send({"type": "http.response.body"})

    def _flush_soon(self) -> None:
        if not self._in_first_step:  # the caller of `start` checks later whether the app waits
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send what is held, because the app waits."""
        if self._writer is None or self.error is not None or self._waits_for_us:
            return
        try:
            parts = self.response.flush()
        except LambdaASGIError:
            return  # the app's next message raises the same error
        try:
            if parts:
                self._writer.stream_now(parts)
        except ClientDisconnected:
            pass  # the app's next message raises it
        except RuntimeAPIError as error:
            self._lost(error)

    def _lost(self, error: RuntimeAPIError) -> None:
        """There is no connection: the accepted part of the response is lost; nothing follows."""
        self._disconnect_app()
        self._fail(error)

    def _disconnect_app(self) -> None:
        self._disconnected = True
        if self._disconnect is not None:
            self._disconnect.set()

    def _fail(self, error: BaseException) -> None:
        """Record the first error. Later ones do not count: an app may wrap or replace ours."""
        if self.error is None:
            self.error = error

    # The end of a run.

    async def run(self) -> None:
        """Run the app until it returns or is given up, then end the response.

        Background work is part of the run. What the app raises is in `error`.

        Raises:
            ConnectionToRuntimeAPILost: The process must exit.
        """
        self.start(asyncio.get_running_loop(), start_task)
        if not self.is_over:
            await self.finish()

    def start(self, loop: asyncio.AbstractEventLoop, create_task: CreateTask) -> None:
        """Start the app in `loop`.

        The caller runs one iteration of the loop, then checks `is_over`.
        """
        self._loop = loop
        if self.error is not None:
            return
        if self._writer is not None:
            self._writer.when_gone(self._gone)
        self._in_first_step = True
        self._task = create_task(self._run_app(), loop)

    @property
    def is_over(self) -> bool:
        """Whether the app has ended and its response is complete: nothing is left to `finish`."""
        return self.error is None and self._task is not None and self._task.done()

    def abort(self, error: BaseException) -> None:
        """End the app because of an error that is not its own. `finish` then ends the response."""
        self._fail(error)
        if self._task is not None:
            self._task.cancel()

    async def finish(self) -> None:
        """Do the rest of `run`, after the first iteration.

        Raises:
            ConnectionToRuntimeAPILost: The process must exit.
        """
        self._in_first_step = False
        if self._task is not None and not self._task.done():
            self._flush()
            await self._wait_for(self._task)
        if isinstance(self.error, RuntimeAPIError):
            raise self.error
        if self.error is not None:
            self._disconnect_app()
            self._log(self.error)  # also if the app has not ended
            begun = self._writer is not None and self._writer.begun
            self.ending = ending_of(self.error, self.response, begun)
            await send_error(self.response, self._writer, self.error)

    def close(self) -> None:
        """Forget the app and its error when the invocation is over.

        The error's traceback refers to the app's frames, and these refer to the cycle. Together
        they would keep the app's memory until the garbage collector runs.
        """
        self.error = None
        self._app = _no_app
        self._body = None
        self._writer = None
        self._task = None
        self._wait = None

    async def _wait_for(self, task: asyncio.Task[None]) -> None:
        self._wait = Wait(task, self._loop, self._cut)
        if self._deadline is not None:
            left = self._deadline - time.time()
            ends_at = self._loop.time() + left
            margin = min(self._margin, max(0.0, left + time.monotonic() - self._began) / 2)
            due = time.monotonic() + left - margin
            self._wait.at(ends_at - margin, self._out_of_time, ends_at, margin, due)
        await self._wait.over(grace=self._margin / 2)

    async def _run_app(self) -> None:
        try:
            await self._app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._fail(AppCancelled("the app cancelled its own task"))
        # SystemExit, too: an app's exit must not end the environment
        except BaseException as error:
            if is_child():
                leave_child(error)
            self._fail(error)
        else:
            if is_child():
                leave_child(None)
            if self.response.state is State.START:
                self._fail(UnexpectedMessage("the app returned without a response"))
            elif self.response.state is not COMPLETE:
                self._fail(UnexpectedMessage("the app returned before its response was complete"))
        if self.error is not None:
            self._log(self.error)

    def _gone(self) -> None:
        """The Runtime API has replied before the response's end, or the connection is lost."""
        self._disconnect_app()
        if self.response.state is not COMPLETE:
            self._fail(ClientDisconnected("nobody reads this response any more"))
        if self._wait is not None and not self._wait.is_over:
            self._wait.wind_up(self._loop.time() + self._margin, self._margin)

    def _out_of_time(self, ends_at: float, margin: float, due: float) -> None:
        if self._wait is None or self._task is None or self._task.done():
            return
        late = time.monotonic() - due
        if late > max(BLOCKED_FOR, margin / 2):
            self._fail(
                EventLoopBlocked(
                    f"the app blocked the event loop for {late:.1f} s or more, past its timeout"
                )
            )
        elif self.response.state is not COMPLETE:
            self._fail(
                DeadlineExceeded("the app has not ended, and the function's timeout is near")
            )
        self._disconnect_app()
        self._wait.wind_up(ends_at, margin)

    def _cut(self) -> None:
        self._fail(
            DeadlineExceeded("the response is complete, but the app's background work is not")
        )
        if self._task is not None:
            self._task.cancel()

    def replace_response(self, error: LambdaASGIError) -> None:
        """Replace a collected response, which cannot be delivered, by the response of `error`."""
        logger.error("%s: %s", type(error).__name__, error)
        self.ending = "error"
        self.response = BufferedResponse(head=False)
        self.response.fail(*shown_to_client(error), error.error_type)

    def _log(self, error: BaseException) -> None:
        """Log the error once.

        If the app's task ends, that is done inside of it, so that error trackers see the app's
        context.
        """
        if not self.logged and not isinstance(error, (ClientDisconnected, RuntimeAPIError)):
            self.logged = True
            failure = ErrorReport.of(error)
            logger.error("%s: %s", failure.name, failure.message, exc_info=error)


async def _no_app(scope: Scope, receive: Any, send: Any) -> None:
    """Replaces an app that was released."""
