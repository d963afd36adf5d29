"""Faults of the Runtime API: every status at every step, resets, bytes that are not HTTP, ...

A fault of one invocation is logged, and the next one is taken. A 500 or a lost connection ends the
process with exit code 1. `play` counts tasks, file descriptors and generators before and after each
scenario.
"""

import asyncio
import json
from typing import Any

import pytest

from lambda_asgi import _response_mode
from lambda_asgi._asgi import Message, Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi.errors import ClientDisconnected, ConnectionToRuntimeAPILost
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import RuntimeAPIServer
from tests.lambda_asgi.support import (
    Signal,
    body,
    descriptors,
    hello,
    play,
    runtime,
    stalled,
    start,
    until,
)

pytestmark = pytest.mark.usefixtures("mode")

EVENT = function_url_event("/")
QUICK = Settings(access_log=False, deadline_margin=0.2)
BUFFERED = Settings(access_log=False, response_mode=_response_mode.BUFFERED)
ONE_INVOCATION_ONLY = [400, 403, 404, 410, 413, 429]
THE_END = [500, 502, 302]


async def next_is_fine(api: RuntimeAPIServer) -> None:
    api.invoke(EVENT)
    assert b"hello" in (await api.answer()).body


async def patient(scope: Scope, receive: Receive, send: Send) -> None:
    """Streams the answer to its first invocation until nobody reads any more; then says hello."""
    if scope["aws.context"].aws_request_id != "request-1":
        await hello(scope, receive, send)
        return
    await send(start())
    await send(body(b"first", more=True))
    await receive()
    assert (await receive())["type"] == "http.disconnect"
    with pytest.raises(ClientDisconnected):
        await send(body(b"more", more=True))


# Statuses, step by step.


@pytest.mark.runtime_mode
@pytest.mark.parametrize("status", [400, 403, 410, 413])
def test_a_next_that_is_refused_is_asked_for_again(status: int) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.late_replies["/invocation/next"] = [status]
            await next_is_fine(running.api)

    play(scenario())


@pytest.mark.parametrize("status", THE_END)
def test_a_next_that_fails_ends_the_process(status: int) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.late_replies["/invocation/next"] = [status]
            assert await running.ended() == 1

    play(scenario())


@pytest.mark.parametrize("status", ONE_INVOCATION_ONLY)
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(QUICK, id="streamed"),
        pytest.param(BUFFERED, id="buffered", marks=pytest.mark.runtime_mode),
    ],
)
def test_an_answer_that_is_refused_costs_one_invocation(
    status: int, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with runtime(hello, settings=settings) as running:
            running.api.late_replies["/response"] = [status]
            running.api.invoke(EVENT)
            await running.api.answer()
            await next_is_fine(running.api)

    play(scenario())
    assert f"the Runtime API answered {status}" in caplog.text


@pytest.mark.parametrize("status", ONE_INVOCATION_ONLY)
def test_a_stream_that_is_refused_in_its_middle(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The app is told at once. The connection, which waits for the rest of the body, is closed."""

    async def scenario() -> None:
        async with runtime(patient, settings=QUICK) as running:
            running.api.replies["/response"] = [status]
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            await next_is_fine(running.api)
            assert not posted.complete
            assert running.api.connections == running.connections + 1

    play(scenario())
    assert f"the Runtime API answered {status}" in caplog.text


@pytest.mark.parametrize("status", THE_END)
@pytest.mark.parametrize("settings", [QUICK, BUFFERED], ids=["streamed", "buffered"])
@pytest.mark.parametrize("when", ["replies", "late_replies"])
def test_an_answer_that_fails_ends_the_process(status: int, settings: Settings, when: str) -> None:
    async def scenario() -> None:
        async with runtime(hello, settings=settings) as running:
            getattr(running.api, when)["/response"] = [status]
            running.api.invoke(EVENT)
            assert await running.ended() == 1

    play(scenario())


@pytest.mark.runtime_mode
@pytest.mark.parametrize("status", ONE_INVOCATION_ONLY)
def test_an_error_that_is_refused_costs_one_invocation(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.late_replies["/error"] = [status]
            running.api.invoke(b"no json")
            await running.api.answer()
            await next_is_fine(running.api)

    play(scenario())
    assert "the error was refused" in caplog.text


@pytest.mark.parametrize("status", THE_END)
def test_an_error_that_fails_ends_the_process(status: int) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.late_replies["/error"] = [status]
            running.api.invoke(b"no json")
            assert await running.ended() == 1

    play(scenario())


def test_a_reply_before_the_end_of_a_stream_means_that_nobody_reads() -> None:
    """That includes a 202: after its reply, the peer reads no more of the body."""

    async def scenario() -> None:
        async with runtime(patient, settings=QUICK) as running:
            running.api.replies["/response"] = [202]
            running.api.invoke(EVENT)
            await running.api.posts.get()
            await next_is_fine(running.api)
            assert running.api.connections == running.connections + 1

    play(scenario())


# Connections.


def test_heads_one_byte_at_a_time() -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.byte_by_byte = True
            for _ in range(3):
                await next_is_fine(running.api)
            assert running.api.connections == running.connections

    play(scenario())


def test_a_peer_that_closes_after_each_reply() -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.closes = True
            for _ in range(3):
                await next_is_fine(running.api)

    play(scenario())


@pytest.mark.runtime_mode
@pytest.mark.parametrize("settings", [QUICK, BUFFERED], ids=["streamed", "buffered"])
@pytest.mark.parametrize("waits", [False, True])
def test_a_connection_that_is_closed_while_the_app_works(settings: Settings, waits: bool) -> None:
    """It is idle between `next` and the response, which is sent over a new one."""

    async def scenario() -> None:
        working, go_on = Signal(), Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            working.set()
            await go_on.wait()
            await send(start())
            if waits:
                for _ in range(5):
                    await asyncio.sleep(0)
            await send(body(b"hello"))

        async with runtime(app, settings=settings) as running:
            running.api.invoke(EVENT)
            await working.wait()
            open_so_far = descriptors()
            running.api.drop_connections()
            # the runtime has closed its end as well
            await until(lambda: descriptors() == open_so_far - 2)
            go_on.set()
            assert b"hello" in (await running.api.answer()).body
            await next_is_fine(running.api)

    play(scenario())


def test_a_reset_in_mid_stream_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await patient(scope, receive, send)
        finally:
            ended.append("finally")

    async def scenario() -> None:
        async with runtime(app, settings=QUICK) as running:
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            while not posted.body.endswith(b"first"):
                await posted.chunk()
            running.api.drop_connections()
            assert await running.ended() == 1

    play(scenario())
    assert ended == ["finally"]
    assert "the Runtime API closed the connection" in caplog.text


def test_a_reset_while_send_waits() -> None:
    """The `send` that waits raises, not the one after it."""
    sends = 0
    raised_by = 0

    async def scenario() -> None:
        working = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal sends, raised_by
            working.set()
            await send(start())
            try:
                while True:
                    sends += 1
                    await send(body(bytes(1_000_000), more=True))
            except ClientDisconnected:
                raised_by = sends

        async with runtime(app, settings=QUICK) as running:
            running.api.invoke(EVENT)
            await working.wait()
            running.api.reading.clear()
            stalled_at = await stalled(lambda: sends)
            running.api.drop_connections()
            assert await running.ended() == 1
            assert raised_by == stalled_at

    play(scenario())


@pytest.mark.runtime_mode
def test_a_peer_that_goes_while_it_waits_for_work() -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            await next_is_fine(running.api)
            await until(lambda: running.api.polls == 2)
            running.api.drop_connections()  # a kept-alive connection: asked again over a new one
            await next_is_fine(running.api)

    play(scenario())


@pytest.mark.runtime_mode
@pytest.mark.parametrize(
    "raw",
    [
        b"garbage",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"",
    ],
    ids=lambda raw: f"{raw[-24:]!r}",
)
def test_a_next_that_is_no_invocation_ends_the_process(raw: bytes) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.raw_replies["/invocation/next"] = [raw or b" "] * 3
            assert await running.ended() == 1

    play(scenario())


@pytest.mark.parametrize("raw", [b"garbage", b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n"])
def test_a_reply_to_an_answer_that_is_none_ends_the_process(raw: bytes) -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.raw_replies["/response"] = [raw]
            running.api.invoke(EVENT)
            assert await running.ended() == 1

    play(scenario())


def test_bytes_behind_a_reply_end_the_process() -> None:
    async def scenario() -> None:
        async with runtime(hello) as running:
            reply = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
            running.api.raw_replies["/response"] = [reply * 2]
            running.api.invoke(EVENT)
            assert await running.ended() == 1

    play(scenario())


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1"])
def test_nobody_listens(address: str) -> None:
    async def scenario() -> None:
        with pytest.raises(ConnectionToRuntimeAPILost, match="no connection to the Runtime API at"):
            await RuntimeAPIClient(address).next_invocation()

    asyncio.run(scenario())


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":9001", "localhost:http"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ConnectionToRuntimeAPILost, match="is not host:port"):
        RuntimeAPIClient(address)


# What callers and the platform put into headers.


@pytest.mark.runtime_mode
def test_hostile_headers_of_an_invocation_cost_nothing() -> None:
    headers = {
        "Lambda-Runtime-Client-Context": "[" * 5000,
        "Lambda-Runtime-Cognito-Identity": "{" * 5000,
        "Lambda-Runtime-Deadline-Ms": "-" + "9" * 400,
        "Lambda-Runtime-Trace-Id": "\xe9" * 10,
    }

    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.invoke(EVENT, headers=headers)
            assert (await running.api.answer()).content == b"hello"

    play(scenario())


@pytest.mark.parametrize("settings", [QUICK, BUFFERED], ids=["streamed", "buffered"])
@pytest.mark.parametrize("event", [EVENT, b"no json"], ids=["response", "error"])
@pytest.mark.parametrize("nonce", ["nonce==", None])
def test_the_nonce_of_a_delivery_is_echoed_never_invented(
    settings: Settings, event: Any, nonce: str | None
) -> None:
    async def scenario() -> None:
        async with runtime(hello, settings=settings) as running:
            running.api.invoke(
                event, headers={} if nonce is None else {"Lambda-Runtime-Invocation-Id": nonce}
            )
            answer = await running.api.answer()
            assert answer.headers.get("lambda-runtime-invocation-id") == nonce

    play(scenario())


def test_a_long_traceback_fits_into_the_trailers() -> None:
    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        raise ValueError("é" * 100_000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", more=True))
        deep(100)

    async def scenario() -> dict[str, Any]:
        async with runtime(app) as running:
            running.api.invoke(EVENT)
            answer = await running.api.answer()
            assert (
                sum(len(name) + len(value) + 4 for name, value in answer.trailers.items()) + 2
                <= 4096
            )
            return answer.error

    error = play(scenario())
    assert error["errorMessage"].startswith("éé")
    assert "in deep" in "".join(error["stackTrace"])


def test_a_result_over_6_mib_is_a_413(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-type", b"application/octet-stream")))
        size = 4_718_500 if scope["path"] == "/fits" else 4_718_700
        message: Message = body(bytes(size))
        await send(message)

    async def scenario() -> None:
        async with runtime(app, settings=BUFFERED) as running:
            for path, status in [("/fits", 200), ("/too-much", 413)]:
                running.api.invoke(function_url_event(path))
                answer = await running.api.answer()
                assert len(answer.body) <= 6 * 1024 * 1024
                assert json.loads(answer.body)["statusCode"] == status

    play(scenario())
    assert caplog.text.count("ResponseTooLarge: the result has") == 1, (
        "the log says what the client was told"
    )
