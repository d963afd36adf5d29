"""Faults of an app that must not harm others: loops that never wait, loggers that raise, ..."""

import asyncio
import gc
import logging
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, ClassVar

import pytest

from lambda_asgi import LambdaASGI, _response_mode
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._describe import described, text_of, traceback_of
from lambda_asgi._environment import Settings
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._event_sources import EventOptions
from lambda_asgi._logging import logger
from lambda_asgi.testing import ExecutionEnvironment, function_url_event
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import (
    Signal,
    body,
    hello,
    pass_time,
    play,
    runtime,
    start,
    until,
)

EVENT = function_url_event("/")
QUIET = Settings(access_log=False)


def answered(app: Any, *, settings: Settings = QUIET, event: Any = EVENT) -> Posted:
    """What the first invocation sent. The second, by `hello`, must be answered, too."""

    async def first_is_the_apps(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["aws.context"].aws_request_id == "request-1" else hello)(
            scope, receive, send
        )

    async def scenario() -> Posted:
        async with runtime(first_is_the_apps, settings=settings) as running:
            running.api.invoke(event)
            posted = await running.api.answer()
            running.api.invoke(EVENT)
            assert (await running.api.answer()).content == b"hello"
            return posted

    return play(scenario())


# Loops that never wait.


class Turns:
    """Fail if the app blocks the event loop. Otherwise a hang would count as the app's error."""

    held_up: ClassVar[list[str]] = []

    def __init__(self, app: str) -> None:
        self._app = app
        self._since = 0

    def another_call(self) -> None:
        if not self._since:
            asyncio.get_running_loop().call_soon(self._has_turned)
        self._since += 1
        if self._since > 10_000:
            self.held_up.append(self._app)
            raise RuntimeError("the event loop does not turn")

    def _has_turned(self) -> None:
        self._since = 0


async def receives_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    turns = Turns("receives")
    await receive()
    while True:
        await receive()
        turns.another_call()


async def receives_for_ever_after_its_response(scope: Scope, receive: Receive, send: Send) -> None:
    turns = Turns("receives after its response")
    await hello(scope, receive, send)
    while True:
        assert (await receive())["type"] == "http.disconnect"
        turns.another_call()


async def sends_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    turns = Turns("sends")
    await hello(scope, receive, send)
    while True:
        with suppress(Exception):
            await send(body(b"more", more=True))
        turns.another_call()


async def sends_nonsense_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    turns = Turns("sends nonsense")
    await send(start())
    while True:
        with suppress(Exception):
            await send({"type": "nonsense"})
        turns.another_call()


async def sends_a_file_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    turns = Turns("sends a file")
    while True:
        with suppress(Exception):
            await send({"type": "http.response.pathsend", "path": "/dev/null"})
        turns.another_call()


LOOPS = [
    receives_for_ever,
    receives_for_ever_after_its_response,
    sends_for_ever,
    sends_nonsense_for_ever,
    sends_a_file_for_ever,
]


@pytest.mark.parametrize("app", LOOPS)
def test_a_loop_that_ignores_everything_ends_at_the_deadline(app: Any) -> None:
    """`receive` and a refused `send` must let the event loop continue: others need a turn."""

    async def one_loops(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["path"] == "/loops" else hello)(scope, receive, send)

    async def scenario() -> None:
        async with ExecutionEnvironment(one_loops, Settings(deadline_margin=0.2)) as environment:
            looping = asyncio.create_task(
                environment.invoke(function_url_event("/loops"), timeout_seconds=30)
            )
            for _ in range(5):
                assert (await environment.invoke(EVENT)).body == b"hello"
            for _ in range(20):  # its deadline is set: on 3.12 the others end without an iteration
                await asyncio.sleep(0)
            pass_time(30)
            response = await looping
            assert response.error is not None or response.status in (200, 500, 504)

    Turns.held_up.clear()
    play(scenario())
    assert Turns.held_up == []


def test_receive_after_a_complete_response_is_a_disconnect() -> None:
    """It must not return the body that the app has not read."""
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        received.append((await receive())["type"])

    answered(app, event=function_url_event("/", method="POST", body=b"unread"))
    assert received == ["http.disconnect"]


def test_receive_gives_the_whole_body_then_waits_for_the_disconnect() -> None:
    received: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append(await receive())
        await hello(scope, receive, send)
        received.extend([await receive(), await receive()])

    answered(app, event=function_url_event("/", method="POST", body=b"read"))
    disconnect = {"type": "http.disconnect"}
    request = {"type": "http.request", "body": b"read", "more_body": False}
    assert received == [request, disconnect, disconnect]


@pytest.mark.parametrize("kind", ["http.response.push", "http.response.debug", "x", None, 5])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_message_of_an_unknown_type_harms_nothing_when_the_app_goes_on(
    kind: Any, before: int
) -> None:
    """The response is not affected, also after `start`. uvicorn, hypercorn and granian agree."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        messages = [start(), body(b"a", more=True), body(b"b")]
        for position, message in enumerate(messages):
            if position == before:
                with pytest.raises(Exception, match="not a message of an HTTP response"):
                    await send({"type": kind, "path": "/style.css", "headers": []})
            await send(message)

    posted = answered(app)
    assert (posted.prelude["statusCode"], posted.content) == (200, b"ab")
    assert not posted.trailers


@pytest.mark.parametrize("message", [{"type": "x"}, {"type": "http.response.body", "body": 5}])
@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.usefixtures("mode")
def test_an_error_right_behind_the_start_is_a_500(message: Any, pause: bool) -> None:
    """The start must not be sent while the app waits for the error of its wrong message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if pause:
            await asyncio.sleep(0)
        await send(start())
        await send(message)

    posted = answered(app)
    assert (posted.prelude["statusCode"], posted.trailers) == (500, {})


@pytest.mark.usefixtures("mode")
def test_an_app_that_ignores_such_an_error_and_waits_has_its_start_sent() -> None:
    async def scenario() -> None:
        go_on = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start(201))
            with suppress(Exception):
                await send({"type": "x"})
            await go_on.wait()
            await send(body(b"late"))

        async with runtime(app, settings=QUIET) as running:
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            assert await posted.chunk()
            assert posted.prelude["statusCode"] == 201
            go_on.set()
            assert (await posted.end()).content == b"late"

    play(scenario())


# Loggers of the app's.


class Raising(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("lambda_asgi"):
            raise KeyError("in a filter")
        return True


@pytest.mark.usefixtures("mode")
def test_an_error_is_logged_inside_the_apps_context() -> None:
    """Otherwise Sentry reports it twice, and correlation ids are missing."""
    user: ContextVar[str] = ContextVar("user", default="-")
    seen: list[str] = []

    class Seen(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.exc_info:
                seen.append(user.get())
            return True

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        user.set("someone")
        raise KeyError("early")

    watching = Seen()
    logger.addFilter(watching)
    try:
        assert answered(app).prelude["statusCode"] == 500
    finally:
        logger.removeFilter(watching)
    assert seen == ["someone"]


class RaisingHandler(logging.Handler):
    def handle(self, record: logging.LogRecord) -> bool:
        sys.exit(3)


def raising_factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
    raise KeyError("in a record factory")


async def raises_early(scope: Scope, receive: Receive, send: Send) -> None:
    raise KeyError("early")


async def raises_late(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"first", more=True))
    raise KeyError("late")


@pytest.fixture(params=["filter", "handler", "factory", "filter of a handler"])
def _raising_logging(request: pytest.FixtureRequest) -> Any:
    root, own = logging.getLogger(), logging.getLogger("lambda_asgi")
    factory = logging.getLogRecordFactory()
    raising, handler = Raising(), RaisingHandler()
    match request.param:
        case "filter":
            own.addFilter(raising)
        case "handler":
            root.addHandler(handler)
        case "factory":
            logging.setLogRecordFactory(raising_factory)
        case _:
            handler = logging.StreamHandler()  # type: ignore[assignment]
            handler.addFilter(raising)
            root.addHandler(handler)
    yield
    own.removeFilter(raising)
    root.removeHandler(handler)
    logging.setLogRecordFactory(factory)


@pytest.mark.usefixtures("_raising_logging")
@pytest.mark.parametrize("settings", [QUIET, Settings()], ids=["", "access"])
def test_logging_that_raises_changes_no_answer(settings: Settings) -> None:
    """The client gets the 500 or the trailers, and the environment lives on."""
    assert answered(hello, settings=settings).content == b"hello"
    assert answered(raises_early, settings=settings).prelude["statusCode"] == 500
    late = answered(raises_late, settings=settings)
    assert (late.content, late.error["errorType"]) == (b"first", "KeyError")
    failed = answered(raises_early, settings=settings, event={"not": "a request"})
    assert failed.path.endswith("/error")


@pytest.mark.usefixtures("_raising_logging")
def test_logging_that_raises_with_many_at_once() -> None:
    async def scenario() -> None:
        async with ExecutionEnvironment(raises_early, QUIET) as environment:
            responses = await asyncio.gather(*(environment.invoke(EVENT) for _ in range(16)))
            assert [response.status for response in responses] == [500] * 16

    play(scenario())


def test_closed_standard_streams_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/null", "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        monkeypatch.setattr(sys, "stderr", closed)
    assert answered(raises_early, settings=Settings()).prelude["statusCode"] == 500
    assert answered(hello, settings=Settings()).content == b"hello"


# Memory.


class Held:
    """An object of the app's. `alive` has a weak reference to it."""

    def __init__(self, alive: list[Any]) -> None:
        alive.append(weakref.ref(self))


def holding(alive: list[Any], then: Callable[[Send, Receive], Any]) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        held = Held(alive)
        await then(send, receive)
        del held

    return app


async def raise_early(send: Send, receive: Receive) -> None:
    raise KeyError("early")


async def raise_late(send: Send, receive: Receive) -> None:
    await send(start())
    await send(body(b"first", more=True))
    raise KeyError("late")


async def raise_from_send(send: Send, receive: Receive) -> None:
    await send(start(200, (b"content-length", b"1")))
    await send(body(b"too long"))


async def raise_from_another(send: Send, receive: Receive) -> None:
    try:
        await send(body(b"out of order"))
    except Exception as error:
        raise KeyError("from another") from error


async def raise_after(send: Send, receive: Receive) -> None:
    await send(start())
    await send(body(b"whole"))
    raise KeyError("behind")


async def too_large(send: Send, receive: Receive) -> None:
    await send(start(200, (b"content-length", b"%d" % 1024**3)))
    await send(body(b"x", more=True))


async def return_early(send: Send, receive: Receive) -> None:
    await send(start())


async def wait_for_the_end(send: Send, receive: Receive) -> None:
    await send(start())
    await send(body(b"first", more=True))
    await receive()
    await asyncio.Event().wait()


async def do_all(send: Send, receive: Receive) -> None:
    await send(start())
    await send(body(b"all"))


ENDINGS = [
    raise_early,
    raise_late,
    raise_from_send,
    raise_from_another,
    raise_after,
    too_large,
    return_early,
    do_all,
]


@contextmanager
def no_garbage_collector() -> Iterator[None]:
    """Turn it off. No log record is kept either: pytest would keep all, with their tracebacks."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [logging.NullHandler()]
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        root.handlers = handlers


@pytest.mark.parametrize(
    "settings",
    [QUIET, Settings(access_log=False, response_mode=_response_mode.BUFFERED)],
    ids=["streamed", "buffered"],
)
@pytest.mark.parametrize("then", ENDINGS)
@pytest.mark.parametrize("event", [EVENT, {"not": "a request"}], ids=["request", "event"])
@pytest.mark.usefixtures("mode")
def test_an_invocation_leaves_nothing_for_the_garbage_collector(
    then: Any, settings: Settings, event: Any
) -> None:
    """Nor does a failed one, with its cycle: error -> traceback -> frame -> cycle -> error."""
    alive: list[Any] = []

    async def scenario() -> None:
        async with runtime(holding(alive, then), settings=settings) as running:
            running.api.invoke(event)
            await running.api.answer()
            await until(lambda: running.api.polls == 2)
            assert [reference() for reference in alive] == [None]

    with no_garbage_collector():
        play(scenario())


@pytest.mark.usefixtures("mode")
def test_a_deadline_leaves_nothing_for_the_garbage_collector() -> None:
    alive: list[Any] = []

    async def scenario() -> None:
        async with runtime(holding(alive, wait_for_the_end), settings=QUIET) as running:
            running.api.invoke(EVENT, seconds=30)
            posted = await running.api.posts.get()
            await posted.chunk()
            pass_time(30)
            await posted.end()
            await until(lambda: running.api.polls == 2)
            assert [reference() for reference in alive] == [None]

    with no_garbage_collector():
        play(scenario())


@pytest.mark.parametrize("then", [raise_early, raise_after, too_large, return_early, do_all])
def test_a_call_of_the_handler_leaves_nothing_for_the_garbage_collector(then: Any) -> None:
    alive: list[Any] = []
    handler = LambdaASGI(holding(alive, then), lifespan="off")
    with no_garbage_collector():
        with suppress(Exception):
            handler(EVENT, None)
        assert [reference() for reference in alive] == [None]
    assert handler._handler is not None
    handler._handler.close()


def test_a_long_text_of_an_exception_is_not_copied_often() -> None:
    """It is cut before it is copied. Otherwise 100 MB take 975 MiB at the peak."""
    size = 10_000_000
    error = ValueError("x" * size)
    tracemalloc.start()
    try:
        report = ErrorReport.of(error)
        report.as_json()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * size
    assert len(report.message) < 200_000


@pytest.mark.parametrize(
    "value",
    [
        b"x" * 10_000_000,
        "x" * 10_000_000,
        {"type": "x", "body": b"x" * 10_000_000},
        [["x" * 10_000_000]],
        10**100_000,
    ],
    ids=["bytes", "text", "message", "nested", "number"],
)
def test_a_large_value_is_described_in_few_words(value: Any) -> None:
    """A `repr` of all of it, cut afterwards, takes 1.7 GB for a mistyped message of 200 MB."""
    tracemalloc.start()
    try:
        text = described(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert len(text) < 1000


def test_an_exception_whose_text_raises_has_one() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "RuntimeError" in text_of(Unprintable())
    assert traceback_of(Unprintable())


class Falsy(Exception):
    """An error that is false, as some libraries' errors without items are."""

    def __len__(self) -> int:
        return 0


def test_an_exception_that_is_false_is_an_error_all_the_same() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise Falsy

    posted = answered(app)
    assert posted.prelude["statusCode"] == 500


@pytest.mark.parametrize("path", [0, 1, True, b"/dev/null", None, ["/dev/null"]])
def test_a_path_that_is_not_text(path: Any) -> None:
    """A number must not be taken for one of our descriptors, and closed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send({"type": "http.response.pathsend", "path": path})

    posted = answered(app)
    assert posted.prelude["statusCode"] == 500


def test_options_have_defaults() -> None:
    assert EventOptions()[:3] == ("", "/events", "localhost")
