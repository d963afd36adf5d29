"""A run of an app, step by step: with a writer that records, and a clock that the test sets."""

import asyncio
import gc
import logging
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from lambda_asgi import _cycle
from lambda_asgi._asgi import ASGIApp, Receive, Scope, Send
from lambda_asgi._cycle import FAIR_SHARE, TOLD_AT_ONCE, RequestCycle
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._response import LARGEST_STREAM, BufferedResponse, Response
from lambda_asgi.errors import (
    AppCancelled,
    ClientDisconnected,
    ConnectionToRuntimeAPILost,
    DeadlineExceeded,
    EventError,
    EventLoopBlocked,
    ResponseTooLarge,
    UnexpectedMessage,
)
from tests.lambda_asgi.support import ForwardLoop, body, hello, pass_time, play, start

PATHSEND = "http.response.pathsend"


class Recorder:
    """A ResponseWriter whose peer reads at once, leaves when the test says so, or was lost."""

    def __init__(self, lost: Exception | None = None) -> None:
        self.sent: list[bytes] = []
        self.ended = False
        self.failed: ErrorReport | None = None
        self.leave: Callable[[], None] = lambda: None
        self._lost = lost

    @property
    def begun(self) -> bool:
        return bool(self.sent)

    def when_gone(self, callback: Callable[[], None], /) -> None:
        self.leave = callback

    def stream(self, parts: Sequence[bytes], last: bool) -> None:
        self.stream_now(parts, last)

    def stream_now(self, parts: Sequence[bytes], last: bool = False) -> None:
        if self._lost is not None:
            raise self._lost
        self.sent += parts
        self.ended = last

    def fail(self, report: ErrorReport, /) -> None:
        self.failed = report


def cycle_of(app: ASGIApp, writer: Recorder | None, **options: Any) -> RequestCycle:
    response: Response = BufferedResponse(head=False)
    if writer is not None:
        response = Response(head=False, limit=LARGEST_STREAM)
    return RequestCycle(app, {"type": "http"}, b"", response, writer, **{"margin": 8.0, **options})


class Turns:
    """Counts the iterations of the event loop."""

    def __init__(self) -> None:
        self.count = 0
        self._step()

    def _step(self) -> None:
        self.count += 1
        self._handle = asyncio.get_running_loop().call_soon(self._step)

    def stop(self) -> None:
        self._handle.cancel()


def stop_the_clock() -> ForwardLoop:
    """From here on, time passes only by `pass_time`. Returns the event loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ForwardLoop)
    loop.time = lambda: loop.ahead  # type: ignore[method-assign]
    return loop


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def until_done(run: "asyncio.Task[None]", step: float) -> None:
    """Let so many seconds pass in each iteration of the event loop, until `run` has ended."""
    while not run.done():
        await asyncio.sleep(0)
        pass_time(step)


def never_gives_in(over: list[bool]) -> ASGIApp:
    """An app that ignores each cancellation, until something is in `over`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not over:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    return app


# The client leaves.


def test_the_app_of_a_client_that_has_left_receives_the_disconnect() -> None:
    heard: list[str] = []
    refused: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        await send(body(b"x", more=True))
        heard.append((await receive())["type"])
        try:
            await send(body(b"y"))
        except ClientDisconnected as error:
            refused.append(error)
            raise

    async def scenario() -> None:
        writer = Recorder()
        cycle = cycle_of(app, writer)
        run = asyncio.create_task(cycle.run())
        await turns()
        writer.leave()
        await run
        assert heard == ["http.disconnect"]
        assert [str(error) for error in refused] == ["nobody reads this response any more"]
        assert isinstance(cycle.error, ClientDisconnected)
        assert str(cycle.error) == "nobody reads this response any more"
        assert cycle.ending == "disconnected"
        assert b"".join(writer.sent).endswith(b"x")

    play(scenario())


@pytest.mark.parametrize(
    ("complete", "error", "ending"),
    [
        (False, ClientDisconnected("nobody reads this response any more"), "disconnected"),
        (
            True,
            DeadlineExceeded("the response is complete, but the app's background work is not"),
            "deadline",
        ),
    ],
)
def test_an_app_that_ignores_that_its_client_has_left_is_ended(
    complete: bool, error: Exception, ending: str
) -> None:
    """It is cancelled at half of the margin, and given up when a quarter is left."""
    cancelled: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"x", more=not complete))
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(asyncio.get_running_loop().time())
            while not over:  # noqa: ASYNC110
                await asyncio.sleep(0)

    over: list[bool] = []

    async def scenario() -> None:
        loop = stop_the_clock()
        writer = Recorder()
        cycle = cycle_of(app, writer)
        run = asyncio.create_task(cycle.run())
        await turns()
        left = loop.time()
        writer.leave()
        await until_done(run, 0.01)
        over.append(True)
        assert cancelled[0] - left == pytest.approx(4.0, abs=0.1)
        assert loop.time() - left == pytest.approx(6.0, abs=0.1)
        await run
        assert (type(cycle.error), str(cycle.error)) == (type(error), str(error))
        assert cycle.ending == ending

    play(scenario())


def test_a_client_that_leaves_during_the_first_step_or_after_the_end() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        writer.leave()
        await receive()

    writer = Recorder()
    cycle = cycle_of(app, writer)

    async def scenario() -> None:
        await cycle.run()
        writer.leave()

    play(scenario())
    assert cycle.ending == "disconnected"


# The connection to the Runtime API is lost.


@pytest.mark.parametrize("waits", [False, True])
def test_a_lost_connection_ends_the_run_and_the_app_knows(waits: bool) -> None:
    """The head leaves with the first part of the body, or alone as soon as the app waits."""
    lost = ConnectionToRuntimeAPILost("gone")
    heard: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        if waits:
            await turns()
        else:
            with pytest.raises(ClientDisconnected, match=r"^nobody takes this response any more$"):
                await send(body(b"x", more=True))
        heard.append((await receive())["type"])
        with pytest.raises(ClientDisconnected, match=r"^nobody reads this response any more$"):
            await send(body(b"y"))

    cycle = cycle_of(app, Recorder(lost))
    with pytest.raises(ConnectionToRuntimeAPILost) as raised:
        play(cycle.run())
    assert raised.value is lost
    assert heard == ["http.disconnect"]


# What the app must not do, and what it is told.


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"type": "http.response.push"}, r"the app sent .*http\.response\.push.*: not a message"),
        (5, r"the app sent .*5.*: not a message of an HTTP response$"),
    ],
)
def test_an_app_may_continue_after_a_message_that_is_none(message: Any, told: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        before = others.count
        with pytest.raises(UnexpectedMessage, match=told):
            await send(message)
        waited.append(others.count - before)
        await hello(scope, receive, send)

    waited: list[int] = []
    others: Turns

    async def scenario() -> None:
        nonlocal others
        others = Turns()
        writer = Recorder()
        cycle = cycle_of(app, writer)
        await cycle.run()
        others.stop()
        assert (cycle.ending, cycle.error, writer.ended) == ("complete", None, True)

    play(scenario())
    assert waited == [1]


@pytest.mark.parametrize(
    ("messages", "path", "told"),
    [
        (
            [],
            "/x",
            "the app sent http.response.pathsend, which is a whole body, but not right after "
            "http.response.start",
        ),
        (
            [start(), body(b"x", more=True)],
            "/x",
            "the app sent http.response.pathsend, which is a whole body, but not right after "
            "http.response.start",
        ),
        ([start()], 3, "the app sent http.response.pathsend, but its path is 3, not text"),
    ],
)
def test_a_file_that_cannot_be_sent_fails_the_response(
    messages: list[Any], path: Any, told: str
) -> None:
    waited: list[int] = []
    refused: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        before = others.count
        with pytest.raises(UnexpectedMessage) as raised:
            await send({"type": PATHSEND, "path": path})
        waited.append(others.count - before)
        refused.append(str(raised.value))
        with pytest.raises(UnexpectedMessage) as raised:
            await send(body(b"more"))
        refused.append(str(raised.value))

    others: Turns

    async def scenario() -> None:
        nonlocal others
        others = Turns()
        cycle = cycle_of(app, Recorder())
        await cycle.run()
        others.stop()
        assert str(cycle.error) == told

    play(scenario())
    assert waited == [1]
    assert refused == [
        told,
        "the response has failed (UnexpectedMessage): no more of it is sent",
    ]


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], UnexpectedMessage("the app returned without a response")),
        ([start()], UnexpectedMessage("the app returned before its response was complete")),
    ],
)
def test_an_app_that_returns_too_early(messages: list[Any], error: Exception) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    cycle = cycle_of(app, Recorder())
    play(cycle.run())
    assert (type(cycle.error), str(cycle.error)) == (type(error), str(error))


def test_an_app_that_cancels_itself() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise asyncio.CancelledError

    cycle = cycle_of(app, Recorder())
    play(cycle.run())
    assert isinstance(cycle.error, AppCancelled)
    assert str(cycle.error) == "the app cancelled its own task"


def test_a_part_of_an_app_that_failed_receives_the_disconnect() -> None:
    heard: list[str] = []

    async def scenario() -> None:
        async def part(receive: Receive) -> None:
            heard.append((await receive())["type"])

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            parts.append(asyncio.create_task(part(receive)))
            await asyncio.sleep(0)
            raise ValueError

        parts: list[asyncio.Task[None]] = []
        await cycle_of(app, Recorder()).run()
        await parts[0]

    play(scenario())
    assert heard == ["http.disconnect"]


# The event loop continues.


def test_the_disconnect_is_told_at_once_but_not_for_ever() -> None:
    """In one iteration of the event loop, `receive` returns so many times without waiting."""
    waited: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        for _ in range(3):
            await asyncio.sleep(0)
            for _ in range(TOLD_AT_ONCE + 2):
                before = others.count
                assert (await receive())["type"] == "http.disconnect"
                waited.append(others.count - before)

    others: Turns

    async def scenario() -> None:
        nonlocal others
        others = Turns()
        await cycle_of(app, Recorder()).run()
        others.stop()

    play(scenario())
    # after the wait a new iteration begins, in which the next one is told at once
    assert waited == ([0] * TOLD_AT_ONCE + [1, 0]) * 3


def test_an_app_that_sends_without_waiting_waits_after_its_fair_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    clock = SimpleNamespace(monotonic=lambda: now, time=time.time, perf_counter=time.perf_counter)
    monkeypatch.setattr(_cycle, "time", clock)
    waited: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal now
        await send(start())
        for at in (0.0, FAIR_SHARE, 1.5 * FAIR_SHARE, 2 * FAIR_SHARE, 3 * FAIR_SHARE):
            now = at
            before = others.count
            await send(body(b"x", more=True))
            waited.append(others.count - before)
        await send(body())

    others: Turns

    async def scenario() -> None:
        nonlocal others
        others = Turns()
        await cycle_of(app, Recorder()).run()
        others.stop()

    play(scenario())
    assert waited == [0, 0, 1, 0, 1]


# The deadline.


@pytest.mark.parametrize(
    ("blocked", "error", "ending"),
    [
        (9.2, None, "complete"),
        (
            9.2 + 0.2,
            DeadlineExceeded("the app has not ended, and the function's timeout is near"),
            "deadline",
        ),
        (
            9.0 + 0.6,
            EventLoopBlocked("the app blocked the event loop for 0.6 s or more, past its timeout"),
            "blocked",
        ),
    ],
)
def test_a_blocked_event_loop_is_told_from_an_app_that_is_late(
    blocked: float, error: Exception | None, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a margin of 1 s, 0.5 s after the first step is late."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await turns()  # the wait for the app has begun
        pass_time(blocked)
        if error is not None:
            await asyncio.Event().wait()
        await hello(scope, receive, send)

    async def scenario() -> None:
        loop = stop_the_clock()
        clock = SimpleNamespace(monotonic=loop.time, time=loop.time, perf_counter=time.perf_counter)
        monkeypatch.setattr(_cycle, "time", clock)
        cycle = cycle_of(app, Recorder(), margin=1.0, deadline=loop.time() + 10)
        run = asyncio.create_task(cycle.run())
        while not run.done():
            await asyncio.sleep(0)
            if loop.ahead >= blocked:
                pass_time(0.01)
        await run
        assert (type(cycle.error), str(cycle.error)) == (
            type(error),
            "None" if error is None else str(error),
        )
        assert cycle.ending == ending

    play(scenario())


def test_an_app_that_is_given_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    over: list[bool] = []

    async def scenario() -> None:
        cycle = cycle_of(never_gives_in(over), Recorder(), margin=1.0, deadline=time.time() + 10)
        await until_done(asyncio.create_task(cycle.run()), 0.1)
        over.append(True)
        assert cycle.logged is True

    with caplog.at_level(logging.ERROR):
        play(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "DeadlineExceeded: the app has not ended, and the function's timeout is near"
    ]


def test_an_app_may_clean_up_for_half_of_the_margin_when_the_environment_ends() -> None:
    over: list[bool] = []

    async def scenario() -> None:
        loop = stop_the_clock()
        run = asyncio.create_task(cycle_of(never_gives_in(over), Recorder()).run())
        await turns()
        began = loop.time()
        run.cancel()
        await until_done(run, 0.01)
        over.append(True)
        assert loop.time() - began == pytest.approx(4.0, abs=0.1)
        assert run.cancelled()

    play(scenario())


# Other ways to end.


def test_an_error_of_the_event_is_the_response_and_the_app_does_not_run() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    writer = Recorder()
    cycle = cycle_of(app, writer, error=EventError("no such event"))
    play(cycle.run())
    assert cycle.ending == "error"
    assert cycle.response.status == 400
    assert writer.ended
    assert writer.failed is None


def test_an_error_that_is_not_the_apps_own_ends_the_app() -> None:
    async def scenario() -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.Event().wait()

        cycle = cycle_of(app, Recorder())
        cycle.start(asyncio.get_running_loop(), _cycle.start_task)
        await turns()
        error = ConnectionToRuntimeAPILost("gone")
        cycle.abort(error)
        with pytest.raises(ConnectionToRuntimeAPILost) as raised:
            await cycle.finish()
        assert raised.value is error

        never_started = cycle_of(app, None)
        never_started.abort(error)
        assert never_started.error is error

    play(scenario())


def test_a_collected_response_is_replaced_by_that_of_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cycle = cycle_of(hello, None)
    play(cycle.run())
    with caplog.at_level(logging.ERROR):
        cycle.replace_response(ResponseTooLarge("too large"))
    assert isinstance(cycle.response, BufferedResponse)
    assert (cycle.response.status, cycle.ending) == (413, "error")
    assert cycle.response.body
    assert [record.getMessage() for record in caplog.records] == ["ResponseTooLarge: too large"]
    types = [value for name, value in cycle.response.headers if name.endswith(b"error-type")]
    assert types in ([], [ResponseTooLarge.error_type.encode()])


def test_an_error_after_a_complete_response_does_not_change_it() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        raise ValueError

    writer = Recorder()
    cycle = cycle_of(app, writer)
    play(cycle.run())
    assert cycle.ending == "background-error"
    assert writer.ended
    assert writer.failed is None
    assert b"".join(writer.sent).endswith(b"hello")


def test_an_app_that_is_given_up_is_cancelled_once_more() -> None:
    """`play` fails if its task is left."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def scenario() -> None:
        cycle = cycle_of(app, Recorder(), margin=1.0, deadline=time.time() + 10)
        await until_done(asyncio.create_task(cycle.run()), 0.1)

    play(scenario())


def test_a_run_that_has_ended_is_not_kept_by_its_timers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await turns()
        await hello(scope, receive, send)

    async def scenario() -> None:
        cycle = cycle_of(app, Recorder(), deadline=time.time() + 1000)
        await cycle.run()
        cycle.close()
        kept = weakref.ref(cycle)
        del cycle
        await turns()
        assert kept() is None

    gc.disable()
    try:
        play(scenario())
    finally:
        gc.enable()
