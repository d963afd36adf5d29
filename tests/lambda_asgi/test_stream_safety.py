"""The stream-safety contract: every response completes verifiably or is visibly broken.

There is one section for each line of the contract. Each test runs the runtime against a Runtime API
on a real socket, and looks at what arrived there. After every scenario the process still works: it
answers one more request (see `after`).
"""

import asyncio
import json
import logging
from typing import Any

import pytest

from lambda_asgi import _cycle as cycle
from lambda_asgi._asgi import ASGIApp, Message, Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi.errors import ClientDisconnected
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import (
    Mode,
    Signal,
    body,
    hello,
    pass_time,
    play,
    runtime,
    sends,
    start,
)

pytestmark = pytest.mark.usefixtures("mode")

QUICK = Settings(access_log=False, deadline_margin=0.2)

# For invocations whose deadline comes when the test lets that time pass, on however slow a machine.
FAR = 1000.0


def routed(app: ASGIApp) -> ASGIApp:
    """`app`, except for the path /next, which gets a normal response."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await (hello if scope["path"] == "/next" else app)(scope, receive, send)

    return route


def answered(
    app: ASGIApp, event: Any = None, *, settings: Settings = QUICK, seconds: float = 30
) -> Posted:
    """What the Runtime API gets for one event, from a runtime that then answers another."""

    async def scenario() -> Posted:
        async with runtime(routed(app), settings=settings) as running:
            running.api.invoke(
                function_url_event("/x") if event is None else event, seconds=seconds
            )
            answer = await running.api.answer()
            running.api.invoke(function_url_event("/next"))
            assert (await running.api.answer()).content == b"hello"
            assert not running.has_ended
            assert running.api.connections <= running.connections
            return answer

    return play(scenario())


def overtaken(app: ASGIApp) -> Posted:
    """The same, with a deadline that comes after the app's first chunk."""

    async def scenario() -> Posted:
        async with runtime(routed(app), settings=QUICK) as running:
            running.api.invoke(function_url_event("/x"), seconds=FAR)
            posted = await running.api.posts.get()
            while not posted.content:
                await posted.chunk()
            pass_time(FAR)
            await posted.end()
            running.api.invoke(function_url_event("/next"))
            assert (await running.api.answer()).content == b"hello"
            assert running.api.connections <= running.connections
            return posted

    return play(scenario())


def streamed(answer: Posted) -> tuple[int, dict[str, str], bytes]:
    assert answer.path.endswith("/response")
    assert answer.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert answer.complete
    return answer.prelude["statusCode"], answer.prelude["headers"], answer.content


# An event that is no HTTP event: POST to the event path; the response's body is the result.


@pytest.mark.parametrize(
    ("path", "settings"), [("/events", QUICK), ("/lambda", Settings(event_path="/lambda"))]
)
def test_an_event_that_is_no_request_is_posted_to_the_event_path(
    path: str, settings: Settings
) -> None:
    event = {"Records": [{"eventSource": "aws:sqs", "body": "é"}]}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (scope["method"], scope["path"]) == ("POST", path)
        assert json.loads((await receive())["body"]) == event
        await send(start(200, (b"content-type", b"application/json")))
        await send(body(b'{"batchItemFailures":[]}'))

    answer = answered(app, event, settings=settings)
    assert (answer.path, json.loads(answer.body)) == (
        "/2018-06-01/runtime/invocation/request-1/response",
        {"batchItemFailures": []},
    )
    assert "lambda-runtime-function-response-mode" not in answer.headers


def test_an_event_that_the_app_does_not_handle_fails_the_invocation() -> None:
    answer = answered(sends(start(404), body(b"no such route")), {"Records": []})
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorType"] == "EventNotHandled"
    assert "404" in json.loads(answer.body)["errorMessage"]
    if not Mode.is_handler_mode:  # there, Lambda's own loop reports it, as "Unhandled"
        assert answer.headers["lambda-runtime-function-error-type"] == "Runtime.EventNotHandled"


def test_an_event_that_is_no_json_fails_the_invocation() -> None:
    answer = answered(hello, b"{")
    assert answer.path.endswith("/error")
    assert json.loads(answer.body)["errorType"] in ("JSONDecodeError", "Runtime.UnmarshalError")


# The app raises before anything was sent: 500 through a normal prelude.


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "error",
    [
        ValueError("secret"),
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        BaseException("x"),
        Unprintable(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    "first", [[], [start(201, (b"x", b"y"))], [start(204)], [start(200, (b"content-length", b"9"))]]
)
def test_an_error_before_the_first_byte_is_a_500(
    error: BaseException, first: list[Message]
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await sends(*first)(scope, receive, send)
        raise error

    answer = answered(app)
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": "21"}
    assert streamed(answer) == (500, headers, b"Internal Server Error")
    assert answer.trailers == {}


@pytest.mark.parametrize(
    "message", [None, {"type": "http.response.pathsend", "path": "/no/such/file"}]
)
def test_an_error_behind_a_start_that_came_late_is_a_500(
    message: Message | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop gets no turn between a held start and what the app does next."""
    monkeypatch.setattr(cycle, "FAIR_SHARE", -1.0)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(201))
        if message is not None:
            await send(message)
        raise ValueError

    assert streamed(answered(app))[0] == 500


def test_an_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("for the log only")

    answered(app)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "ValueError: for the log only"
    assert record.exc_info is not None
    assert record.exc_info[2] is not None


# The app raises after the first byte: announced trailers; never /error, never text in the body.


@pytest.mark.parametrize("waits", [False, True], ids=["after a body", "after a wait"])
def test_an_error_after_the_first_byte_ends_with_trailers(waits: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-type", b"text/event-stream")))
        if waits:
            for _ in range(3):
                await asyncio.sleep(0)
        else:
            await send(body(b"data: 1\n\n", more=True))
        raise ValueError("in mid-stream")

    answer = answered(app)
    assert streamed(answer)[2] == (b"" if waits else b"data: 1\n\n")
    assert (answer.error["trailer"], answer.error["errorType"]) == (
        "Runtime.UserException",
        "ValueError",
    )
    assert answer.error["errorMessage"] == "in mid-stream"
    assert (
        answer.headers["trailer"]
        == "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    )


def test_an_error_record_for_those_who_want_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-type", b"application/x-ndjson")))
        await send(body(b'{"n":1}\n{"n":', more=True))
        raise ValueError("secret")

    answer = answered(app, settings=Settings(error_records=True))
    assert answer.content == b'{"n":1}\n{"n":\n{"error":{"errorType":"Runtime.UserException"}}\n'
    assert answer.error["errorMessage"] == "secret"


def test_an_error_after_the_response_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        raise ValueError("in the background")

    answer = answered(app)
    assert (streamed(answer)[2], answer.trailers) == (b"hello", {})
    assert "ValueError: in the background" in caplog.text


# No response, an incomplete one, or messages out of order: as an app error that says which.


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "returned without a response"),
        ([start()], "returned before its response was complete"),
        ([body(b"x")], "sent http.response.body when nothing was sent yet"),
        ([start(), start()], "sent http.response.start when http.response.start was sent"),
        ([{"type": "websocket.accept"}], "not a message of an HTTP response"),
        ([start(99)], "the status 99"),
        ([start(200, (b"content-length", b"5")), body(b"four")], "content-length is 5"),
        ([{"type": "http.response.pathsend", "path": "/x"}], "pathsend"),
    ],
)
def test_a_wrong_message_before_the_first_byte(
    messages: list[Message], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert streamed(answered(sends(*messages)))[0] == 500
    assert said in caplog.text


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "returned before its response was complete"),
        ([start()], "sent http.response.start when the body has begun"),
        ([{"type": "http.response.trailers"}], "not a message of an HTTP response"),
        ([{"type": "http.response.body", "body": "text"}], "a body is bytes"),
        ([{"type": "http.response.pathsend", "path": "/x"}], "pathsend"),
    ],
)
def test_a_wrong_message_after_the_first_byte(messages: list[Message], said: str) -> None:
    answer = answered(sends(start(), body(b"first", more=True), *messages))
    assert streamed(answer)[2] == b"first"
    assert answer.error["trailer"] == "Runtime.UnexpectedMessage"
    assert said in answer.error["errorMessage"]


def test_a_message_after_the_end_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = answered(sends(start(), body(b"whole"), body(b"more")))
    assert (streamed(answer)[2], answer.trailers) == (b"whole", {})
    assert "when the response is complete" in caplog.text


def test_an_app_that_swallows_an_error_cannot_complete_what_lacks_a_part() -> None:
    raised: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for message in (
            body(b"one", more=True),
            {"type": "http.response.body", "body": "two"},
            body(b"three"),
        ):
            try:
                await send(message)
            except Exception as error:
                raised.append(str(error))

    answer = answered(app)
    assert streamed(answer)[2] == b"one"
    assert answer.error["trailer"] == "Runtime.UnexpectedMessage"
    assert len(raised) == 2
    assert "the response has failed" in raised[1]


def test_an_app_may_replace_a_start_that_was_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(start(200, (b"content-length", b"many")))
        except Exception:
            await sends(start(503), body(b"later"))(scope, receive, send)

    assert streamed(answered(app)) == (503, {}, b"later")


# The deadline: disconnect, then cancellation, so that `finally` blocks run. Then the trailers.


def test_at_the_deadline_the_app_is_told_then_cancelled() -> None:
    seen: list[str] = []

    async def scenario() -> Posted:
        told = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start())
            await send(body(b"first", more=True))
            await receive()
            seen.append((await receive())["type"])
            try:
                await send(body(b"late", more=True))
            except OSError as error:
                seen.append(type(error).__name__)
            told.set()
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("finally")

        # told 400 s before the deadline, cancelled 200 s before it
        async with runtime(
            routed(app), settings=Settings(access_log=False, deadline_margin=400)
        ) as running:
            running.api.invoke(function_url_event("/x"), seconds=FAR)
            posted = await running.api.posts.get()
            await posted.chunk()
            pass_time(FAR - 300)
            await told.wait()
            assert seen == ["http.disconnect", ClientDisconnected.__name__]
            pass_time(150)
            await posted.end()
            running.api.invoke(function_url_event("/next"))
            assert (await running.api.answer()).content == b"hello"
            return posted

    answer = play(scenario())
    assert seen == ["http.disconnect", ClientDisconnected.__name__, "finally"]
    assert streamed(answer)[2] == b"first"
    assert answer.error["trailer"] == "Runtime.DeadlineExceeded"


def test_at_the_deadline_before_the_first_byte() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    status, _, content = streamed(answered(app, seconds=0.3))
    assert (status, content) == (504, b"the app has not ended, and the function's timeout is near")


def test_an_app_that_ends_in_time_after_the_disconnect_still_has_a_broken_response() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", more=True))
        while (await receive())["type"] != "http.disconnect":
            pass

    assert overtaken(app).error["trailer"] == "Runtime.DeadlineExceeded"


def test_an_app_that_ignores_cancellation_is_given_up() -> None:
    async def scenario() -> None:
        release = Signal()

        async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start())
            await send(body(b"first", more=True))
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        async with runtime(routed(stubborn), settings=QUICK) as running:
            running.api.invoke(function_url_event("/x"), seconds=FAR)
            answer = await running.api.posts.get()
            await answer.chunk()
            pass_time(FAR)
            await answer.end()
            assert answer.error["trailer"] == "Runtime.DeadlineExceeded"
            running.api.invoke(function_url_event("/next"))
            assert (await running.api.answer()).content == b"hello"
            release.set()

    play(scenario())


def test_an_app_that_sends_on_for_ever_is_cut() -> None:
    """It never waits, and ignores every error of `send` as if the client had left."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        while True:
            try:
                await send(body(b"x", more=True))
            except OSError:
                continue

    assert overtaken(app).error["trailer"] == "Runtime.DeadlineExceeded"


@pytest.mark.parametrize("seconds", [0.001, -5])
def test_a_deadline_that_is_over(seconds: float) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    assert streamed(answered(app, seconds=seconds))[0] == 504


# Background work: after the client has its last byte, before `next`, and under the deadline.


def test_background_work_runs_after_the_response_and_before_next() -> None:
    async def scenario() -> None:
        may_end = Signal()
        ended = False

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal ended
            await hello(scope, receive, send)
            await may_end.wait()
            ended = True

        async with runtime(routed(app)) as running:
            running.api.invoke(function_url_event("/x"))
            assert (await running.api.answer()).content == b"hello"  # the client has all of it
            running.api.invoke(function_url_event("/next"))
            for _ in range(100):
                await asyncio.sleep(0)
            assert (running.api.polls, ended) == (1, False)
            may_end.set()
            assert (await running.api.answer()).content == b"hello"
            assert ended

    play(scenario())


def test_background_work_is_cut_at_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    cleaned_up = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal cleaned_up
        await hello(scope, receive, send)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up = True

    answer = overtaken(app)
    assert (answer.content, answer.trailers, cleaned_up) == (b"hello", {}, True)
    assert "background work is not" in caplog.text


# HEAD, 204, 304 and empty bodies: prelude and delimiter at once.


@pytest.mark.parametrize(
    ("method", "status", "sent", "headers", "content"),
    [
        ("GET", 200, b"", {"content-length": "0"}, b""),
        ("GET", 204, b"", {}, b""),
        ("GET", 304, b"", {}, b""),
        ("GET", 302, b"", {"content-length": "1"}, b"\n"),
        ("GET", 404, b"", {"content-length": "1"}, b"\n"),
        ("HEAD", 200, b"", {}, b""),
        ("HEAD", 404, b"", {}, b""),
        ("HEAD", 200, b"dropped", {}, b""),
    ],
)
def test_a_response_without_a_body(
    method: str, status: int, sent: bytes, headers: dict[str, str], content: bytes
) -> None:
    answer = answered(sends(start(status), body(sent)), function_url_event("/x", method=method))
    assert streamed(answer) == (status, headers, content)


# Headers: too many; hop-by-hop; cookies; repeated names.


def test_headers_over_16_kib_are_a_500_with_a_clear_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = answered(sends(start(200, (b"x", b"v" * 17_000)), body(b"hello")))
    assert streamed(answer)[0] == 500
    assert "HeadersTooLarge: status, headers and cookies take 17" in caplog.text
    assert "event sources read 16384" in caplog.text


def test_headers_over_16_kib_of_an_app_that_waits() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"x", b"v" * 17_000)))
        for _ in range(3):
            await asyncio.sleep(0)
        await send(body(b"hello"))

    assert streamed(answered(app))[0] == 500


def test_headers() -> None:
    lines = [
        (b"Connection", b"keep-alive"),
        (b"transfer-encoding", b"chunked"),
        (b"set-cookie", b"a=1"),
        (b"Vary", b"origin"),
        (b"set-cookie", b"b=2; Path=/"),
        (b"vary", b"accept"),
    ]
    answer = answered(sends(start(200, *lines), body(b"x")))
    assert answer.prelude == {
        "statusCode": 200,
        "headers": {"vary": "origin, accept"},
        "cookies": ["a=1", "b=2; Path=/"],
    }


def test_a_header_that_would_split_the_response(caplog: pytest.LogCaptureFixture) -> None:
    assert (
        streamed(answered(sends(start(200, (b"location", b"/\r\nset-cookie: a=b")), body(b"x"))))[0]
        == 500
    )
    assert "a control character" in caplog.text
