"""StreamSafety without sockets: under a plain server, in the runtime's cycle, and in itself.

end_to_end/test_stream_safety_everywhere.py has it under uvicorn and through the emulator.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from lambda_asgi._asgi import ASGIApp, Message, Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi.errors import AppCancelled, DeadlineExceeded, DurationExceeded, UnexpectedMessage
from lambda_asgi.stream_safety import StreamSafety, stream_limits
from lambda_asgi.testing import ExecutionEnvironment, function_url_event
from tests.lambda_asgi.support import play

SHORT = 0.05
"""Seconds for an app that never ends. No test depends on anything that takes less time."""

EVENTS = [(b"content-type", b"text/event-stream")]
LINES = [(b"content-type", b"application/x-ndjson")]


class Server:
    """The other side of one request: it keeps what it is sent. `disconnect` ends the client."""

    def __init__(self, on_body: Callable[[bytes], None] | None = None) -> None:
        self.messages: list[Message] = []
        self.disconnect = asyncio.Event()
        self.gone = False
        """From then on `send` raises, as the ASGI spec has it since 2.4."""
        self.reads = asyncio.Event()
        self.reads.set()
        self._on_body = on_body
        self._asked = False

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(
            message["body"] for message in self.messages if message["type"] == "http.response.body"
        )

    @property
    def complete(self) -> bool:
        last = self.messages[-1]
        return last["type"] == "http.response.body" and not last.get("more_body", False)

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.disconnect.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.gone:
            raise ConnectionResetError("the client has gone")
        await self.reads.wait()
        self.messages.append(message)
        if self._on_body is not None and message["type"] == "http.response.body":
            self._on_body(message["body"])


def scope(method: str = "GET", **more: Any) -> Scope:
    return {"type": "http", "method": method, "path": "/", "headers": [], "extensions": {}, **more}


async def start(
    send: Send, headers: list[tuple[bytes, bytes]], status: int = 200, **more: Any
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers, **more})


async def body(send: Send, data: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


def sends_then(
    headers: list[tuple[bytes, bytes]], *parts: bytes, then: Callable[[], Coroutine[Any, Any, None]]
) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, headers)
        for part in parts:
            await body(send, part)
        await then()

    return app


async def forever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise RuntimeError("lost")


async def returns() -> None:
    pass


def guarded(app: ASGIApp, **settings: Any) -> StreamSafety:
    return StreamSafety(app, **({"margin": SHORT} | settings))


def test_a_whole_response_passes_unchanged() -> None:
    sent: list[Message] = [
        {"type": "http.response.start", "status": 200, "headers": EVENTS},
        {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        for message in sent:
            await send(message)

    async def scenario() -> None:
        server = Server()
        await guarded(app, timeout=60, max_duration=60, heartbeat=60)(
            scope(), server.receive, server.send
        )
        assert server.messages == sent

    play(scenario())


@pytest.mark.parametrize(
    ("settings", "error", "word"),
    [
        ({"max_duration": SHORT}, DurationExceeded, b"Runtime.DurationExceeded"),
        ({"timeout": SHORT * 2}, DeadlineExceeded, b"Runtime.DeadlineExceeded"),
        ({"timeout": SHORT * 2, "max_duration": 60}, DeadlineExceeded, b"Runtime.DeadlineExceeded"),
        ({"timeout": 60, "max_duration": SHORT}, DurationExceeded, b"Runtime.DurationExceeded"),
    ],
)
@pytest.mark.parametrize(
    ("headers", "part", "record"),
    [
        (EVENTS, b"data: 1\n\n", b'event: error\ndata: {"errorType":"%b"}\n\n'),
        (EVENTS, b"data: half", b'\n\nevent: error\ndata: {"errorType":"%b"}\n\n'),
        (LINES, b'{"a":1}\n', b'{"error":{"errorType":"%b"}}\n'),
        (LINES, b'{"a"', b'\n{"error":{"errorType":"%b"}}\n'),
        ([(b"content-type", b"text/plain")], b"text", b""),
        ([(b"content-length", b"100"), *EVENTS], b"data: 1\n\n", b""),
        ([(b"content-encoding", b"gzip"), *EVENTS], b"\x1f\x8b", b""),
    ],
)
def test_a_stream_that_takes_too_long(
    settings: dict[str, Any],
    error: type[Exception],
    word: bytes,
    headers: list[tuple[bytes, bytes]],
    part: bytes,
    record: bytes,
) -> None:
    async def scenario() -> None:
        server = Server()
        app = guarded(sends_then(headers, part, then=forever), **settings)
        with pytest.raises(error):
            await app(scope(), server.receive, server.send)
        assert server.body == part + (record % word if record else b"")
        assert not server.complete

    play(scenario())


def test_first_the_app_reads_disconnect_and_may_end_by_itself() -> None:
    cleaned = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await start(send, EVENTS)
        await body(send, b"data: 1\n\n")
        assert await receive() == {"type": "http.disconnect"}
        with pytest.raises(OSError, match="has been ended"):
            await body(send, b"data: too late\n\n")
        await asyncio.sleep(0)
        cleaned.append(True)

    async def scenario() -> None:
        server = Server()
        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT, margin=30)(scope(), server.receive, server.send)
        assert b"too late" not in server.body
        assert b"DurationExceeded" in server.body

    play(scenario())
    assert cleaned


def test_then_it_is_cancelled_and_its_finally_blocks_run() -> None:
    cleaned = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, EVENTS)
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def scenario() -> None:
        server = Server()
        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT)(scope(), server.receive, server.send)

    play(scenario())
    assert cleaned


def test_an_app_that_ignores_its_cancellation_is_given_up() -> None:
    async def scenario() -> None:
        let_go = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        server = Server()
        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT)(scope(), server.receive, server.send)
        assert b"Runtime.DurationExceeded" in server.body
        let_go.set()

    play(scenario())


def test_an_event_loop_that_is_held_up_skips_no_stage() -> None:
    """All times have passed before the middleware runs again."""
    cleaned = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, EVENTS)
        time.sleep(SHORT * 3)  # noqa: ASYNC251  # as an app that computes
        try:
            await forever()
        finally:
            cleaned.append(True)

    async def scenario() -> None:
        server = Server()
        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT)(scope(), server.receive, server.send)
        assert b"Runtime.DurationExceeded" in server.body

    play(scenario())
    assert cleaned


@pytest.mark.parametrize("ignores", ["send", "receive"])
def test_an_app_that_asks_again_and_again_does_not_stop_the_event_loop(ignores: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, EVENTS)
        while True:
            try:
                await (receive() if ignores == "receive" else body(send, b"data: 1\n\n"))
                await asyncio.sleep(0 if ignores == "send" else SHORT / 100)
            except OSError:
                pass

    async def scenario() -> None:
        server = Server()
        server.disconnect.set()
        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT)(scope(), server.receive, server.send)

    play(scenario())


def test_at_the_deadline_before_the_first_byte_there_is_a_504() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await forever()

    async def scenario() -> None:
        server = Server()
        await guarded(app, timeout=SHORT)(scope(), server.receive, server.send)
        assert server.status == 504
        assert server.complete

    play(scenario())


def test_the_duration_counts_from_the_response_on() -> None:
    """Before the response starts, only the deadline counts."""

    async def scenario() -> None:
        server = Server()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(SHORT * 2)
            await start(send, LINES)
            await body(send, b"{}\n", more=False)

        await guarded(app, max_duration=SHORT)(scope(), server.receive, server.send)
        assert server.complete

    play(scenario())


def test_work_after_the_response_has_no_limit() -> None:
    done = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, LINES)
        await body(send, b"", more=False)
        await asyncio.sleep(SHORT * 3)
        done.append(True)

    async def scenario() -> None:
        server = Server()
        await guarded(app, max_duration=SHORT, timeout=SHORT)(scope(), server.receive, server.send)

    play(scenario())
    assert done


@pytest.mark.parametrize(
    ("then", "error", "word"),
    [
        (fails, RuntimeError, b"Runtime.UserException"),
        (returns, UnexpectedMessage, b"Runtime.UnexpectedMessage"),
    ],
)
def test_an_app_that_breaks_off(
    then: Callable[[], Coroutine[Any, Any, None]], error: type[Exception], word: bytes
) -> None:
    async def scenario() -> None:
        server = Server()
        with pytest.raises(error):
            await guarded(sends_then(LINES, b"{}\n", then=then))(
                scope(), server.receive, server.send
            )
        assert server.body == b'{}\n{"error":{"errorType":"%b"}}\n' % word

    play(scenario())


def test_an_error_before_the_first_byte_is_the_servers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("early")

    async def scenario() -> None:
        server = Server()
        with pytest.raises(RuntimeError, match="early"):
            await guarded(app, timeout=60)(scope(), server.receive, server.send)
        assert server.messages == []

    play(scenario())


def test_an_app_that_exits_does_not_end_the_event_loop() -> None:
    async def exits() -> None:
        raise SystemExit(3)

    async def scenario() -> None:
        server = Server()
        with pytest.raises(SystemExit):
            await guarded(sends_then(EVENTS, b"data: 1\n\n", then=exits))(
                scope(), server.receive, server.send
            )
        assert b"Runtime.UserException" in server.body

    play(scenario())


def test_an_app_that_cancels_itself() -> None:
    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def scenario() -> None:
        server = Server()
        with pytest.raises(AppCancelled):
            await guarded(sends_then(EVENTS, then=cancels_itself))(
                scope(), server.receive, server.send
            )

    play(scenario())


def test_a_reader_who_has_gone_is_no_error() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await start(send, EVENTS)
        await body(send, b"data: 1\n\n")
        assert (await receive())["type"] == "http.disconnect"

    async def scenario() -> None:
        server = Server(on_body=lambda _: server.disconnect.set())
        await guarded(app, max_duration=60)(scope(), server.receive, server.send)
        assert server.body == b"data: 1\n\n"

    play(scenario())


def test_heartbeats_fill_what_is_quiet_and_never_break_an_event() -> None:
    async def scenario() -> None:
        beats = 0
        three = asyncio.Event()

        def count(data: bytes) -> None:
            nonlocal beats
            beats += data == b":\n\n"
            if beats >= 3:
                three.set()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            await body(send, b"data: 1\n\n")
            await three.wait()
            await body(send, b"data: 2")
            await asyncio.sleep(SHORT)
            await body(send, b"\n\n", more=False)

        server = Server(on_body=count)
        await guarded(app, heartbeat=SHORT / 10)(scope(), server.receive, server.send)
        assert server.complete
        assert server.body.startswith(b"data: 1\n\n:\n\n:\n\n:\n\n")
        assert server.body.endswith(b"data: 2\n\n")
        assert server.body.replace(b":\n\n", b"") == b"data: 1\n\ndata: 2\n\n"

    play(scenario())


def test_no_silence_is_longer_than_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test has its own clock. A heartbeat follows 15 s after the last message."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        sent_at: list[tuple[float, bytes]] = []
        skipped = 0.0
        monkeypatch.setattr(loop, "time", lambda: started + skipped)

        async def wait(seconds: float) -> None:
            """Let so much time pass, in steps of a second. Each is as short as its waiters need."""
            nonlocal skipped
            for _ in range(round(seconds)):
                skipped += 1.0
                for _ in range(5):
                    await asyncio.sleep(0)

        def note(data: bytes) -> None:
            sent_at.append((round(loop.time() - started), data))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            await wait(10)
            await body(send, b"data: 1\n\n")
            await wait(31)
            await body(send, b"", more=False)

        server = Server(on_body=note)
        await guarded(app, heartbeat=15)(scope(), server.receive, server.send)
        assert [at for at, data in sent_at if data == b":\n\n"] == [25, 40]

    play(scenario())


def test_the_first_heartbeat_needs_no_event_before_it() -> None:
    async def scenario() -> None:
        beaten = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            await beaten.wait()
            await body(send, b"", more=False)

        server = Server(on_body=lambda _: beaten.set())
        await guarded(app, heartbeat=SHORT / 10)(scope(), server.receive, server.send)
        assert server.body.startswith(b":\n\n")

    play(scenario())


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [
        ("HEAD", 200, EVENTS),
        ("GET", 204, EVENTS),
        ("GET", 200, LINES),
        ("GET", 200, [*EVENTS, (b"content-length", b"0")]),
        ("GET", 200, [(b"content-type", b"text/plain")]),
    ],
)
def test_no_heartbeat_where_it_would_be_content(
    method: str, status: int, headers: list[tuple[bytes, bytes]]
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, headers, status)
        await asyncio.sleep(SHORT)
        await body(send, b"", more=False)

    async def scenario() -> None:
        server = Server()
        await guarded(app, heartbeat=SHORT / 10)(scope(method), server.receive, server.send)
        assert server.body == b""

    play(scenario())


def test_a_heartbeat_finds_out_that_the_reader_has_gone() -> None:
    """Some servers report a disconnect only when something is sent. A quiet app would work on."""
    cancelled: list[bool] = []

    async def scenario() -> None:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            server.gone = True
            try:
                await forever()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        server = Server()
        with pytest.raises(ConnectionResetError):
            await guarded(app, heartbeat=SHORT / 10)(scope(), server.receive, server.send)

    play(scenario())
    assert cancelled


def test_a_reader_who_does_not_read_cannot_hold_the_end_back() -> None:
    async def scenario() -> None:
        server = Server()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await start(send, EVENTS)
            server.reads.clear()
            await body(send, b"data: 1\n\n")

        with pytest.raises(DurationExceeded):
            await guarded(app, max_duration=SHORT, heartbeat=SHORT / 10)(
                scope(), server.receive, server.send
            )
        assert server.body == b""

    play(scenario())


def test_what_a_route_asks_for_holds_for_its_response() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        stream_limits(scope).max_duration = SHORT
        await start(send, EVENTS)
        await forever()

    async def scenario() -> None:
        server = Server()
        with pytest.raises(DurationExceeded):
            await guarded(app)(scope(), server.receive, server.send)

    play(scenario())


def test_limits_without_the_middleware_are_an_error() -> None:
    with pytest.raises(LookupError, match="no StreamSafety"):
        stream_limits(scope())


def test_of_two_only_the_outer_writes_the_record_and_it_knows_the_error() -> None:
    async def scenario() -> None:
        server = Server()
        inner = guarded(sends_then(EVENTS, then=forever), max_duration=SHORT)
        with pytest.raises(DurationExceeded):
            await guarded(inner)(scope(), server.receive, server.send)
        assert server.body == b'event: error\ndata: {"errorType":"Runtime.DurationExceeded"}\n\n'

    play(scenario())


def test_without_error_records() -> None:
    async def scenario() -> None:
        server = Server()
        with pytest.raises(RuntimeError):
            await guarded(sends_then(EVENTS, then=fails), error_records=False)(
                scope(), server.receive, server.send
            )
        assert server.body == b""

    play(scenario())


@pytest.mark.parametrize("last", ["pathsend", "trailers"])
def test_other_ways_to_complete_a_response(last: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, [], trailers=last == "trailers")
        if last == "pathsend":
            await send({"type": "http.response.pathsend", "path": "/any"})
        else:
            await body(send, b"", more=False)
            await send({"type": "http.response.trailers", "headers": []})

    async def scenario() -> None:
        server = Server()
        await guarded(app, timeout=60)(scope(), server.receive, server.send)

    play(scenario())


def test_a_server_that_ends_cancels_the_app() -> None:
    cleaned = []

    async def scenario() -> None:
        running = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            running.set()
            try:
                await forever()
            finally:
                await asyncio.sleep(0)
                cleaned.append(True)

        server = Server()
        task = asyncio.create_task(guarded(app, timeout=60)(scope(), server.receive, server.send))
        await running.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned

    play(scenario())


def test_other_scopes_pass() -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, receive, send))

    async def scenario() -> None:
        server = Server()
        lifespan: Scope = {"type": "lifespan"}
        await guarded(app, timeout=60)(lifespan, server.receive, server.send)
        assert seen == [({"type": "lifespan"}, server.receive, server.send)]

    play(scenario())


@pytest.mark.parametrize(
    "settings", [{"timeout": 0}, {"max_duration": -1}, {"heartbeat": 0}, {"margin": 0}]
)
def test_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    name = next(iter(settings))
    with pytest.raises(ValueError, match=name):
        StreamSafety(sends_then([], then=returns), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("error_records", [True, False])
def test_on_an_event_function_the_stream_ends_with_trailers_and_one_record(
    error_records: bool,
) -> None:
    """That is so with and without the runtime's own records."""

    async def scenario() -> None:
        app = guarded(sends_then(EVENTS, b"data: 1\n\n", then=forever), max_duration=SHORT)
        async with ExecutionEnvironment(app, Settings(error_records=error_records)) as environment:
            response = await environment.invoke(function_url_event())
        assert response.error is not None
        assert response.error.error_type == "Runtime.DurationExceeded"
        assert (
            response.body
            == b'data: 1\n\nevent: error\ndata: {"errorType":"Runtime.DurationExceeded"}\n\n'
        )

    play(scenario())


def test_on_an_event_function_the_deadline_is_known() -> None:
    async def scenario() -> None:
        app = StreamSafety(sends_then(LINES, b"{}\n", then=forever))
        async with ExecutionEnvironment(app) as environment:
            response = await environment.invoke(function_url_event(), timeout_seconds=0.2)
        assert response.error is not None
        assert response.error.error_type == "Runtime.DeadlineExceeded"

    play(scenario())
