"""Middleware for any ASGI server on asyncio: every stream completes, or is visibly broken.

    app.add_middleware(StreamSafety, timeout=30, heartbeat=15)

A platform that cuts a response does not report it. Behind a Function URL or a Web Function
(docs/choose.md explains these terms), the client sees the status that was sent, and a body that
ends. So this middleware ends the response shortly before the platform does. It asks the app to
stop. If nothing was sent yet, it responds with 504. Otherwise it writes an error record
(server-sent events and NDJSON only, see `_records.py`), and raises an exception. The server then
breaks the connection instead of ending the body.

Lambda never tells a function that its client has left, so an app may work for nobody. Set
`max_duration` for such a route. See docs/streams.md.
"""

import asyncio
import math
from bisect import bisect
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum

from lambda_asgi._asgi import ASGIApp, Message, Receive, Scope, Send
from lambda_asgi._logging import logger
from lambda_asgi._records import ERROR_RECORDS, Records
from lambda_asgi.errors import (
    AppCancelled,
    ClientDisconnected,
    DeadlineExceeded,
    DurationExceeded,
    UnexpectedMessage,
    error_type_of,
)

_LIMITS = "lambda_asgi.stream_limits"


__all__ = ["StreamLimits", "StreamSafety", "stream_limits"]


@dataclass(slots=True)
class StreamLimits:
    """The limits of one response, in seconds; None is no limit.

    A route may change them until its response starts.
    """

    max_duration: float | None = None
    """Seconds from the response's start until the app is told to stop. The steps of `margin`
    follow, so the response may last one margin longer.
    """
    heartbeat: float | None = None
    """After so many seconds without data, server-sent events get a comment. Readers ignore it."""


def stream_limits(scope: Scope) -> StreamLimits:
    """Return the limits of this request's response, so that a route can change them.

        stream_limits(request.scope).max_duration = 60

    Args:
        scope: The request's ASGI scope.

    Raises:
        LookupError: There is no StreamSafety around the app, so a limit would have no effect.
    """
    try:
        limits: StreamLimits = scope[_LIMITS]
    except KeyError:
        raise LookupError("no StreamSafety middleware is around this app") from None
    return limits


class StreamSafety:
    """ASGI middleware that ends streams visibly. All times are in seconds.

    When a limit is reached, the app is told to stop: `receive` returns `http.disconnect`, and
    `send` raises ClientDisconnected. Half a margin later, the app is cancelled. At three quarters
    the middleware stops waiting for it. The last quarter is for the error record.

    Args:
        app: The ASGI app.
        timeout: The platform's limit for one request: a Web Function's `timeoutSeconds`, or a
            proxy's read timeout. An Event Function's deadline also applies, without any setting.
        max_duration: The default of `StreamLimits.max_duration`.
        heartbeat: The default of `StreamLimits.heartbeat`.
        margin: How long before the platform's limit the app is told to stop. At most half of the
            time that is left when the request arrives.
        error_records: Whether a broken body of server-sent events or NDJSON ends with an error
            record.

    Raises:
        ValueError: A number of seconds is not above 0.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        timeout: float | None = None,
        max_duration: float | None = None,
        heartbeat: float | None = None,
        margin: float = 2.0,
        error_records: bool = True,
    ) -> None:
        for name, value in [
            ("timeout", timeout),
            ("max_duration", max_duration),
            ("heartbeat", heartbeat),
        ]:
            if value is not None and value <= 0:
                raise ValueError(
                    f"{name}={value}: give a number of seconds above 0, or None for no limit"
                )
        if margin <= 0:
            raise ValueError(f"margin={margin}: give a number of seconds above 0")
        self._app = app
        self._timeout = timeout
        self._max_duration = max_duration
        self._heartbeat = heartbeat
        self._margin = margin
        self._error_records = error_records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        If the platform's limit is near before the response has started, the client gets a 504, and
        nothing is raised.

        Raises:
            DeadlineExceeded: The platform's limit is near, and the response has started.
            DurationExceeded: The route's own limit was reached.
            UnexpectedMessage: The app returned before its response was complete.
            AppCancelled: The app cancelled its own task.
            OSError: A heartbeat failed, because the client has left.
            Exception: What the app raised.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limits = scope[_LIMITS] = StreamLimits(self._max_duration, self._heartbeat)
        extensions = scope.get("extensions") or {}
        writes_records = self._error_records and ERROR_RECORDS not in extensions
        if writes_records:
            scope["extensions"] = {**extensions, ERROR_RECORDS: {}}
        guard = _Guard(
            receive,
            send,
            limits,
            self._margin,
            records=writes_records,
            has_body=scope["method"] != "HEAD",
        )
        seconds = min(_seconds_left(scope), math.inf if self._timeout is None else self._timeout)
        await guard.run(self._app, scope, seconds)


def _seconds_left(scope: Scope) -> float:
    """Return the seconds until the invocation's deadline; infinity outside of an Event Function."""
    remaining = getattr(scope.get("aws.context"), "get_remaining_time_in_millis", None)
    return math.inf if remaining is None else remaining() / 1000


class _Stage(IntEnum):
    """What has been done to stop an app."""

    RUNNING = 0
    TOLD = 1
    CANCELLED = 2
    GIVEN_UP = 3


class _Limit:
    """At time `at` (event loop clock) the app is told to stop, because of `error`."""

    def __init__(self, at: float, margin: float, error: Exception) -> None:
        self.error = error
        self._times = (at, at + margin / 2, at + margin * 3 / 4)

    def stage(self, now: float) -> _Stage:
        return _Stage(bisect(self._times, now))

    def next_after(self, now: float) -> float:
        return next((time for time in self._times if time > now), math.inf)


class _Guard:
    """One request: the `receive` and `send` of the app, and the end of its response."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        limits: StreamLimits,
        margin: float,
        *,
        records: bool,
        has_body: bool,
    ) -> None:
        self._server_receive = receive
        self._server_send = send
        self._wanted = limits
        self._margin = margin
        self._writes_records = records
        self._has_body = has_body
        self._loop = asyncio.get_running_loop()
        self._limits: list[_Limit] = []
        self._changed = self._loop.create_future()
        """Done when the response has started, because other limits apply from then on."""
        self._error: BaseException | None = None
        """Why the response ends early. Only the first reason is kept."""
        self._receives: set[asyncio.Timeout] = set()
        self._sending = asyncio.Lock()
        """Held for one message of the app, so that a heartbeat is between two messages."""
        self._records: Records | None = None
        self._heartbeat: float | None = None
        self._last_sent = 0.0
        self._started = self._complete = self._has_trailers = False
        self._told = self._cancelled = self._disconnected = False

    # The app's receive and send.

    async def receive(self) -> Message:
        """Return the server's messages, and `http.disconnect` as soon as a limit is reached."""
        if not self._told:
            until_told = asyncio.timeout(None)
            try:
                async with until_told:
                    self._receives.add(until_told)
                    message = await self._server_receive()
                    self._disconnected = self._disconnected or message["type"] == "http.disconnect"
                    return message
            except TimeoutError:
                if not until_told.expired():
                    raise
            finally:
                self._receives.discard(until_told)
        await asyncio.sleep(0)  # an app may ask again and again; the event loop must continue
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass one message on.

        Raises:
            ClientDisconnected: A limit was reached. Frameworks stop on this error.
            Exception: What the server raises.
        """
        async with self._sending:
            if self._told and not self._complete:
                await asyncio.sleep(0)  # as above
                raise ClientDisconnected(f"the response has been ended: {self._error}")
            try:
                await self._server_send(message)
            except BaseException:
                if self._records is not None:
                    # it may have been sent in part: a record begins a new line
                    self._records.passed(b"?")
                raise
            self._sent(message)

    def _sent(self, message: Message) -> None:
        kind = message["type"]
        self._last_sent = self._loop.time()
        if kind == "http.response.start":
            self._response_started(message)
        elif kind == "http.response.body":
            if self._records is not None:
                self._records.passed(bytes(message.get("body", b"")))
            self._complete = not self._has_trailers and not message.get("more_body", False)
        elif kind == "http.response.trailers":
            self._complete = not message.get("more_trailers", False)
        elif kind == "http.response.pathsend":
            self._complete = not self._has_trailers

    def _response_started(self, message: Message) -> None:
        self._started = True
        self._has_trailers = bool(message.get("trailers", False))
        if self._has_body and message["status"] not in (204, 304):
            self._records = Records.of(
                [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
            )
        self._heartbeat = None if self._records is None else self._wanted.heartbeat
        if (seconds := self._wanted.max_duration) is not None:
            error = DurationExceeded(
                f"the response has not ended {seconds} seconds after its start"
            )
            self._limits.append(_Limit(self._last_sent + seconds, self._margin, error))
        if not self._changed.done():
            self._changed.set_result(None)

    # Limits and time.

    async def run(self, app: ASGIApp, scope: Scope, seconds: float) -> None:
        """Run the app until it returns or is given up. `seconds` are left for its response.

        Raises:
            Exception: What ended the response early, or what the app raised after it.
        """
        if seconds < math.inf:
            margin = min(self._margin, seconds / 2)
            error = DeadlineExceeded(
                "the response has not ended, and the platform's timeout is near"
            )
            self._limits.append(_Limit(self._loop.time() + seconds - margin, margin, error))
        task = asyncio.create_task(self._run_app(app, scope))
        try:
            await self._until_ended(task)
            await self._end_response()
        except asyncio.CancelledError:  # the server ends: the app cleans up first
            task.cancel()
            await asyncio.wait([task], timeout=self._margin / 2)
            raise
        finally:
            task.cancel()
            self._error = None  # its traceback refers to this frame, and the frame to it

    async def _run_app(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._error = self._error or AppCancelled("the app cancelled its own task")
        except BaseException as error:
            # SystemExit, too: a task that raises it would end the event loop
            self._error = self._error or error
        else:
            if not self._complete and not self._disconnected:
                self._error = self._error or UnexpectedMessage(
                    "the app returned before its response was complete"
                )

    async def _until_ended(self, task: asyncio.Task[None]) -> None:
        """Wait for the app and do what is due. Returns when the app has ended or is given up."""
        beats: set[asyncio.Task[None]] = set()
        try:
            while not task.done():
                now = self._loop.time()
                stage = self._stage(now)
                self._act(stage, now, task)  # also if a busy event loop has skipped a stage
                if stage is _Stage.GIVEN_UP:
                    return
                if self._heartbeat_is_due(now) and all(beat.done() for beat in beats):
                    beats = {asyncio.create_task(self._beat())}
                changes = {self._changed, *beats}  # a heartbeat may show that the client has left
                waits = {task, *(change for change in changes if not change.done())}
                until = self._next_after(now)
                timeout = None if until == math.inf else until - now
                await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for beat in beats:
                beat.cancel()

    def _act(self, stage: _Stage, now: float, task: asyncio.Task[None]) -> None:
        """Disconnect or cancel the app, once each, when its stage says so."""
        if stage >= _Stage.TOLD and not self._told:
            self._told = True
            self._error = self._error or next(
                limit.error for limit in self._limits if limit.stage(now)
            )
            for until_told in self._receives:
                until_told.reschedule(now)
        if stage >= _Stage.CANCELLED and not self._cancelled:
            self._cancelled = True
            task.cancel()

    def _stage(self, now: float) -> _Stage:
        if self._complete:  # the middleware does not limit work after the response
            return _Stage.RUNNING
        return max((limit.stage(now) for limit in self._limits), default=_Stage.RUNNING)

    def _next_after(self, now: float) -> float:
        if self._complete:
            return math.inf
        times = [limit.next_after(now) for limit in self._limits]
        if self._heartbeat is not None and not self._told:
            due = self._last_sent + self._heartbeat
            times.append(due if due > now else now + self._heartbeat)
        return min(times, default=math.inf)

    def _heartbeat_is_due(self, now: float) -> bool:
        quiet = self._heartbeat is not None and now >= self._last_sent + self._heartbeat
        return quiet and not self._told and not self._complete and not self._sending.locked()

    async def _beat(self) -> None:
        async with self._sending:
            comment = self._records.heartbeat() if self._records is not None else b""
            self._last_sent = self._loop.time()
            if not comment or self._told or self._complete:
                return
            try:
                await self._server_send(
                    {"type": "http.response.body", "body": comment, "more_body": True}
                )
            except OSError as gone:
                self._limits.append(_Limit(self._last_sent, self._margin, gone))

    # The end of the response.

    async def _end_response(self) -> None:
        error = self._error
        if error is None:
            return
        # an OSError means that the client has left
        if not self._complete and not isinstance(error, OSError):
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._margin / 4), self._sending:
                    if not self._started and isinstance(error, DeadlineExceeded):
                        await self._send_gateway_timeout(error)
                        return
                    await self._send_error_record(error)
        try:
            raise error
        finally:
            del error

    async def _send_gateway_timeout(self, error: DeadlineExceeded) -> None:
        logger.error("%s: %s", type(error).__name__, error)
        text = str(error).encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(text)),
        ]
        await self._server_send(
            {"type": "http.response.start", "status": error.status, "headers": headers}
        )
        await self._server_send({"type": "http.response.body", "body": text})

    async def _send_error_record(self, error: BaseException) -> None:
        if self._records is not None and self._writes_records:
            record = self._records.error(error_type_of(error))
            # more_body stays True, so that the server breaks the connection.
            await self._server_send(
                {"type": "http.response.body", "body": record, "more_body": True}
            )
